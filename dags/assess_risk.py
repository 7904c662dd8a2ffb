"""### Forecasts what portfolios may lose tomorrow, and judges the forecasts so far

At 23:45 UTC, so that each forecast is stored before its day: value at risk and expected shortfall of every
portfolio by five methods. What today brought is written beside its forecast; the last 250 such days give the
verdicts. For days that are past fill in the form, or run a backfill, in any order and several runs at once:
they give the rows that the days gave.
For a month, as `conf`: `{"first_day": "2026-03-01", "last_day": "2026-03-31"}`.

| task | reads | writes |
|---|---|---|
| `assess` | `portfolio_syncs`, `portfolio_positions`, `portfolio_values` | `portfolio_values`, \
`risk_forecasts`, `risk_outcomes`, `risk_validations`, `risk_measures`, `risk_assessments` |

Too few returns are no failure: `Insufficient data` is a row with the number that is missing. Nothing outside
is asked. More: `docs/portfolio.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.timetables.trigger import CronTriggerTimetable

from include.airflow.connections import load_settings, open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import days_form, form_refused_on, read_days
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

MOST_DAYS = 400
NEXT_STEP = (
    "No forecast was changed. Clear the run, or fill in the form with its day: what was forecast for a day "
    "that has begun stays, what is missing is worked out from what was known. "
    "`SELECT day, reason FROM risk_assessments ORDER BY id DESC` says what was wrong."
)


@task(area="database", execution_timeout=timedelta(minutes=55))
def assess() -> list[str]:
    """Work out the days, oldest first; say what each gave."""
    from include.portfolio.assess import assess

    settings, days = load_settings(), read_days(at_most=MOST_DAYS)
    said = []
    with open_database("assess_risk") as engine:
        for day in days:
            with form_refused_on(ValueError):  # a day that is not over
                done = assess(
                    engine, day, scenarios=settings.stress_scenarios, benchmark=settings.risk_benchmark
                )
            said.append(
                f"{day}: {done.portfolios} portfolios, {done.forecasts} forecasts, "
                f"{done.insufficient} with insufficient data, {done.outcomes} outcomes"
            )
    return said


@dag(
    schedule=CronTriggerTimetable("45 23 * * *", timezone="UTC"),  # of the day that ends, not the one before
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,  # until somebody has a portfolio
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    params=days_form("Work out"),
    **explained(__doc__),
    **tagged(Subject.PORTFOLIO),
    **dag_defaults(owner="trading", area="database", freezes_with="work", next_step=NEXT_STEP),
)
def assess_risk() -> None:
    """Wire the one step."""
    assess()


assess_risk()
