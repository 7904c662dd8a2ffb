"""The callbacks as Airflow calls them: real rows, a real Slack endpoint, and either of them away."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import make_url, text

from include.airflow.callbacks import (
    report_run_failure,
    report_task_failure,
    report_task_retry,
    report_task_success,
)
from include.airflow.connections import load_settings_or_defaults, open_database, read_connection_if_any
from include.airflow.forms import CriticalError, FormRefusedError
from include.alerts.channels import ChannelError, find_channel, open_channels
from include.alerts.delivery import deliver
from include.database import DatabaseError
from include.telemetry import Spool, writing_to

AWAY = "postgres://nobody:wrong@127.0.0.1:9/tradeops"


@pytest.fixture
def connections(monkeypatch, database_url, sandbox, tmp_path):
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
    monkeypatch.setenv("TRADEOPS_SPOOL", str(tmp_path / "spool"))
    return monkeypatch


def critical(next_step="next"):
    return report_task_failure(next_step, "critical")


def task_context(**changes):
    instance = {
        "dag_id": "settle_trades", "run_id": "manual__2026-11-01T00:00:00", "task_id": "settle_batch.settle",
        "map_index": 0, "try_number": 3, "start_date": datetime.now(UTC),
    }  # fmt: skip
    context = {
        "task": SimpleNamespace(owner="trading"),
        "exception": raised(RuntimeError("the disk is slow")),
    }
    for name, value in changes.items():
        (instance if name in instance else context)[name] = value
    return {"ti": SimpleNamespace(**instance), **context}


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


def told(database):
    """State of each delivery, with its failure's words."""
    with database.connect() as connection:
        return connection.execute(
            text(
                "SELECT channel, state, error_message FROM atge_error_logs AS error "
                "JOIN alert_deliveries ON notice_id = error.id ORDER BY timestamp"
            )
        ).all()


def deliver_all():
    """What the DAG deliver_alerts does."""
    with open_database("delivery") as engine, open_channels(engine, read_connection_if_any) as open_channel:
        return deliver(engine, open_channel, load_settings_or_defaults()[0])


def test_a_failed_task_is_a_row_and_one_message(database, sandbox, connections):
    critical("The next sweep takes them up.")(task_context())
    (row,) = logged(database)
    assert "RuntimeError: the disk is slow" in row.error_message
    assert "Traceback" in row.error_stack
    assert [(one.channel, one.state) for one in told(database)] == [("slack:#incidents", "sent")]
    (message,) = sandbox.received("slack")
    shown = json.dumps(message)
    for part in (
        "settle_trades.settle_batch.settle[0]",
        "try 3",
        "trading",
        "RuntimeError: the disk is slow",
        "The next sweep takes them up.",
        "manual__2026-11-01T00:00:00",
        "/dags/settle_trades/runs/manual__2026-11-01T00%3A00%3A00/tasks/settle_batch.settle/mapped/0?try_number=3",
    ):
        assert part in shown


def test_a_warning_waits_for_the_dag_that_delivers(database, sandbox, connections):
    report_task_failure("next")(task_context())
    assert len(logged(database)) == 1
    assert sandbox.received("slack") == []
    deliver_all()
    assert [(one.channel, one.state) for one in told(database)] == [("slack:#monitoring", "waiting")]


def test_two_failures_have_two_texts(database, sandbox, connections):
    critical()(task_context())
    critical()(task_context(exception=raised(ValueError("something else")), map_index=1))
    first, second = (json.dumps(message) for message in sandbox.received("slack"))
    assert "the disk is slow" in first
    assert "the disk is slow" not in second
    assert "something else" in second


def test_a_killed_worker_has_no_exception_and_is_told_all_the_same(database, sandbox, connections):
    context = task_context()
    del context["exception"]
    critical()(context)
    assert "the worker stopped without a word" in logged(database)[0].error_message
    assert "the worker stopped without a word" in json.dumps(sandbox.received("slack"))
    assert logged(database)[0].context["cause"] == "worker-lost"


def test_the_run_that_failed_with_its_task_adds_a_row_and_no_message(database, sandbox, connections):
    critical()(task_context())
    report_run_failure("next", "critical")(RUN_CONTEXT)
    assert len(logged(database)) == 2
    assert len(sandbox.received("slack")) == 1


def test_a_run_that_failed_on_its_own_is_told_with_its_reason(database, sandbox, connections):
    report_run_failure("next", "critical")(RUN_CONTEXT)
    shown = json.dumps(sandbox.received("slack"))
    assert "the run failed: timed_out" in shown
    assert "/dags/settle_trades/runs/manual__2026-11-01T00%3A00%3A00|" in shown


def test_a_try_that_is_followed_by_another_is_a_row_and_its_healing_is_noted(database, sandbox, connections):
    report_task_retry("next")(task_context(try_number=1))
    report_task_success(task_context(try_number=2))
    (row,) = logged(database)
    assert (row.severity, row.context["healed"]) == ("low", "by itself on try 2")
    assert deliver_all().sent == {}


