"""The sweep's deadline under the real scheduler and triggerer: a run that never starts, and one too late."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.e2e.running_stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

INSERT = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at)
SELECT gen_random_uuid(), 'ETH', '1h', 100, 90, 101, 102, 103, now() - interval '3 hours',
  now() - interval '1 hour'
FROM generate_series(1, 7)
"""


def trigger_overdue(stack):
    """A run that was due ten minutes ago: its deadline has passed when it is made."""
    due = datetime.now(UTC) - timedelta(minutes=10)
    answer = stack.api("POST", "/dags/settle_trades/dagRuns", {"logical_date": due.isoformat()})
    return answer["dag_run_id"]


def messages(stack, run_id):
    received = httpx.get(f"{stack.sandbox_url}/_recorded/slack").json()["messages"]
    return [text for message in received if run_id in (text := json.dumps(message))]


@pytest.fixture
def held_up(stack):
    """Seven trades that wait for a market which does not answer, and no other sweep under way."""
    stack.wait_for_sweeps()
    stack.api("PATCH", "/dags/settle_trades", {"is_paused": True})
    stack.empty()
    stack.configure(candle_sources=["sandbox"])
    httpx.post(f"{stack.sandbox_url}/_faults", json={"service": "market", "kind": "hang"}).raise_for_status()
    stack.execute(INSERT)
    yield stack
    httpx.delete(f"{stack.sandbox_url}/_faults")
    stack.api("PATCH", "/dags/settle_trades", {"is_paused": False})
    stack.api("POST", "/dags/settle_trades/dagRuns", {"logical_date": None})
    stack.wait_for_sweeps()


def test_a_sweep_that_was_never_started_and_one_that_comes_too_late_are_told_once_each(held_up):
    stack = held_up
    run_id = trigger_overdue(stack)  # the DAG is paused: the run stays queued
    (message,) = wait_for(lambda: messages(stack, run_id), "the message about the queued run")
    for part in (
        "settle_trades is late",
        "was not finished 5 minutes later",
        "has not started",
        "7 trades are waiting",
        "trading",
    ):
        assert part in message

    stack.api("PATCH", "/dags/settle_trades", {"is_paused": False})
    wait_for(lambda: stack.execute("SELECT 1 FROM settlement_claims"), "the sweep to hang")
    late = trigger_overdue(stack)
    noticed = (
        "SELECT body ->> 'run', body ->> 'error' FROM alert_notices "
        "WHERE title = 'Run settle_trades is late' AND body ->> 'run' = ANY (%s) ORDER BY created_at"
    )
    wait_for(lambda: len(stack.execute(noticed, [run_id, late])) == 2, "the notice of the late run")
    found = stack.execute(noticed, [run_id, late])
    assert [run for run, _ in found] == [run_id, late]
    assert all("7 trades are waiting" in words for _, words in found)
    assert len(messages(stack, run_id)) == 1
