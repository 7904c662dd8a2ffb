"""### Rolls up the statistics of each day, and its KPIs

After each day (UTC) the trades that were settled on it become one row a user, symbol, timeframe, direction
and model, and the day gets its KPI row. Over all days, the rows of a user add up to the statistics in
`atge_performance_cache`, to the cent: a day that does not agree is not published, its old rows stay, and the
task fails and says which figures of whom disagree.

| task | reads | writes |
|---|---|---|
| `roll_up` | trades and their results, metrics, errors | `daily_trade_stats`, `daily_kpis` |

A day that changes later (a replay, a late analysis) is noted in `daily_stats_due` in the same transaction;
the next run brings it up to date by itself. A **backfill** rebuilds any range of days, each run its own; a
day that has not changed stays as it is. Run by hand, it rolls up the day before, or the days that the trigger
form names. A day that is not over is refused. Definitions: `docs/statistics.md`.

A form filled in, as `conf`: `{"first_day": "2026-11-18", "last_day": "2026-11-20"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.interval import CronDataIntervalTimetable

from include.airflow.connections import open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import days_form, form_refused_on, read_days
from include.airflow.freeze import frozen_days
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "The rows of the days before are as they were. If a day does not agree with the users' statistics, "
    "docs/statistics.md says what to do; then clear the run. Anything else is tried again by the next run."
)


@task(area="database", execution_timeout=timedelta(minutes=55))
def roll_up() -> int:
    """Bring the days, and those that have changed since, up to date; give the number of rows that changed."""
    from include.trades.rollup import MAX_ROLLUP_DAYS, DisagreementError, due_days, roll_up_days

    days, run = read_days(at_most=MAX_ROLLUP_DAYS), get_current_context()["dag_run"]
    with open_database("rollup") as engine, form_refused_on(ValueError):  # a day that is not over
        if run.run_type != "backfill":  # whose runs, beside each other, own a day each and nothing else
            late = frozen_days(engine, at_most=MAX_ROLLUP_DAYS) + due_days(engine)
            days = list(dict.fromkeys(days + late))
        try:
            return roll_up_days(engine, days)
        except DisagreementError as found:
            raise AirflowFailException(str(found)) from found


@dag(
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=2),
    params=days_form("Roll up"),
    **explained(__doc__),
    **tagged(Subject.TRADES),
    **dag_defaults(owner="trading", area="database", freezes_with="work", next_step=NEXT_STEP),
)
def roll_up_stats() -> None:
    """Wire the one step."""
    roll_up()


roll_up_stats()