def test_a_failure_that_was_told_and_healed_says_so_in_slack(database, sandbox, connections):
    critical()(task_context())
    report_task_success(task_context(try_number=4))
    deliver_all()
    _first, second = sandbox.received("slack")
    assert "Healed by itself on try 4" in json.dumps(second)


def test_a_bot_s_token_makes_threads(database, sandbox, connections):
    bot = {
        "conn_type": "slack",
        "host": f"{sandbox.url}/slack/api",
        "password": "xoxb-token",
        "extra": {"channel": "#ops"},
    }
    connections.setenv("AIRFLOW_CONN_SLACK_ALERTS", json.dumps(bot))
    critical()(task_context())
    report_task_success(task_context(try_number=4))
    deliver_all()
    first, second = (message["body"] for message in sandbox.received("slack"))
    assert first["channel"] == second["channel"] == "#incidents"
    assert "thread_ts" in second


def test_without_the_database_the_message_goes_out_once_and_no_row_is_lost(
    database, database_url, sandbox, connections, tmp_path
):
    """An outage in the middle of fifty failures: told before, told once during, counted after."""
    for index in range(10):
        critical()(task_context(map_index=index))
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", AWAY)
    for index in range(10, 40):
        critical()(task_context(map_index=index))
    assert len(logged(database)) == 10
    assert len(sandbox.received("slack")) == 2
    assert "reported without it" in json.dumps(sandbox.received("slack")[1])
    with writing_to(database, Spool(tmp_path / "spool")):
        pass  # any task that opens the database
    assert len(logged(database)) == 40
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    critical()(task_context(map_index=40))
    assert len(logged(database)) == 41
    with database.begin() as connection:
        connection.execute(text("UPDATE alert_threads SET next_at = now()"))
    deliver_all()
    assert {one.state for one in told(database)} == {"sent"}
    assert len(told(database)) == 41
    assert len(sandbox.received("slack")) == 3


def test_without_database_and_slack_the_failure_is_kept_and_told_later(
    database, sandbox, connections, tmp_path
):
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", AWAY)
    sandbox.fail("slack", "status", status=500)
    critical()(task_context())
    report_task_retry("next")(task_context(try_number=1))
    with writing_to(database, Spool(tmp_path / "spool")):
        pass
    assert len(logged(database)) == 2
    assert "notice" in logged(database)[0].context


def test_while_the_database_is_away_people_read_of_the_work_that_suffers(
    database, database_url, sandbox, connections, tmp_path
):
    """The chain of alerts fails each minute. A run that failed with its task adds no message."""
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", AWAY)
    error = raised(DatabaseError("The database 'tradeops' cannot be reached", away=True, platform=True))
    for dag_id in ("evaluate_alerts", "deliver_alerts"):
        about = {"dag_id": dag_id, "task_id": "work", "map_index": -1, "exception": error}
        report_task_failure("next", "critical", watches=True)(task_context(**about))
        dag = SimpleNamespace(dag_id=dag_id, owner="platform")
        run = {**RUN_CONTEXT, "dag": dag, "reason": "task_failure"}
        report_run_failure("next", "critical", watches=True)(run)
    assert sandbox.received("slack") == []
    critical()(task_context(task_id="claim", map_index=-1, exception=error))
    report_run_failure("next", "critical")({**RUN_CONTEXT, "reason": "task_failure"})
    (message,) = sandbox.received("slack")
    assert "settle_trades.claim" in json.dumps(message)
    assert "_alerts" not in json.dumps(message)
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    with writing_to(database, Spool(tmp_path / "spool")):
        pass  # it is back: what was kept on disk becomes rows and notices
    deliver_all()
    assert len(sandbox.received("slack")) == 1, "the chain of alerts needs no message of its own"
    with database.connect() as connection:
        given_way = connection.execute(text("SELECT reason FROM alert_deliveries WHERE state = 'dropped'"))
        (reason,) = {row.reason for row in given_way}
        assert "suffers" in reason and "settle_trades.claim" in reason
    for task in (about, {"task_id": "claim", "map_index": -1}, {**about, "dag_id": "evaluate_alerts"}):
        later = {"run_id": "a later run", "start_date": datetime.now(UTC)}
        report_task_success(task_context(**task, **later))
    deliver_all()
    healed = json.dumps(sandbox.received("slack")[-1])
    assert "Healed by a later run: The database is away: task settle_trades.claim" in healed


def test_when_nothing_else_suffers_people_read_of_the_chain_of_alerts(
    database, database_url, sandbox, connections, tmp_path
):
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", AWAY)
    error = raised(DatabaseError("The database 'tradeops' cannot be reached", away=True, platform=True))
    about = {"dag_id": "evaluate_alerts", "task_id": "evaluate", "map_index": -1, "exception": error}
    report_task_failure("next", "critical", watches=True)(task_context(**about))
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    with writing_to(database, Spool(tmp_path / "spool")):
        pass
    deliver_all()
    (message,) = sandbox.received("slack")
    assert "evaluate_alerts.evaluate" in json.dumps(message)


