"""The sweep's deadline under the real scheduler and triggerer: runs that never start, and one by hand."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from local import postgres
from local.state import State
from tests.support.running_stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

INSERT = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at)
SELECT gen_random_uuid(), 'ETH', '1h', 100, 90, 101, 102, 103, now() - interval '3 hours',
  now() - interval '1 hour'
FROM generate_series(1, 7)
"""


def trigger_overdue(stack):
    """A run whose deadline passes in a moment, as the schedule would have made it in time.

    A run by hand has a deadline in Airflow's books, too, but is never late. So Airflow is made to believe,
    before the deadline passes, that the schedule made this one long ago.
    """
    due = datetime.now(UTC) - timedelta(minutes=5) + timedelta(seconds=15)
    run = stack.trigger("settle_trades", due.isoformat())
    server = postgres.find(State(stack.folder).postgres)
    with psycopg.connect(server.url("airflow", "airflow")) as connection:
        made = connection.execute(
            "UPDATE dag_run SET run_type = 'scheduled', queued_at = logical_date - interval '1 day' "
            "WHERE dag_id = 'settle_trades' AND run_id = %s",
            [run.id],
        )
        assert made.rowcount == 1
    return run.id


def messages(stack, run_id):
    received = httpx.get(f"{stack.sandbox_url}/_recorded/slack").json()["messages"]
    return [text for message in received if run_id in (text := json.dumps(message))]


@pytest.fixture
def held_up(stack):
    """Seven trades that wait for a market which does not answer, and no other sweep under way."""
    stack.wait_for_sweeps()
    stack.pause("settle_trades")
    stack.empty()
    stack.configure(candle_sources=["sandbox"])
    httpx.post(f"{stack.sandbox_url}/_faults", json={"service": "market", "kind": "hang"}).raise_for_status()
    stack.execute(INSERT)
    yield stack
    httpx.delete(f"{stack.sandbox_url}/_faults")
    stack.pause("settle_trades", False)
    stack.trigger("settle_trades")
    stack.wait_for_sweeps()


NOTICED = """
SELECT body ->> 'run', body ->> 'error' FROM alert_notices
WHERE title = 'Run settle_trades is late' AND body ->> 'run' = ANY (%s) ORDER BY created_at
"""


def test_sweeps_that_were_never_started_are_told_once_each(held_up):
    stack = held_up
    first = trigger_overdue(stack)  # the DAG is paused: the run stays queued
    (message,) = wait_for(lambda: messages(stack, first), "the message about the queued run")
    for part in (
        "settle_trades is late",
        "was not finished 5 minutes later",
        "has not started",
        "7 trades are waiting",
        "trading",
    ):
        assert part in message

    second = trigger_overdue(stack)
    both = [first, second]
    wait_for(lambda: len(stack.execute(NOTICED, both)) == 2, "the notice of the second run")
    found = stack.execute(NOTICED, both)
    assert [run for run, _ in found] == both
    assert all("7 trades are waiting" in words for _, words in found)
    assert len(messages(stack, first)) == 1


def test_a_run_by_hand_for_a_time_that_has_passed_is_not_late(held_up):
    stack = held_up
    due = datetime.now(UTC) - timedelta(minutes=10)  # its deadline has passed when it is made
    by_hand = stack.trigger("settle_trades", due.isoformat()).id
    late = trigger_overdue(stack)
    wait_for(lambda: stack.execute(NOTICED, [late]), "the notice of the late run, made after the other")
    assert stack.execute(NOTICED, [by_hand]) == []
