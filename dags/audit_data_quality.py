"""### Audits what was stored and settled, a day at a time

After each day (UTC), expectation suites look at the candles that were stored for it or that its trades were
settled on, at what the sources of candles answered, and at the trades settled on it. What they say of each
batch of data is a row of `data_quality_results`, and a page in the menu: **Data quality**.

| task | reads | writes |
|---|---|---|
| `audit_candles` | `market_candles`, `candle_fetches`; a second source, for a few | `data_quality_results` |
| `audit_trades` | `trade_signals`, `trade_results` | `data_quality_results` |
| `report` | the findings of this run | nothing: it fails, naming the three worst, if one is critical |

A failed `report` is not retried: the data is wrong, not the task. Mend the data, then clear the run; auditing
again replaces the rows. Backfills work. Run by hand, it looks at the day before and the day so far, or at the
days that the trigger form names (31 at most). What is expected, and what is critical: `docs/quality.md`.

A form filled in, as `conf`: `{"first_day": "2026-11-18", "last_day": "2026-11-20"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.interval import CronDataIntervalTimetable

from include.airflow.connections import load_settings, open_database, open_sources, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import days_form, read_days
from include.airflow.freeze import frozen_days
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

DAG_ID = "audit_data_quality"
NEXT_STEP = (
    "Nothing was changed. If `report` failed, the data is wrong: open Data quality in the menu, mend it as "
    "docs/quality.md says, and clear the run. Any other task may simply be cleared."
)


@task(area="database", outside=True, pool="market_data", execution_timeout=timedelta(minutes=55))
def audit_candles(this_run: str) -> int:
    """Judge the candles of the days; give the number of batches."""
    from include.quality import MAX_AUDIT_DAYS, audit_candles

    settings, days = load_settings(), read_days(at_most=MAX_AUDIT_DAYS, up_to_today=True)
    with open_database("audit") as engine, open_sources(settings, engine) as sources:
        days += frozen_days(engine, at_most=MAX_AUDIT_DAYS)
        return sum(audit_candles(engine, day, sources, settings, run_url(DAG_ID, this_run)) for day in days)


@task(area="database")
def audit_trades(this_run: str) -> int:
    """Judge the trades settled on the days; give their number."""
    from include.quality import MAX_AUDIT_DAYS, audit_trades

    settings, days = load_settings(), read_days(at_most=MAX_AUDIT_DAYS, up_to_today=True)
    with open_database("audit") as engine:
        days += frozen_days(engine, at_most=MAX_AUDIT_DAYS)
        return sum(audit_trades(engine, day, settings, run_url(DAG_ID, this_run)) for day in days)


@task(area="database")
def report(this_run: str) -> int:
    """Fail with the three worst findings if one is critical; otherwise give the number of warnings."""
    from include.quality import read_report

    with open_database("audit") as engine:
        found = read_report(engine, run_url(DAG_ID, this_run))
    if found.critical:
        raise AirflowFailException(found.in_words())
    return found.warnings


@dag(
    dag_id=DAG_ID,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=2,
    dagrun_timeout=timedelta(hours=2),
    params=days_form("Audit"),
    **explained(__doc__),
    **tagged(Subject.QUALITY),
    **dag_defaults(owner="data", area="database", freezes_with="work", next_step=NEXT_STEP),
)
def audit_data_quality() -> None:
    """Wire the steps of the audit."""
    this_run = "{{ run_id }}"
    [audit_candles(this_run), audit_trades(this_run)] >> report(this_run)


audit_data_quality()
