"""Generating signals under the real scheduler: from the form to the rows, and what comes too early."""

import uuid

import psycopg
import pytest
from psycopg.rows import dict_row

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

STEPS = ("collect_candles", "take_snapshot", "compute_indicators", "propose", "store")


def rows(stack, statement, *parameters):
    with psycopg.connect(stack.database_url, row_factory=dict_row) as connection:
        return connection.execute(statement, parameters or None).fetchall()


def test_a_signal_can_be_followed_from_the_form_to_the_rows(stack):
    stack.configure(candle_sources=["sandbox"])
    user = str(uuid.uuid4())
    run = stack.run("generate_signals", symbol="ETH", timeframe="1h", user=user)

    (signal,) = rows(stack, "SELECT * FROM vw_complete_trades WHERE user_id = %s", user)
    (attempt,) = rows(stack, "SELECT * FROM signal_attempts WHERE run_id = %s", run.id)
    assert attempt["outcome"] == "stored"
    assert attempt["trade_signal_id"] == signal["id"]
    assert run.id.split("__")[0] in attempt["run_url"]
    (snapshot,) = rows(stack, "SELECT * FROM trade_market_snapshot WHERE trade_signal_id = %s", signal["id"])
    (found,) = rows(
        stack, "SELECT * FROM trade_technical_indicators WHERE trade_signal_id = %s", signal["id"]
    )
    assert snapshot["data_quality_score"] == 100
    assert snapshot["data_sources"]["price"]["source"] == "sandbox:coinmarketcap"
    assert found["ema_200"] is not None

    lines = {step: run.returned(f"generate.{step}", 0) for step in STEPS}
    assert all(len(line) == 1 for line in lines.values())
    name = f"ETH 1h for {user[:4]}…{user[-4:]}"
    assert (
        f"{float(snapshot['current_price']):g} USD from sandbox:coinmarketcap" in lines["take_snapshot"][name]
    )
    assert f"rsi_14 {float(found['rsi_14']):.6g}" in lines["compute_indicators"][name]
    assert f"{signal['direction']} at {float(signal['entry_price']):g}" in lines["propose"][name]
    assert str(signal["id"]) in lines["store"][name]
    assert str(signal["id"]) in run.returned("report")[name]
    measured = "SELECT value FROM atge_performance_metrics WHERE trade_signal_id = %s"
    (metric,) = rows(stack, measured, signal["id"])
    assert 0 < metric["value"] < 30

    again = stack.run("generate_signals", symbol="BTC", timeframe="4h", user=user)
    (attempt,) = rows(stack, "SELECT * FROM signal_attempts WHERE run_id = %s", again.id)
    assert attempt["outcome"] == "rate_limited"
    assert len(rows(stack, "SELECT id FROM trade_signals WHERE user_id = %s", user)) == 1
