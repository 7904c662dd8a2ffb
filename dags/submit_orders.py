"""### Submits the orders of accepted signals to the exchange

Every minute, and **off** until two switches say otherwise: the setting `trading_enabled`, and the switch of
trading, which `switch_trading` turns and which begins as frozen.

| task | reads | writes |
|---|---|---|
| `plan` | accepted `signals`, their trades, the exchange's markets and prices | `orders`; `signals.status` |
| `submit` | planned `orders`, the switch | `orders`, each handed over once; `signals.status` |

The client order id is written before the call. What has no clear answer becomes `unknown` and is left to
reconciliation; nothing is submitted a second time, whenever a run dies. After an unknown outcome, or where
the exchange refuses the key, the run fails and the other orders wait. An order that has waited longer than
`order_signal_age` is withdrawn. Rules: `docs/orders.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowSkipException

from include.airflow.callbacks import report_run_success
from include.airflow.connections import load_settings, open_database, open_exchange
from include.airflow.dag import dag_defaults, explained
from include.airflow.freeze import skipped_when_frozen
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "Nothing is submitted twice. Orders that were not handed over stay planned, and the next run takes them; "
    "one whose outcome is unknown is left to reconciliation. docs/orders.md says what each state means."
)


@task(area="api", outside=True, pool="market_data")
def plan() -> dict[str, int]:
    """Plan the orders of accepted signals; a signal that gets none says why."""
    from include.exchange.planning import plan_accepted

    settings = load_settings()
    if not settings.trading_enabled:
        raise AirflowSkipException("trading is off: the setting trading_enabled")
    with open_database("plan") as engine, open_exchange(settings, engine) as venue:
        return plan_accepted(engine, venue, settings)


@task(area="api", outside=True, effect=Effect.SPENDS, pool="market_data")
def submit() -> dict[str, int]:
    """Hand planned orders over, as far as the switch allows."""
    from include.exchange.submission import submit_planned

    settings = load_settings()
    if not settings.trading_enabled:
        raise AirflowSkipException("trading is off: the setting trading_enabled")
    with (
        open_database("submit") as engine,
        open_exchange(settings, engine) as venue,
        skipped_when_frozen(),
    ):
        return dict(submit_planned(engine, venue, settings))


@dag(
    schedule="* * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has connected an exchange
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    on_success_callback=report_run_success,
    **explained(__doc__),
    **tagged(Subject.EXCHANGE, Effect.SPENDS),
    **dag_defaults(
        owner="trading", area="api", freezes_with="work", next_step=NEXT_STEP, severity="critical"
    ),
)
def submit_orders() -> None:
    """Wire the two steps."""
    plan() >> submit()


submit_orders()
