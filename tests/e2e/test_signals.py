"""Generating signals under the real scheduler: from the form to the rows, and what comes too early."""

import json
import time
import uuid

import psycopg
import pytest
from psycopg.rows import dict_row

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

STEPS = ("collect_candles", "take_snapshot", "compute_indicators", "propose", "store")


def rows(stack, statement, *parameters):
    with psycopg.connect(stack.database_url, row_factory=dict_row) as connection:
        return connection.execute(statement, parameters or None).fetchall()


def run(stack, **form):
    """Trigger the DAG with its form; wait for its end; give the run's id and state."""
    started = stack.api("POST", "/dags/generate_signals/dagRuns", {"logical_date": None, "conf": form})
    run_id = started["dag_run_id"]
    deadline = time.monotonic() + 120
    while True:
        found = stack.api("GET", f"/dags/generate_signals/dagRuns/{run_id}")
        if found["state"] in ("success", "failed"):
            return run_id, found["state"]
        assert time.monotonic() < deadline, f"the run is {found['state']} after 120 s"
        time.sleep(0.5)


def told(stack, run_id, task, map_index=0):
    """What a task returned."""
    path = f"/dags/generate_signals/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/return_value"
    value = stack.api("GET", f"{path}?map_index={map_index}")["value"]
    return json.loads(value) if isinstance(value, str) else value


def test_a_signal_can_be_followed_from_the_form_to_the_rows(stack):
    stack.configure(candle_sources=["sandbox"])
    stack.api("PATCH", "/dags/generate_signals", {"is_paused": False})
    user = str(uuid.uuid4())
    run_id, state = run(stack, symbol="ETH", timeframe="1h", user=user)
    assert state == "success"

    (signal,) = rows(stack, "SELECT * FROM vw_complete_trades WHERE user_id = %s", user)
    (attempt,) = rows(stack, "SELECT * FROM signal_attempts WHERE run_id = %s", run_id)
    assert attempt["outcome"] == "stored"
    assert attempt["trade_signal_id"] == signal["id"]
    assert run_id.split("__")[0] in attempt["run_url"]
    (snapshot,) = rows(stack, "SELECT * FROM trade_market_snapshot WHERE trade_signal_id = %s", signal["id"])
    (found,) = rows(
        stack, "SELECT * FROM trade_technical_indicators WHERE trade_signal_id = %s", signal["id"]
    )
    assert snapshot["data_quality_score"] == 100
    assert snapshot["data_sources"]["price"]["source"] == "sandbox:coinmarketcap"
    assert found["ema_200"] is not None

    lines = {step: told(stack, run_id, f"generate.{step}") for step in STEPS}
    assert all(len(line) == 1 for line in lines.values())
    name = f"ETH 1h for {user[:4]}…{user[-4:]}"
    assert (
        f"{float(snapshot['current_price']):g} USD from sandbox:coinmarketcap" in lines["take_snapshot"][name]
    )
    assert f"rsi_14 {float(found['rsi_14']):.6g}" in lines["compute_indicators"][name]
    assert f"{signal['direction']} at {float(signal['entry_price']):g}" in lines["propose"][name]
    assert str(signal["id"]) in lines["store"][name]
    assert str(signal["id"]) in told(stack, run_id, "report", -1)[name]
    measured = "SELECT value FROM atge_performance_metrics WHERE trade_signal_id = %s"
    (metric,) = rows(stack, measured, signal["id"])
    assert 0 < metric["value"] < 30

    again, state = run(stack, symbol="BTC", timeframe="4h", user=user)
    (attempt,) = rows(stack, "SELECT * FROM signal_attempts WHERE run_id = %s", again)
    assert state == "success"
    assert attempt["outcome"] == "rate_limited"
    assert len(rows(stack, "SELECT id FROM trade_signals WHERE user_id = %s", user)) == 1
