"""Large tables as the planner sees them, and what of them a statement, or a page, reads.

The tables hold little and say that they are large: a sample is analysed, and then the number of rows is set
to what it stands for, ten million candles and a million trades.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, event, text

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=365)
# The sample; the candles are those of a month.
TRADES, SETTLED, SYMBOLS, CANDLES_EACH = 40, 4_000, 200, 60
ROWS = {
    "trade_signals": 1_000_000,
    "trade_results": 1_000_000,
    "settlement_claims": 100_000,
    "atge_performance_metrics": 1_000_000,
    "market_candles_2026_03": 10_000_000,
}

SIGNALS = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at, status, completed_at)
SELECT
  ('00000000-0000-0000-0000-' || lpad((n % 100)::text, 12, '0'))::uuid, 'COIN' || n % 20, '1h',
  100, 97, 101, 102, 103, at, at + interval '1 hour',
  CASE WHEN n > :settled THEN 'active' WHEN n % 3 = 0 THEN 'expired' ELSE 'completed_success' END,
  CASE WHEN n <= :settled THEN at + interval '1 hour' END
FROM generate_series(1, :settled + :trades) AS n
CROSS JOIN LATERAL (
  SELECT CAST(:start AS timestamptz) + n * interval '1 day' * 365 / :settled AS at
) AS minute
"""
RESULTS = """
INSERT INTO trade_results (trade_signal_id, data_resolution, data_source)
SELECT id, '1m', 'archive' FROM trade_signals WHERE status <> 'active'
"""
CLAIMS = """
INSERT INTO settlement_claims (trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, attempts)
SELECT
  id, CASE status WHEN 'active' THEN 'sweep' ELSE 'other' END, n / 1000,
  now(), now() + interval '5 minutes', 1
FROM (SELECT id, status, row_number() OVER (ORDER BY status) - 1 AS n FROM trade_signals) AS numbered
"""
CANDLES = """
INSERT INTO market_candles (symbol, resolution, timestamp, open, high, low, close, volume, source)
SELECT 'COIN' || symbol, '1m', CAST(:start AS timestamptz) + n * interval '12 hours', 1, 1, 1, 1, 1, 'a'
FROM generate_series(1, :symbols) AS symbol, generate_series(0, :each - 1) AS n
"""
METRICS = """
INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit)
SELECT
  CAST(:start AS timestamptz) + n * interval '2 hours', 'api_response', 'service' || n % 20,
  n * 7919 % 1000, 'ms'
FROM generate_series(1, :settled) AS n
"""
ENLARGE = """
SELECT pg_restore_relation_stats(
  'schemaname', CAST(current_schema() AS text), 'relname', CAST(relname AS text), 'relpages', relpages,
  'reltuples', CAST(CAST(:rows AS float8) * reltuples / whole AS real)
)
FROM pg_class
CROSS JOIN (SELECT reltuples AS whole FROM pg_class WHERE oid = CAST(:table AS regclass)) AS enlarged
WHERE oid = CAST(:table AS regclass)
  OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = CAST(:table AS regclass))
"""
FORGET = """
SELECT pg_clear_attribute_stats(schemaname, tablename, attname, inherited)
FROM (
  SELECT
    CAST(schemaname AS text) AS schemaname, CAST(tablename AS text) AS tablename,
    CAST(attname AS text) AS attname, inherited
  FROM pg_stats
  WHERE schemaname = current_schema()
) AS kept
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.fixture
def large(database):
    """Many settled trades, some that are due, candles and measurements, as the planner sees them."""
    with database.begin() as connection:
        connection.execute(text("SELECT ensure_candle_partitions(:start, :start)"), {"start": START})
        numbers = {
            "start": START,
            "settled": SETTLED,
            "trades": TRADES,
            "symbols": SYMBOLS,
            "each": CANDLES_EACH,
        }
        for statement in (SIGNALS, RESULTS, CLAIMS, CANDLES, METRICS):
            connection.execute(text(statement), numbers)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("market_candles", *ROWS):
            connection.execute(text(f"ANALYZE {table}"))
    with database.begin() as connection:
        for table, rows in ROWS.items():
            connection.execute(text(ENLARGE), {"table": table, "rows": rows})
    yield database
    with database.begin() as connection:  # what the columns hold is no matter of the next test
        connection.execute(text(FORGET))


def scans(connection: Connection, statement: str, values: dict[str, Any]) -> list[str]:
    """The large tables of which a plan takes every row, or a good part."""
    plan = connection.execute(text(f"EXPLAIN (FORMAT JSON) {statement}"), values).scalar_one()[0]["Plan"]
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node.get("Relation Name") in ROWS and node["Node Type"].endswith("Scan") and _is_large(node)
    ]


def _is_large(scan: dict[str, Any]) -> bool:
    """By an index a tenth, else a hundredth: a partial index, of what is open, may be gone through."""
    looked_up = any("Index Cond" in node for node in nodes(scan))
    share = scan["Plan Rows"] / ROWS[scan["Relation Name"]]
    return scan["Node Type"] == "Seq Scan" or share > (0.1 if looked_up else 0.01)


def statements_of(engine: Engine, client: TestClient, path: str) -> list[tuple[str, Any]]:
    """What a page reads with, as it is sent to the server, with the values."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, values: Any, ___: Any, ____: Any) -> None:
        if re.match(r"(\s|--[^\n]*\n)*(SELECT|WITH)\b", statement):
            sent.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


def explain(connection: Connection, statement: str, values: Any) -> dict[str, Any]:
    """The plan of a statement, which is executed."""
    found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows of the large tables an executed plan has taken in hand."""
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(plan)
        if node.get("Relation Name") in ROWS
    )


def read_whole(connection: Connection) -> list[str]:
    """The large tables that this transaction has gone through, in functions too."""
    scanned = connection.execute(
        text("SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0 AND relname = ANY (:tables)"),
        {"tables": list(ROWS)},
    )
    return list(scanned.scalars())
