"""### Freezes trading when a rule that is set is broken

Every five minutes, after the exchange was compared with our rows: drawdown, loss of the day, a balance that
does not fit the fills, an exchange that is down. Each rule is off until its setting is set. Nothing is asked
of the exchange, and only a person lets trading on again, with `switch_trading`. More: `docs/exchange.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.connections import load_settings, open_database
from include.airflow.dag import WATCHER_PRIORITY, dag_defaults, explained
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = "The rules were not looked at; the next run does. Until then trading goes on as the switch says."


@task(area="database", effect=Effect.FREEZES, priority_weight=WATCHER_PRIORITY)
def guard() -> str:
    """Look at the rules that are set; freeze if one is broken."""
    from include.exchange.guard import guard_trading

    settings = load_settings()
    with open_database("guard") as engine:
        change = guard_trading(engine, settings)
    return "nothing was done" if change is None else f"frozen: {change.reason}"


@dag(
    schedule="2-59/5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has connected an exchange
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    **explained(__doc__),
    **tagged(Subject.EXCHANGE, Effect.FREEZES),
    **dag_defaults(
        owner="trading", area="database", freezes_with="alerts", next_step=NEXT_STEP, severity="critical"
    ),
)
def guard_trading() -> None:
    """Wire the one step."""
    guard()


guard_trading()
