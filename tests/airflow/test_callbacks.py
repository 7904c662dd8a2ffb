"""The failure callbacks as Airflow calls them: real rows, a real Slack endpoint, and either of them away."""

import json
from types import SimpleNamespace

import pytest
from sqlalchemy import make_url, text

from include.airflow.callbacks import report_run_failure, report_task_failure


@pytest.fixture
def connections(monkeypatch, database_url, sandbox):
    """The connections as Airflow reads them from its environment."""
    url = make_url(database_url)
    monkeypatch.setenv(
        "AIRFLOW_CONN_TRADEOPS_DB",
        json.dumps(
            {
                "conn_type": "postgres",
                "host": url.host,
                "port": url.port,
                "schema": url.database,
                "login": url.username,
                "password": url.password,
            }
        ),
    )
    monkeypatch.setenv(
        "AIRFLOW_CONN_SLACK_ALERTS",
        json.dumps(
            {"conn_type": "slackwebhook", "host": f"{sandbox.url}/slack/services", "password": "T0/B0/token"}
        ),
    )
    monkeypatch.setattr("include.airflow.callbacks.SLACK_RETRIES", 0)
    return monkeypatch


def task_context(**changes):
    instance = SimpleNamespace(
        dag_id="settle_trades", run_id="manual__2026-11-01T00:00:00", task_id="settle_batch.settle",
        map_index=0, try_number=3,
    )  # fmt: skip
    return {
        "ti": instance,
        "task": SimpleNamespace(owner="trading"),
        "exception": raised(RuntimeError("the disk is full")),
        **changes,
    }


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


RUN_CONTEXT = {
    "dag": SimpleNamespace(dag_id="settle_trades", owner="trading"),
    "run_id": "manual__2026-11-01T00:00:00",
    "reason": "timed_out",
}


def logged(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_error_logs ORDER BY timestamp")).all()


def test_a_failed_task_is_a_row_and_one_message(database, sandbox, connections):
    report_task_failure("The next sweep takes them up.")(task_context())
    (row,) = logged(database)
    assert "RuntimeError: the disk is full" in row.error_message
    assert "Traceback" in row.error_stack
    assert row.context["slack"] == "sent"
    (message,) = sandbox.received("slack")
    shown = json.dumps(message)
    for part in (
        "settle_trades.settle_batch.settle[0]",
        "try 3",
        "trading",
        "RuntimeError: the disk is full",
        "The next sweep takes them up.",
        "/dags/settle_trades/runs/manual__2026-11-01T00%3A00%3A00/tasks/settle_batch.settle/mapped/0?try_number=3",
    ):
        assert part in shown


def test_two_failures_have_two_texts(database, sandbox, connections):
    report = report_task_failure("next")
    report(task_context())
    report(task_context(exception=raised(ValueError("something else"))) | {
        "ti": SimpleNamespace(**(vars(task_context()["ti"]) | {"map_index": 1}))
    })  # fmt: skip
    first, second = (json.dumps(message) for message in sandbox.received("slack"))
    assert "the disk is full" in first
    assert "the disk is full" not in second
    assert "something else" in second


def test_a_killed_worker_has_no_exception_and_is_told_all_the_same(database, sandbox, connections):
    context = task_context()
    del context["exception"]
    report_task_failure("next")(context)
    assert "the worker stopped without a word" in logged(database)[0].error_message
    assert "the worker stopped without a word" in json.dumps(sandbox.received("slack"))


def test_the_run_that_failed_with_its_task_adds_a_row_and_no_message(database, sandbox, connections):
    report_task_failure("next")(task_context())
    report_run_failure("next")(RUN_CONTEXT)
    assert len(logged(database)) == 2
    assert len(sandbox.received("slack")) == 1


def test_a_run_that_failed_on_its_own_is_told_with_its_reason(database, sandbox, connections):
    report_run_failure("next")(RUN_CONTEXT)
    shown = json.dumps(sandbox.received("slack"))
    assert "the run failed: timed_out" in shown
    assert "/dags/settle_trades/runs/manual__2026-11-01T00%3A00%3A00|" in shown


def test_without_the_database_the_message_still_goes_out(sandbox, connections):
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", "postgres://nobody:wrong@127.0.0.1:9/tradeops")
    report_task_failure("next")(task_context())
    assert len(sandbox.received("slack")) == 1


def test_without_slack_the_row_says_so_and_the_error_is_not_swallowed(database, sandbox, connections):
    sandbox.fail("slack", "status", status=500)
    with pytest.raises(Exception, match="500"):
        report_task_failure("next")(task_context())
    assert logged(database)[0].context["slack"].startswith("not sent: ")
