"""The DAG roll_up_stats: which days its runs take, and what they refuse."""

from datetime import UTC, date, datetime, timedelta

import pytest

from include.airflow.forms import read_days
from include.trades.performance import refresh_performance
from include.trades.rollup import due_days
from tests.support.dag_files import load_dag
from tests.support.rows import insert_settled
from tests.support.tasks import call, context_of
from tests.support.trades import rows, run

INTERVAL = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def dag():
    return load_dag("roll_up_stats")


@pytest.fixture
def roll_up(dag, database, database_url, monkeypatch, tmp_path):
    """Call the function behind the task."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("TRADEOPS_SPOOL", str(tmp_path))
    return lambda first, last, run_type="manual": call(
        dag, "roll_up", run_type=run_type, first_day=first, last_day=last
    )


def days(dag, *, run_type="scheduled", interval=INTERVAL, **form):
    with context_of(dag, run_type=run_type, interval=interval, **form):
        found = read_days(at_most=366)
    return [str(found[0]), str(found[-1])]


def test_the_days_of_a_run(dag):
    assert days(dag) == ["2026-03-03", "2026-03-03"]
    assert days(dag, run_type="backfill") == ["2026-03-03", "2026-03-03"]
    assert days(dag, run_type="manual", interval=None) == ["2026-03-03", "2026-03-03"]
    assert days(dag, first_day="2026-02-01") == ["2026-02-01", "2026-02-01"]
    assert days(dag, last_day="2026-02-01") == ["2026-02-01", "2026-02-01"]
    assert days(dag, first_day="2026-02-01", last_day="2026-02-05") == ["2026-02-01", "2026-02-05"]


def test_runs_own_a_day_each(dag):
    from airflow.timetables.interval import CronDataIntervalTimetable

    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.timetable.serialize()["expression"] == "0 0 * * *"


def test_a_run_takes_up_what_has_changed_and_a_backfill_keeps_to_its_day(roll_up, database):
    with database.begin() as connection:
        for day in (1, 2, 3):
            insert_settled(connection, "completed_success", 5.0, completed_at=f"2026-03-0{day} 12:00+00")
    refresh_performance(database)
    assert roll_up("2026-03-03", "2026-03-03", "backfill") == 1
    assert due_days(database) == [date(2026, 3, 2), date(2026, 3, 1)]
    assert roll_up("2026-03-03", "2026-03-03", "scheduled") == 2
    assert due_days(database) == []


def test_a_day_that_is_not_over_is_refused_for_good_and_in_words(roll_up, database):
    from airflow.sdk.exceptions import AirflowFailException

    today = datetime.now(UTC).date()
    with pytest.raises(AirflowFailException, match=f": {today} is not over yet: a day can be rolled up from"):
        roll_up(str(today), str(today), "manual")
    with pytest.raises(AirflowFailException, match="use a backfill"):
        roll_up("2020-01-01", "2026-01-01", "manual")
    tomorrow = str(today + timedelta(days=1))
    with pytest.raises(AirflowFailException, match="lies before the first"):
        roll_up(tomorrow, str(today), "manual")
    assert rows(database, "SELECT day FROM daily_kpis") == []


def test_a_disagreement_fails_the_task_for_good_and_in_words(roll_up, database):
    from airflow.sdk.exceptions import AirflowFailException

    with database.begin() as connection:
        insert_settled(connection, "completed_success", 5.0, completed_at="2026-03-01 12:00+00")
    refresh_performance(database)
    run(database, "UPDATE atge_performance_cache SET total_profit = 6")
    with pytest.raises(AirflowFailException, match=r"total_profit of user .* is 5 by the daily rows and 6"):
        roll_up("2026-03-01", "2026-03-01", "manual")
