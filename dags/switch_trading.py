"""### Turns the trading switch

By hand: **trigger** it and fill in the form. The switch says what may be submitted to the exchange:

| state | what passes |
|---|---|
| `trading` | everything, if the setting `trading_enabled` allows it too |
| `exits_only` | orders that make positions smaller, and cancels |
| `frozen` | cancels alone; so it is before anybody has turned it |

Nothing turns it back by itself. Its author is whoever triggers the run. State and history: the page
**Exchange**. More: `docs/exchange.md`.

A form filled in, as `conf`: `{"state": "frozen", "reason": "fills that we did not order"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag

from include.airflow.connections import open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, read_form, who_triggered
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = "Read the reason in the task's log, and see on the page Exchange which state the switch has."

FORM = {
    "state": Param("frozen", enum=["frozen", "exits_only", "trading"], title="State"),
    "reason": Param(
        type="string",
        minLength=1,
        maxLength=500,
        title="Why",
        description="Kept with the change, and shown on the page Exchange.",
    ),
}


class SwitchForm(Form):
    """What the switch is to be turned to."""

    state: str
    reason: str


@task(area="database", effect=Effect.FREEZES, retries=1)
def turn() -> str:
    """Turn the switch; say what holds now."""
    from include.exchange.switch import SwitchError, turn_switch

    form = read_form(SwitchForm)
    with open_database("switch") as engine, form_refused_on(SwitchError):
        change = turn_switch(engine, form.state, reason=form.reason, changed_by=who_triggered())
    return f"{change.state}, by {change.changed_by}: {change.reason}"


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    params=FORM,
    **explained(__doc__),
    **tagged(Subject.EXCHANGE, Effect.FREEZES),
    **dag_defaults(
        owner="trading", area="database", freezes_with=None, next_step=NEXT_STEP, severity="critical"
    ),
)
def switch_trading() -> None:
    """Wire the one step."""
    turn()


switch_trading()
