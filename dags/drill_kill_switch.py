"""### Practises the kill switch each week, on an account of its own

Every Monday at 07:00 (UTC), and by hand: the switch is turned and read back in a transaction that is taken
back; at the drill's account orders are opened, entries cancelled, everything cancelled, and an order is
left to the exchange's own dead man's switch. Real switch, orders and balances stay as they are.

| task | reads | writes |
|---|---|---|
| `drill` | the account of the connection `bingx_drill` | its orders and positions, which are cleared away; \
`trading_drills` |

The account must hold play money: the sandbox's, or BingX's demo trading under another key than the
platform's. Without the connection nothing can be practised, and the run fails and says so. A failed drill is
**critical**: do not rely on the switch before you know why. More: `docs/exchange.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.connections import open_database, open_drill_account, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

DAG_ID = "drill_kill_switch"
NEXT_STEP = (
    "Nothing real was touched. The page Exchange shows which step failed; until a drill succeeds, be ready "
    "to cancel at the exchange itself. Without a connection bingx_drill nothing was practised: "
    "docs/exchange.md."
)


@task(area="api", outside=True, pool="market_data", retries=1)
def drill(this_run: str) -> str:
    """Practise; say what worked and how long it took. A step that failed fails the task."""
    from include.exchange.drill import drill_kill_switch as practise

    with open_database("drill") as engine, open_drill_account(engine) as account:
        done = practise(engine, account, run_url=run_url(DAG_ID, this_run))
    if not done.success:
        raise AirflowFailException(done.words)
    return done.words


@dag(
    dag_id=DAG_ID,
    schedule="0 7 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has connected an account for it
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    **explained(__doc__),
    **tagged(Subject.EXCHANGE),
    **dag_defaults(
        owner="trading", area="api", freezes_with="work", next_step=NEXT_STEP, severity="critical"
    ),
)
def drill_kill_switch() -> None:
    """Wire the one step."""
    drill("{{ run_id }}")


drill_kill_switch()
