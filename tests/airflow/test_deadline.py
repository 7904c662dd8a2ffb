"""The sweep's deadline, with the context that Airflow's triggerer hands over."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import make_url, text

from include.airflow.deadline import finish_within, report_late_sweep
from tests.support.dag_files import load_dag
from tests.support.rows import insert_signal

DUE = "2026-11-21T05:00:00Z"
DEADLINE = datetime(2026, 11, 21, 5, 5, tzinfo=UTC)


@pytest.fixture
def connections(monkeypatch, database, database_url, sandbox, tmp_path):
    """The connections as Airflow reads them from its environment."""
    slack = {"conn_type": "slackwebhook", "host": f"{sandbox.url}/slack/services", "password": "T0/B0/token"}
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_ALERTS", json.dumps(slack))
    monkeypatch.setenv("TRADEOPS_SPOOL", str(tmp_path))
    return monkeypatch


def miss(state="running", end_date=None, run_id="scheduled__2026-11-21T05:00:00+00:00", **more):
    """What Airflow calls, with the parts of its context that matter."""
    run = {"dag_id": "settle_trades", "dag_run_id": run_id, "state": state, "logical_date": DUE, **more}
    context = {"dag_run": {**run, "end_date": end_date}, "deadline": {"id": "x", "deadline_time": DEADLINE}}
    asyncio.run(report_late_sweep(context, owner="trading", next_step="Look at the workers."))


def logged(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_error_logs ORDER BY timestamp")).all()


@pytest.mark.parametrize(("state", "doing"), [("running", "is still running"), ("queued", "has not started")])
def test_a_late_sweep_is_told_once_with_the_number_of_trades_waiting(
    database, sandbox, connections, state, doing
):
    with database.begin() as connection:
        for age in (1, 2, 3):
            insert_signal(connection, expires_at=datetime.now(UTC) - timedelta(minutes=age))
        insert_signal(connection)  # not due yet
    miss(state)
    miss(state)  # the triggerer was started anew in between
    (row,) = logged(database)
    assert row.context["late"] is True
    assert row.context["cause"] == "settle_trades/late"
    (message,) = sandbox.received("slack")
    shown = json.dumps(message)
    for part in (
        "Run settle_trades is late",
        "the sweep due at 2026-11-21 05:00 UTC was not finished 5 minutes later; "
        f"it {doing}. 3 trades are waiting",
        "trading",
        "Look at the workers.",
        "/dags/settle_trades/runs/scheduled__2026-11-21T05%3A00%3A00%2B00%3A00",
    ):
        assert part in shown


@pytest.mark.parametrize(
    "made",
    [
        {"run_type": "backfill"},
        {"run_type": "manual"},
        {"run_type": "operator_triggered"},
        {"run_type": "scheduled", "queued_at": "2026-11-21T06:31:00Z"},  # the stack was down meanwhile
    ],
)
def test_a_run_that_nobody_waited_for_is_not_late(database, sandbox, connections, made):
    miss(**made)
    assert logged(database) == []
    assert sandbox.received("slack") == []


def test_a_run_that_a_starting_stack_made_is_not_late(database, sandbox, connections):
    now = datetime.now(UTC)
    miss(run_type="scheduled", logical_date=now.isoformat(), queued_at=now.isoformat())
    assert logged(database) == []


def test_a_run_made_in_time_is_late_and_healed_when_it_ends_well(database, sandbox, connections):
    from types import SimpleNamespace

    from include.airflow.callbacks import report_run_success

    miss(run_type="scheduled", queued_at="2026-11-21T05:00:03Z")
    (row,) = logged(database)
    assert row.severity == "critical"
    dag = SimpleNamespace(dag_id="settle_trades")
    report_run_success({"dag": dag, "run_id": row.context["run_id"]})
    assert logged(database)[0].context["healed"] == "by itself"
    with database.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM alert_notices ORDER BY created_at")).scalars().all()
    assert kinds == ["failure", "healed"]


def noticed(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT severity, title FROM alert_notices ORDER BY created_at")).all()


def test_each_late_sweep_is_noticed(database, sandbox, connections):
    miss()
    miss(run_id="scheduled__2026-11-21T05:05:00+00:00")
    assert noticed(database) == [("critical", "Run settle_trades is late")] * 2


def test_each_late_sweep_is_a_row_and_the_second_is_counted_under_the_first(database, sandbox, connections):
    miss()
    miss(run_id="scheduled__2026-11-21T05:05:00+00:00")
    assert len(logged(database)) == 2
    assert len(sandbox.received("slack")) == 1
    with database.connect() as connection:
        states = connection.execute(text("SELECT state FROM alert_deliveries ORDER BY state")).scalars().all()
    assert states == ["sent", "waiting"]


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_sweep_that_ended_in_time_is_not_late(database, sandbox, connections, state):
    """A failed run keeps its deadline, and its failure was told."""
    miss(state, end_date="2026-11-21T05:05:00Z")
    assert logged(database) == []
    assert sandbox.received("slack") == []


def test_a_sweep_that_ended_too_late_was_late(database, sandbox, connections):
    miss("failed", end_date="2026-11-21T05:05:01Z")
    assert "it has ended since. 0 trades are waiting" in json.dumps(sandbox.received("slack"))


def test_a_late_run_that_fails_as_well_has_two_rows(database, sandbox, connections):
    from types import SimpleNamespace

    from include.airflow.callbacks import report_run_failure

    miss()
    run_id = "scheduled__2026-11-21T05:00:00+00:00"
    dag = SimpleNamespace(dag_id="settle_trades", owner="trading")
    report_run_failure("next", "critical")({"dag": dag, "run_id": run_id, "reason": "timed_out"})
    assert len(logged(database)) == 2
    assert [title for _, title in noticed(database)] == [
        "Run settle_trades is late",
        "Run settle_trades failed",
    ]


def test_a_run_whose_failed_task_was_told_is_late_all_the_same(database, sandbox, connections):
    from types import SimpleNamespace

    from include.airflow.callbacks import report_task_failure

    run_id = "scheduled__2026-11-21T05:00:00+00:00"
    about = {
        "dag_id": "settle_trades",
        "run_id": run_id,
        "task_id": "settle",
        "map_index": -1,
        "try_number": 3,
    }
    report_task_failure("next")({"ti": SimpleNamespace(**about), "task": SimpleNamespace(owner="trading")})
    miss()
    assert len(noticed(database)) == 2


def test_without_the_database_it_is_told_all_the_same(database_url, sandbox, connections):
    nowhere = make_url(database_url).set(port=1).render_as_string(hide_password=False)
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", nowhere)
    miss()
    assert "How many trades wait could not be counted: The database" in json.dumps(sandbox.received("slack"))


def test_the_sweep_has_the_deadline_in_the_form_that_the_scheduler_reads():
    from airflow.sdk import DeadlineReference

    (alert,) = load_dag("settle_trades").deadline
    assert alert.interval == timedelta(minutes=5)
    assert alert.reference == DeadlineReference.DAGRUN_LOGICAL_DATE
    assert alert.callback.path == "include.airflow.deadline.report_late_sweep"
    assert json.loads(json.dumps(alert.callback.serialize()))["kwargs"]["owner"] == "trading"
    assert finish_within(timedelta(minutes=5), owner="x", next_step="y").interval == alert.interval
