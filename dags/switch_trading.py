"""### Turns the trading switch

By hand: **trigger** it and fill in the form. The switch says what may be submitted to the exchange:

| state | what passes |
|---|---|
| `trading` | everything, if the setting `trading_enabled` allows it too |
| `exits_only` | orders that make positions smaller, and cancels |
| `frozen` | cancels alone; so it is before anybody has turned it |

Nothing turns it back by itself. Its author is whoever triggers the run. State and history: the page
**Exchange**. More: `docs/exchange.md`.

The form also cancels what is open at the exchange, if you say so: `entries`, which leaves stops and targets,
or `all`, under the exchange's own dead man's switch; positions have no protection then.

A form filled in, as `conf`: `{"state": "frozen", "reason": "fills that are not ours", "cancel": "entries"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag
from airflow.sdk.exceptions import AirflowSkipException

from include.airflow.connections import load_settings, open_database, open_exchange
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, read_form, who_triggered
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "The page Exchange shows which state the switch has. If orders could not be cancelled, clear that task, "
    "or cancel them at the exchange itself."
)

FORM = {
    "state": Param(
        "frozen",
        enum=["frozen", "exits_only", "trading"],
        title="State",
        description="What may be submitted from now on.",
    ),
    "reason": Param(
        type="string",
        minLength=1,
        maxLength=500,
        title="Why",
        description="Kept with the change, and shown on the page Exchange.",
    ),
    "cancel": Param(
        "none",
        enum=["none", "entries", "all"],
        title="Cancel open orders",
        description="With `entries`, stops and targets stay; with `all`, positions have no protection then.",
    ),
}


class SwitchForm(Form):
    """What the switch is to be turned to."""

    state: str
    reason: str
    cancel: str


@task(area="database", effect=Effect.FREEZES, retries=1)
def turn() -> str:
    """Turn the switch; say what holds now."""
    from include.exchange.switch import SwitchError, turn_switch

    form = read_form(SwitchForm)
    with open_database("switch") as engine, form_refused_on(SwitchError):
        change = turn_switch(engine, form.state, reason=form.reason, changed_by=who_triggered())
    return f"{change.state}, by {change.changed_by}: {change.reason}"


@task(area="api", outside=True, pool="market_data", effect=Effect.FREEZES)
def cancel() -> str:
    """Cancel what the form says; say what was done."""
    from include.exchange.cancelling import cancel_entries, cancel_everything

    form = read_form(SwitchForm)
    if form.cancel == "none":
        raise AirflowSkipException("nothing was to be cancelled, and the dead man's switch was left alone")
    settings = load_settings()
    with open_database("cancel") as engine, open_exchange(settings, engine) as exchange:
        done = cancel_everything(exchange) if form.cancel == "all" else cancel_entries(exchange)
    return done.words


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
    """Turn first: nothing new is submitted while orders are cancelled."""
    turn() >> cancel()


switch_trading()
