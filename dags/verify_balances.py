"""### Verifies who holds the tokens, and judges who has access

Half an hour after each hour: what every wallet holds is asked of a Solana node, 100 wallets in a call, and
each holder is judged by what is required. **Nobody loses access without the full grace after a raise**, and a
balance that cannot be read denies nothing.

| task | reads | writes |
|---|---|---|
| `check_balances` | `token_holders`, the node | `token_balances`, where they changed; `access_checks` |
| `judge_access` | those, `token_requirements`, `access_grants` | `access_grants`, `access_counts`, notices |

`judge_access` runs also when the node is away: then the last known balances count, as long as they may. A run
stands for its moment, and first judges those before it that nobody has judged; a backfill, in any order and
several runs at once, asks no node, and judges by what was known then. Rules: `docs/access.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import TriggerRule, dag, get_current_context

from include.airflow.connections import endpoint_if_any, load_settings, open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "What was read is kept, and a repeated run goes on behind it. Nobody is denied by a balance that could "
    "not be read. Is the node there? `SELECT * FROM access_checks ORDER BY checked_at DESC LIMIT 4`: "
    "docs/access.md."
)


@task(area="api", outside=True, pool="market_data", execution_timeout=timedelta(minutes=40))
def check_balances(this_run: str) -> str:
    """Read what all wallets hold; say how many."""
    from include.access.verification import check_balances
    from include.http.client import Client
    from include.services import find_service

    settings, at = load_settings(), get_current_context()["dag_run"].run_after
    with (
        open_database("balances") as engine,
        Client(find_service("solana"), endpoint_if_any("solana"), engine) as client,
    ):
        checked = check_balances(engine, client, settings, at, run_id=this_run)
    if checked is None:
        return "nothing was read: no token is set, the run is late, or this check is made already"
    return f"{checked.wallets} wallets read, {checked.unreadable} of them could not be"


@task(area="database", trigger_rule=TriggerRule.NONE_SKIPPED, multiple_outputs=False)
def judge_access() -> dict[str, int]:
    """Judge every holder; count them by state."""
    from include.access.verification import judge_access

    settings, at = load_settings(), get_current_context()["dag_run"].run_after
    if settings.access_mint is None:
        return {}
    with open_database("token access") as engine:
        return dict(judge_access(engine, settings, at))


@dag(
    schedule="30 * * * *",  # after the requirement of the hour
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has named a token
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=55),
    **explained(__doc__),
    **tagged(Subject.ACCESS),
    **dag_defaults(
        owner="operations", area="api", freezes_with="work", next_step=NEXT_STEP, severity="critical"
    ),
)
def verify_balances() -> None:
    """Check, then judge, whatever became of the check."""
    check_balances("{{ run_id }}") >> judge_access()


verify_balances()
