"""The store of candles under Airflow's own backfill, twice, and the audit of what it brought."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def backfill(stack, start, end):
    """Let Airflow run every interval between start and end again; all have ended well."""
    runs = stack.backfill(
        "collect_candles", from_date=start.isoformat(), to_date=end.isoformat(), max_active_runs=2
    )
    assert {run["state"] for run in runs} == {"success"}
    return len(runs)


def test_a_backfill_fills_the_past_and_run_twice_asks_for_nothing_new(stack):
    stack.empty()
    stack.configure(candle_sources=["sandbox"])
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    end = start + timedelta(minutes=45)
    stack.execute(
        """
        INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
          take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at, status)
        SELECT gen_random_uuid(), symbol, '1h', 100, 90, 101, 102, 103, %s, %s, 'cancelled'
        FROM unnest(ARRAY['BTC', 'ETH']) AS symbol
        """,
        start - timedelta(hours=1),
        end + timedelta(hours=1),
    )
    assert backfill(stack, start, end) >= 3
    stored = stack.execute(
        "SELECT symbol, timestamp, close, source, fetched_at FROM market_candles ORDER BY 1, 2"
    )
    assert len(stored) % 15 == 0
    assert len(stored) >= 2 * 45
    assert {row[3] for row in stored} == {"sandbox"}

    httpx.delete(f"{stack.sandbox_url}/_requests").raise_for_status()
    backfill(stack, start, end)
    again = stack.execute(
        "SELECT symbol, timestamp, close, source, fetched_at FROM market_candles ORDER BY 1, 2"
    )
    assert again == stored
    asked = httpx.get(f"{stack.sandbox_url}/_requests/market").json()["requests"]
    assert [request for request in asked if "candles" in request["path"]] == []
