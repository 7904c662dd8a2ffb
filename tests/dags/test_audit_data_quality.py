"""The audit's DAG: which days it looks at, and its tasks' own functions over a real database."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from include.airflow.forms import read_days
from tests.support.dag_files import load_dag
from tests.support.tasks import call, context_of
from tests.support.trades import rising, run, store

INTERVAL = datetime(2026, 3, 3, tzinfo=UTC)
RUN = "manual__2026-03-04T09:30:00+00:00"


@pytest.fixture(scope="module")
def dag():
    return load_dag("audit_data_quality")


@pytest.fixture
def audit(dag, database, database_url, monkeypatch, tmp_path):
    """Call a task of a run by hand, with connections and settings from the environment."""
    settings = {"candle_sources": ["archive"], "archive_path": str(tmp_path)}
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(settings))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/")
    return lambda task_id, **form: call(dag, task_id, RUN, **form)


def days(dag, *, run_type: str, interval: datetime | None = INTERVAL, **form) -> list[str]:
    """The first and the last day that such a run audits."""
    with context_of(dag, run_type=run_type, interval=interval, **form):
        found = read_days(at_most=31, up_to_today=True)
    return [str(found[0]), str(found[-1])]


def test_the_days_of_a_run(dag):
    assert days(dag, run_type="scheduled") == ["2026-03-03", "2026-03-03"]
    assert days(dag, run_type="backfill") == ["2026-03-03", "2026-03-03"]
    assert days(dag, run_type="manual") == ["2026-03-03", "2026-03-04"]
    assert days(dag, run_type="manual", interval=None) == ["2026-03-03", "2026-03-04"]
    one = {"first_day": "2026-02-01"}
    assert days(dag, run_type="manual", **one) == ["2026-02-01", "2026-02-01"]
    assert days(dag, run_type="manual", last_day="2026-02-02") == ["2026-02-02", "2026-02-02"]
    both = {"first_day": "2026-02-01", "last_day": "2026-02-05"}
    assert days(dag, run_type="manual", **both) == ["2026-02-01", "2026-02-05"]


@pytest.mark.parametrize("task_id", ["audit_candles", "audit_trades"])
def test_too_many_days_are_refused_for_good_and_in_words(audit, task_id):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"Nothing was done: .* are 59 days; one run takes 31"):
        audit(task_id, first_day="2026-01-01", last_day="2026-02-28")


def test_arguments_of_tasks_are_no_words_of_airflow(dag):
    """Airflow refuses such an argument, but only when the task runs."""
    import inspect

    from airflow.sdk.definitions.context import Context

    for task in dag.tasks:
        assert not set(inspect.signature(task.python_callable).parameters) & set(Context.__annotations__)


def test_sound_data_passes(audit, database):
    store(database, rising(start=datetime(2026, 3, 3, 4, tzinfo=UTC)))
    assert audit("audit_candles") == 1
    assert audit("audit_trades") == 0
    assert audit("report") == 0


def test_a_critical_fault_fails_the_report_for_good_with_words_and_the_run_is_linked(audit, database):
    from airflow.sdk.exceptions import AirflowFailException

    store(database, rising(start=datetime(2026, 3, 3, 4, tzinfo=UTC)).assign(low=-1.0))
    audit("audit_candles", first_day="2026-03-03")
    with pytest.raises(AirflowFailException) as failure:  # never retried
        audit("report")
    assert str(failure.value) == (
        "1 of 1 batch of data has critical faults, 0 only warnings. The worst: 1. candles, "
        "BTC/1m/2026-03-03: low is no positive number (60 of 60 candles, first BTC 2026-03-03 04:00, low -1)."
    )
    with database.connect() as connection:
        (url,) = connection.exec_driver_sql("SELECT run_url FROM data_quality_results").one()
    assert url == (
        "http://airflow:8080/dags/audit_data_quality/runs/manual__2026-03-04T09%3A30%3A00%2B00%3A00"
    )


def test_a_warning_fails_nothing(audit, database):
    store(database, rising(start=datetime(2026, 3, 3, 4, tzinfo=UTC)))
    run(database, "UPDATE market_candles SET volume = NULL WHERE timestamp = '2026-03-03 04:05+00'")
    audit("audit_candles", first_day="2026-03-03")
    assert audit("report") == 1


def test_runs_own_a_day_each(dag):
    from airflow.timetables.interval import CronDataIntervalTimetable

    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.timetable.serialize()["expression"] == "0 0 * * *"
    assert dag.get_task("report").upstream_task_ids == {"audit_candles", "audit_trades"}
    assert dag.get_task("audit_candles").pool == "market_data"
    assert dag.get_task("audit_candles").execution_timeout < timedelta(hours=1)
