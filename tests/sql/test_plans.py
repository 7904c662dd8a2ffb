"""The plans of the sweep's statements on tables of some size: none of them reads a whole table."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from include.database import sql

START = datetime(2026, 3, 1, tzinfo=UTC)
TRADES, SETTLED, CANDLES = 400, 40_000, 60_000

SIGNALS = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at, status, completed_at)
SELECT
  ('00000000-0000-0000-0000-' || lpad((n % 100)::text, 12, '0'))::uuid, 'COIN' || n % 20, '1h',
  100, 97, 101, 102, 103, at, at + interval '1 hour',
  CASE WHEN n <= :settled THEN 'expired' ELSE 'active' END,
  CASE WHEN n <= :settled THEN at + interval '1 hour' END
FROM generate_series(1, :settled + :trades) AS n
CROSS JOIN LATERAL (SELECT CAST(:start AS timestamptz) + n * interval '1 minute' AS at) AS minute
"""
RESULTS = """
INSERT INTO trade_results (trade_signal_id, data_resolution, data_source)
SELECT id, '1m', 'archive' FROM trade_signals WHERE status = 'expired'
"""
CLAIMS = """
INSERT INTO settlement_claims (trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, attempts)
SELECT
  id, CASE status WHEN 'active' THEN 'sweep' ELSE 'other' END, n / 1000,
  now(), now() + interval '5 minutes', 1
FROM (SELECT id, status, row_number() OVER (ORDER BY status) - 1 AS n FROM trade_signals) AS numbered
"""
CANDLES_OF_DAYS = """
INSERT INTO market_candles (symbol, resolution, timestamp, open, high, low, close, volume, source)
SELECT 'COIN' || n % 20, '1m', CAST(:start AS timestamptz) + n / 20 * interval '1 minute', 1, 1, 1, 1, 1, 'a'
FROM generate_series(0, :candles - 1) AS n
"""
WANTED = {
    "symbols": ["COIN1", "COIN2"],
    "starts": [START + timedelta(hours=1)] * 2,
    "ends": [START + timedelta(hours=2)] * 2,
    "resolution": "1m",
    "sandbox": False,
}
BATCH = {"claim_id": "sweep", "batch": 0}
STATEMENTS: dict[str, dict[str, Any]] = {
    "candles/read_candles": WANTED,
    "candles/find_gaps": {**WANTED, "source": "kraken", "now": START, "fetched_since": None},
    "trades/claim_trades": {
        "claim_id": "new",
        "claim_limit": 100,
        "batch_size": 100,
        "lease": timedelta(minutes=5),
    },
    "trades/list_claimed_batches": {"claim_id": "sweep"},
    "trades/read_claimed": BATCH,
    "trades/read_open_windows": BATCH,
    "trades/renew_claim": {**BATCH, "lease": timedelta(minutes=5), "almost": timedelta(minutes=9)},
    "trades/count_waiting": {},
    "quality/list_windows": {"start": START + timedelta(minutes=SETTLED), "end": None, "sandbox": False},
}
OPEN_WORK = {"trades/claim_trades": ["settlement_claims"]}  # claims go with settling: what waits is looked at
LARGE = {"trade_signals", "trade_results", "settlement_claims", "market_candles_2026_03"}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.fixture
def large(database):
    """Many settled trades, some that are due, and candles, with the statistics that autovacuum would make."""
    with database.begin() as connection:
        connection.execute(text("SELECT ensure_candle_partitions(:start, :start)"), {"start": START})
        numbers = {"start": START, "settled": SETTLED, "trades": TRADES, "candles": CANDLES}
        for statement in (SIGNALS, RESULTS, CLAIMS, CANDLES_OF_DAYS):
            connection.execute(text(statement), numbers)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("trade_signals", "trade_results", "settlement_claims", "market_candles"):
            connection.execute(text(f"ANALYZE {table}"))
    return database


def whole_reads(connection: Connection, name: str, values: dict[str, Any]) -> list[str]:
    """The large tables of which a statement's plan reads every row."""
    explained = text("EXPLAIN (FORMAT JSON) " + sql(name).text)
    plan = connection.execute(explained, values).scalar_one()[0]["Plan"]
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    ]


def test_no_statement_of_the_sweep_reads_a_whole_table(large):
    with large.connect() as connection:
        found = {name: whole_reads(connection, name, values) for name, values in STATEMENTS.items()}
        assert {
            name: tables for name, tables in found.items() if tables not in ([], OPEN_WORK.get(name))
        } == {}
