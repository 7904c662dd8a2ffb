"""The one list of pages: where each is, what it is called, under which heading it stands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageLink:
    """A page as the navigation shows it.

    Attributes:
        path: where it is, below the address at which the desk is mounted.
        title: its short name.
        group: the heading under which it stands.
    """

    path: str
    title: str
    group: str


NAVIGATION = (
    PageLink("/overview", "Overview", "Trading"),
    PageLink("/trades", "Trades", "Trading"),
    PageLink("/performance", "Performance", "Trading"),
    PageLink("/kpis", "KPIs", "Trading"),
    PageLink("/costs", "Model costs", "Trading"),
    PageLink("/exchange", "Exchange", "Trading"),
    PageLink("/portfolio", "Portfolio", "Trading"),
    PageLink("/access", "Token access", "Trading"),
    PageLink("/reports", "Reports", "Trading"),
    PageLink("/exports", "Exports and replays", "Trading"),
    PageLink("/freshness", "Freshness and holes", "Data"),
    PageLink("/data-docs", "Data quality", "Data"),
    PageLink("/alerts", "Alerts", "Operations"),
    PageLink("/monitoring", "Monitoring", "Operations"),
    PageLink("/probes", "Probes", "Operations"),
    PageLink("/backups", "Backups", "Operations"),
    PageLink("/maintenance", "Database upkeep", "Operations"),
    PageLink("/operating", "Operating", "Operations"),
    PageLink("/freeze", "Freeze", "Operations"),
    PageLink("/api-keys", "API keys", "Operations"),
)


# The pages by heading, in this order.
GROUPS = {
    group: [page for page in NAVIGATION if page.group == group]
    for group in dict.fromkeys(page.group for page in NAVIGATION)
}

# Where the tab of a DAG leads; of one that is not named, to the alerts.
_OF_DAGS = {
    "settle_trades": "/trades",
    "collect_candles": "/freshness",
    "analyse_trades": "/costs",
    "generate_signals": "/trades",
    "roll_up_stats": "/kpis",
    "collect_signals": "/exchange",
    "switch_trading": "/exchange",
    "guard_trading": "/exchange",
    "drill_kill_switch": "/exchange",
    "submit_orders": "/exchange",
    "reconcile_exchange": "/exchange",
    "sync_portfolio": "/portfolio",
    "assess_risk": "/portfolio",
    "adjust_token_requirement": "/access",
    "verify_balances": "/access",
    "replay_trades": "/exports",
    "export_trades": "/exports",
    "audit_data_quality": "/data-docs",
    "maintain_database": "/maintenance",
    "clean_up": "/maintenance",
    "manage_backups": "/backups",
    "drill_restore": "/backups",
    "restore_database": "/backups",
    "restore_graph": "/backups",
    "drop_kept_database": "/backups",
}
_OF_KINDS = {"back_up_": "/backups", "probe_": "/probes", "report_": "/reports"}


def page_of(dag_id: str) -> str:
    """The page that shows what a DAG does."""
    kind = next((page for prefix, page in _OF_KINDS.items() if dag_id.startswith(prefix)), "/alerts")
    return _OF_DAGS.get(dag_id, kind)
