"""### Compares our orders, trades and positions with the exchange's

Every five minutes. What evidence allows is mended: missed trades, states, orders whose outcome nobody knew.
What only the exchange knows is adopted as `external`. The rest is one row of `reconciliation_differences`
until it agrees, and the alert rules notify of it. Nothing is submitted or cancelled.

| task | reads | writes |
|---|---|---|
| `reconcile` | `orders`, `fills`; the exchange's orders, trades, positions, money | the same two; \
`reconciliations`, `reconciliation_differences`, `exchange_balances` |

An answer that fails is evidence of nothing: the run fails, and changes nothing.
More: `docs/reconciliation.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.connections import load_settings, open_database, open_exchange, run_url
from include.airflow.dag import WATCHER_PRIORITY, dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

DAG_ID = "reconcile_exchange"
NEXT_STEP = (
    "Nothing was changed; the next run, in five minutes, asks for all that this one missed. Is the exchange "
    "there, and the key right? `SELECT reason FROM reconciliations ORDER BY id DESC` says what was missing."
)


@task(area="api", outside=True, pool="market_data", priority_weight=WATCHER_PRIORITY)
def reconcile(this_run: str) -> str:
    """Compare once; say what was found."""
    from include.exchange.reconcile import reconcile

    settings = load_settings()
    with open_database("reconcile") as engine, open_exchange(settings, engine) as exchange:
        found = reconcile(engine, exchange, run_url=run_url(DAG_ID, this_run))
    left = f"; {found.reason}" if found.reason else ""
    return (
        f"{found.outcome}: {found.checked} compared, {found.differences} differences, "
        f"{found.resolved} mended or agreed again{left}"
    )


@dag(
    dag_id=DAG_ID,
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has connected an exchange
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    **explained(__doc__),
    **tagged(Subject.EXCHANGE),
    **dag_defaults(
        owner="trading", area="api", freezes_with="probes", next_step=NEXT_STEP, severity="critical"
    ),
)
def reconcile_exchange() -> None:
    """Wire the one step."""
    reconcile("{{ run_id }}")


reconcile_exchange()
