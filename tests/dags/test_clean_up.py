"""clean_up: what the form or conf says is what happens, however the run was started."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests.support.dag_files import load_dag
from tests.support.tasks import context_of

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
OTHERS = ["manual", "backfill", "operator_triggered", "asset_triggered", "a type of a later Airflow"]


@pytest.fixture(scope="module")
def dag():
    return load_dag("clean_up")


@pytest.fixture
def run(dag, database, database_url, monkeypatch, tmp_path):
    """Run the tasks one after the other as workers do; gives the report."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", f'{{"archive_location": "{tmp_path}"}}')
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/")
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_error_logs (timestamp, error_type, error_message) "
                "SELECT CAST(:now AS timestamptz) - n * interval '1 day', 'api', 'old' "
                "FROM generate_series(91, 95) AS n"
            ),
            {"now": NOW},
        )

    def run(run_type: str, **conf) -> str:
        with context_of(dag, run_type=run_type, run_after=NOW, **conf):
            due = dag.get_task("choose").python_callable()
            cleaned = [dag.get_task("clean").python_callable(one) for one in due]
            return dag.get_task("report").python_callable(cleaned)

    return run


def old_rows(database) -> int:
    with database.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM atge_error_logs")).scalar_one()


@pytest.mark.parametrize("run_type", OTHERS)
@pytest.mark.parametrize("conf", [{}, {"dry_run": True}])
def test_a_dry_run_touches_nothing_and_counts_what_is_due(run, database, run_type, conf):
    report = run(run_type, **conf)
    assert old_rows(database) == 5
    assert "dry run" in report and "5" in report and "atge_error_logs: 5" in report


@pytest.mark.parametrize("run_type", OTHERS)
def test_who_switches_the_dry_run_off_cleans(run, database, run_type):
    assert "deleted: 5" in run(run_type, dry_run=False)
    assert old_rows(database) == 0


def test_the_nightly_run_cleans_of_itself(run, database):
    assert "deleted: 5" in run("scheduled")
    assert old_rows(database) == 0


def test_a_dry_run_with_nothing_due_says_so(run, database):
    with database.begin() as connection:
        connection.execute(text("DELETE FROM atge_error_logs"))
    assert "over their time: 0" in run("manual")
