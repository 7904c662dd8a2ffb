"""The one list of pages: where each is, what it is called, under which heading it stands."""

from collections.abc import Collection
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


def mounted_groups(paths: Collection[str]) -> dict[str, list[PageLink]]:
    """The pages that are among these paths of an application, by heading, in the order of NAVIGATION.

    A page is in the navigation from when its route is mounted: nothing links to what is not there.
    """
    groups: dict[str, list[PageLink]] = {}
    for page in NAVIGATION:
        if page.path in paths:
            groups.setdefault(page.group, []).append(page)
    return groups


# Where the tab of a DAG leads: to the first of these pages that is mounted; of one not named, to the alerts.
_OF_DAGS = {
    "settle_trades": ("/trades", "/overview"),
    "collect_candles": ("/freshness",),
    "analyse_trades": ("/costs",),
    "generate_signals": ("/trades", "/costs"),
    "roll_up_stats": ("/kpis", "/performance"),
    "switch_trading": ("/exchange",),
    "guard_trading": ("/exchange",),
    "submit_orders": ("/exchange",),
    "reconcile_exchange": ("/exchange",),
    "replay_trades": ("/exports",),
    "export_trades": ("/exports",),
    "audit_data_quality": ("/data-docs",),
    "maintain_database": ("/maintenance",),
    "clean_up": ("/maintenance",),
    "manage_backups": ("/backups",),
    "drill_restore": ("/backups",),
    "restore_database": ("/backups",),
    "drop_kept_database": ("/backups",),
}
_OF_KINDS = {"back_up_": ("/backups",), "probe_": ("/probes",), "report_": ("/reports",)}


def pages_of(dag_id: str) -> tuple[str, ...]:
    """The pages that show what a DAG does, the best first."""
    kind = next((pages for prefix, pages in _OF_KINDS.items() if dag_id.startswith(prefix)), ())
    return _OF_DAGS.get(dag_id, kind)
