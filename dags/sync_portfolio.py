"""### Looks at every portfolio and stores what is held

Every hour at half past: the accounts of Interactive Brokers, the exchange as reconciliation saw it last, and
a file, whichever the setting `portfolio_sources` names. Each look is a dated snapshot, whole, or a failure
with its reason: a page that fails is no empty portfolio. Nothing is traded. More: `docs/portfolio.md`.

| task | reads | writes |
|---|---|---|
| `sync` | IBKR's gateway, `exchange_balances` and positions, a file | `portfolio_syncs`, \
`portfolio_positions`, `portfolio_values` |
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.connections import endpoint, load_settings, open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "The last snapshot stands, and shows its age; the next run, in an hour, looks again. "
    "`SELECT reason FROM portfolio_syncs ORDER BY id DESC` says what was missing: often the gateway's login."
)


@task(area="api", outside=True, pool="market_data")
def sync() -> list[str]:
    """Look at each source that is set; fail at the end, in words, if one could not be read."""
    from include.http.client import Client
    from include.portfolio.snapshot import PortfolioError
    from include.portfolio.sync import sync_exchange, sync_file, sync_ibkr
    from include.services import find_service

    settings = load_settings()
    with open_database("sync_portfolio") as engine:

        def look_at_ibkr() -> list[str]:
            with Client(find_service("ibkr"), endpoint("ibkr"), engine) as client:
                return sync_ibkr(engine, client)

        looks = {
            "ibkr": look_at_ibkr,
            "exchange": lambda: sync_exchange(engine),
            "file": lambda: sync_file(engine, settings.portfolio_file),
        }
        said, failed = [], []
        for source in settings.portfolio_sources:
            try:
                said += looks[source]()
            except PortfolioError as error:
                failed.append(str(error))
    if failed:
        raise PortfolioError("; ".join(failed))
    return said


@dag(
    schedule="30 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has a portfolio
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    **explained(__doc__),
    **tagged(Subject.PORTFOLIO),
    **dag_defaults(owner="trading", area="api", freezes_with="probes", next_step=NEXT_STEP),
)
def sync_portfolio() -> None:
    """Wire the one step."""
    sync()


sync_portfolio()
