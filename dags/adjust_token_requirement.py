"""### Adjusts how many tokens are required, each hour

Asks two sources for the token's price, averages 24 hours by time, and rounds what is worth the target up to
the next 1,000 tokens. It changes when the average has moved by 5 % or more since the last change. **A price
that is missing or doubtful changes nothing**: the requirement stays, and people are notified.

| task | reads | writes |
|---|---|---|
| `adjust` | Jupiter, GeckoTerminal; `token_prices`, `token_requirements` | the same two tables |

A run stands for its moment, and asks for prices up to a quarter of an hour after it. A backfill, in any order
and several runs at once, decides by the prices that are stored, and so comes to what the hours decided.
Without the setting `access_mint` nothing is done. Rules: `docs/access.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context

from include.airflow.connections import endpoint_if_any, load_settings, open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task
from include.settings.reader import environment_settings

NEXT_STEP = (
    "The requirement stays as it was, and the next run asks again. `SELECT * FROM token_prices ORDER BY "
    "taken_at DESC LIMIT 4` shows what the sources said last: docs/access.md."
)


@task(area="api", outside=True, pool="market_data")
def adjust() -> str:
    """Look at the price and decide; say what was decided."""
    from include.access.adjustment import adjust_requirement

    settings, at = load_settings(), get_current_context()["dag_run"].run_after
    with open_database("token requirement") as engine:
        found = adjust_requirement(engine, settings, at, endpoint_if_any)
    if found is None:
        return "no token is set: nothing was done"
    return f"{found.outcome}: {found.requirement} tokens are required; {found.reason}"


@dag(
    schedule=environment_settings().access_schedule,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has named a token
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    **explained(__doc__),
    **tagged(Subject.ACCESS),
    **dag_defaults(owner="operations", area="api", freezes_with="work", next_step=NEXT_STEP),
)
def adjust_token_requirement() -> None:
    """Wire the one step."""
    adjust()


adjust_token_requirement()