@pytest.mark.parametrize("report", [critical(), report_task_retry("next")])
def test_the_log_ends_with_what_failed_and_holds_no_traceback_of_ours(sandbox, connections, caplog, report):
    connections.setenv("AIRFLOW_CONN_TRADEOPS_DB", AWAY)
    report(task_context(exception=raised(ValueError("the role may not enter"))))
    assert caplog.messages[-1] == "settle_trades.settle_batch.settle[0]: ValueError: the role may not enter"
    assert not any(record.exc_info for record in caplog.records)


def test_a_refused_form_is_told_to_nobody_unless_the_schedule_asked(database, sandbox, connections):
    refused = raised(FormRefusedError("there is no user 7"))
    critical()(task_context(exception=refused))
    assert [row.severity for row in logged(database)] == ["low"]
    assert deliver_all().sent == {}
    assert sandbox.received("slack") == []
    by_schedule = SimpleNamespace(run_type="scheduled")
    critical()(task_context(exception=refused, run_id="scheduled__1", dag_run=by_schedule))
    assert len(sandbox.received("slack")) == 1


def test_what_calls_itself_critical_is_told_at_once(database, sandbox, connections):
    report_task_failure("next", "warning")(task_context(exception=raised(CriticalError("the backup is bad"))))
    assert len(sandbox.received("slack")) == 1
    assert logged(database)[0].severity == "critical"


def test_a_task_that_was_asked_for_something_else_heals_nothing(database, sandbox, connections):
    critical()(task_context(params={"symbol": "ETH"}))
    later = {"run_id": "manual__2", "start_date": datetime.now(UTC) + timedelta(seconds=1)}
    report_task_success(task_context(params={"symbol": "BTC"}, **later))
    assert "healed" not in logged(database)[0].context
    report_task_success(task_context(params={"symbol": "ETH"}, **later))
    assert logged(database)[0].context["healed"] == "by a later run"


def test_without_slack_the_message_waits_and_says_why(database, sandbox, connections, caplog):
    sandbox.fail("slack", "status", status=500)
    critical()(task_context())
    (one,) = told(database)
    assert one.state == "waiting"
    assert "deliver_alerts will" in caplog.text
    sandbox.heal()
    with database.begin() as connection:
        connection.execute(text("UPDATE alert_threads SET next_at = now()"))
    deliver_all()
    assert len(sandbox.received("slack")) == 1


def test_broken_settings_keep_no_alert_from_going_out(database, sandbox, connections):
    connections.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", '{"alert_digest_hour": 99}')
    assert "alert_digest_hour" in load_settings_or_defaults()[1]
    critical()(task_context())
    assert len(sandbox.received("slack")) == 1


@pytest.mark.parametrize(
    ("channel", "connection", "words"),
    [
        ("pagerduty", None, "no connection 'pagerduty'"),
        ("pagerduty", {"conn_type": "http", "host": "https://x"}, "routing key"),
        ("email", {"conn_type": "smtp", "host": "mail"}, "nobody to write to"),
        ("webhook", {"conn_type": "http", "host": "https://x/y?token=abc", "password": "s"}, "has a query"),
        ("webhook", {"conn_type": "http", "host": "https://x/y"}, "signs each message"),
        ("webhook", {"conn_type": "http", "password": "secret"}, "no host"),
        (
            "slack",
            {"conn_type": "slack", "host": "https://slack.com/api", "password": "xoxb-1"},
            "needs a channel",
        ),
        ("slack", {"conn_type": "slack", "host": "https://hooks.slack.com/services"}, "no password"),
    ],
)
def test_a_connection_that_is_missing_or_unfit_is_said_in_words(
    database, connections, channel, connection, words
):
    name = f"AIRFLOW_CONN_{find_channel(channel).connection.upper()}"
    if connection:
        connections.setenv(name, json.dumps(connection))
    else:
        connections.delenv(name, raising=False)
    with (
        open_channels(database, read_connection_if_any) as open_channel,
        pytest.raises(ChannelError, match=words) as caught,
    ):
        open_channel(channel)
    assert caught.value.pause == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("channel", "connection"),
    [
        ("pagerduty", {"conn_type": "http", "host": "https://events.pagerduty.com", "password": "key"}),
        ("pagerduty", {"conn_type": "http", "password": "key"}),
        ("slack", {"conn_type": "slack", "password": "xoxb-key", "extra": {"channel": "#ops"}}),
        (
            "email",
            {
                "conn_type": "smtp", "host": "mail.example.com", "login": "ops@example.com", "password": "x",
                "extra": {"to": "anna@example.com"},
            },
        ),
        ("webhook", {"conn_type": "http", "host": "https://example.com/hooks/a", "password": "secret"}),
    ],
)  # fmt: skip
def test_a_connection_that_fits_opens(database, connections, channel, connection):
    connections.setenv(f"AIRFLOW_CONN_{find_channel(channel).connection.upper()}", json.dumps(connection))
    with open_channels(database, read_connection_if_any) as open_channel:
        assert open_channel(channel) is open_channel(channel)
