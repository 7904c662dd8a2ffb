"""A failure: one row, one message, whoever reports it and however often."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from include.alerts import Failure, note_delivery, record_failure, slack_message

FAILURE = Failure(
    dag_id="settle_trades",
    run_id="scheduled__2026-11-01T00:05:00+00:00",
    task_id="settle_batch.settle",
    map_index=2,
    try_number=3,
    owner="trading",
    error="RuntimeError: the disk is full",
    stack="Traceback …\nRuntimeError: the disk is full",
    url="http://localhost:8080/dags/settle_trades/runs/x/tasks/settle_batch.settle/mapped/2?try_number=3",
    next_step="Nothing is lost.",
)
RUN_FAILURE = replace(
    FAILURE, task_id=None, map_index=-1, try_number=None, stack=None, error="the run failed"
)


def rows(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_error_logs ORDER BY timestamp")).all()


def test_the_row_holds_what_an_operator_asks_for(database):
    assert record_failure(database, FAILURE) is True
    (row,) = rows(database)
    assert row.error_type == "backtesting"
    assert row.severity == "high"
    assert row.error_message == "settle_trades.settle_batch.settle[2]: RuntimeError: the disk is full"
    assert row.error_stack == FAILURE.stack
    assert row.context == {
        "dag_id": "settle_trades",
        "run_id": FAILURE.run_id,
        "task_id": "settle_batch.settle",
        "map_index": 2,
        "try_number": 3,
        "owner": "trading",
        "url": FAILURE.url,
    }


@pytest.mark.parametrize(
    ("task_id", "area"),
    [
        ("claim", "database"),
        ("settle_batch.collect_candles", "api"),
        ("settle_batch.gate", "backtesting"),
        ("analyse", "analysis"),
        ("refresh_performance", "database"),
    ],
)
def test_the_error_type_follows_the_task(database, task_id, area):
    record_failure(database, replace(FAILURE, task_id=task_id))
    assert rows(database)[0].error_type == area


def test_the_same_failure_reported_twice_is_told_once(database):
    assert record_failure(database, FAILURE) is True
    assert record_failure(database, FAILURE) is False
    assert len(rows(database)) == 1


def test_another_try_or_another_batch_is_another_failure(database):
    assert record_failure(database, FAILURE) is True
    assert record_failure(database, replace(FAILURE, try_number=4)) is True
    assert record_failure(database, replace(FAILURE, map_index=0)) is True
    assert len(rows(database)) == 3


def test_a_run_that_failed_with_a_reported_task_gets_a_row_but_no_message(database):
    assert record_failure(database, FAILURE) is True
    assert record_failure(database, RUN_FAILURE) is False
    assert len(rows(database)) == 2


def test_a_run_that_failed_on_its_own_is_told(database):
    assert record_failure(database, replace(FAILURE, run_id="another run")) is True
    assert record_failure(database, RUN_FAILURE) is True


def test_secrets_never_reach_the_row_or_the_message(database):
    leaky = replace(
        FAILURE,
        error="OperationalError: postgresql://tradeops:hunter2pass@db/tradeops?api_key=abc123secret refused",
        stack="… postgresql://tradeops:hunter2pass@db/tradeops …",
    )
    record_failure(database, leaky)
    (row,) = rows(database)
    shown = row.error_message + row.error_stack + json.dumps(row.context) + json.dumps(slack_message(leaky))
    assert "hunter2pass" not in shown
    assert "abc123secret" not in shown


def test_the_row_remembers_what_became_of_the_message(database):
    record_failure(database, FAILURE)
    note_delivery(database, FAILURE, "sent")
    assert rows(database)[0].context["slack"] == "sent"


def test_the_message_names_everything_and_links_to_the_task():
    message = slack_message(FAILURE)
    shown = json.dumps(message, ensure_ascii=False)
    for part in ("settle_trades.settle_batch.settle[2]", FAILURE.run_id, "trading", "RuntimeError", "try 3"):
        assert part in shown
    assert f"<{FAILURE.url}|Open the task in Airflow>" in shown
    assert "Nothing is lost." in shown
    assert "settle_trades.settle_batch.settle[2] failed on try 3" in message["text"]


def test_hostile_text_is_shown_harmlessly_and_within_slacks_limits():
    hostile = "<!channel> <@U123> ``` *bold* & \x00 " + "x" * 1_000_000
    message = slack_message(replace(FAILURE, error=hostile, run_id="<!here>" * 1000))
    for block in message["blocks"]:
        if block["type"] == "header":
            assert len(block["text"]["text"]) <= 150
            continue
        for part in [block["text"]] if "text" in block else block["fields"]:
            assert len(part["text"]) <= 3000
            assert "<!" not in part["text"]
            assert "<@" not in part["text"]
    (quoted,) = [
        b["text"]["text"] for b in message["blocks"] if b.get("text", {}).get("text", "").startswith("```")
    ]
    assert quoted.count("```") == 2
