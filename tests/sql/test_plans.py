"""The plans of the sweep's and the alert rules' statements on large tables: none of them scans one.

The tables hold little and say that they are large: a sample is analysed, and then the number of rows is set
to what it stands for, ten million candles and a million trades.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, text

from include.alerts.evaluate import evaluate_rules
from include.database import sql
from include.trades.search import ORDERS, Order, search_trades
from include.trades.selection import TradeSearch

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
SELECT CAST(:start AS timestamptz) + n * interval '2 hours', 'api_response', 'service' || n % 20, 1, 'ms'
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
WANTED = {
    "symbols": ["COIN1", "COIN2"],
    "starts": [START + timedelta(hours=1)] * 2,
    "ends": [START + timedelta(hours=2)] * 2,
    "resolution": "1m",
    "sandbox": False,
}
SHOWN = {
    "symbols": ["COIN1", "COIN2"],
    "start": START,
    "end": START + timedelta(days=1),
    "resolution": "1m",
    "sandbox": False,
}
SEARCHED_HERE = 30  # trades that a search goes through, as few among the sample as 5,000 are among a million
BATCH = {"claim_id": "sweep", "batch": 0}
STATEMENTS: dict[str, dict[str, Any]] = {
    "candles/read_candles": WANTED,
    "candles/find_gaps": {**WANTED, "source": "kraken", "now": START, "fetched_since": None},
    "candles/count_by_cell": {**SHOWN, "width": timedelta(hours=6)},
    "candles/list_symbols": {"start": SHOWN["start"], "end": SHOWN["end"], "after": None, "rows": 41},
    "trades/list_wanted_windows": {**SHOWN, "step": timedelta(minutes=1), "most": 3},
    "trades/count_hole_effects": {**WANTED, "most": 2, "read": 3},
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
    "quality/list_windows": {"start": END - timedelta(days=1), "end": None, "sandbox": False},
}
OPEN_WORK = {"trades/claim_trades": ["settlement_claims"]}  # claims go with settling: what waits is looked at


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
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


def statements_of_rules(engine: Engine) -> dict[str, tuple[str, dict[str, Any]]]:
    """What an evaluation of all rules sends to the server, by its text, with the values."""
    sent: dict[str, tuple[str, dict[str, Any]]] = {}

    def note(_: Any, clause: Any, __: Any, values: dict[str, Any], ___: Any) -> None:
        if any(table in str(clause) for table in ("trade_", "market_candles", "atge_", "measure_")):
            sent[str(clause)] = (str(clause), values)

    event.listen(engine, "before_execute", note)
    try:
        done = evaluate_rules(engine, at=END)
    finally:
        event.remove(engine, "before_execute", note)
    assert done.failed == {}
    return sent


def test_no_statement_of_the_sweep_scans_a_large_table(large):
    with large.connect() as connection:
        found = {name: scans(connection, sql(name).text, values) for name, values in STATEMENTS.items()}
    assert {name: tables for name, tables in found.items() if tables not in ([], OPEN_WORK.get(name))} == {}


def test_no_statement_of_the_alert_rules_scans_a_large_table(large):
    sent = statements_of_rules(large)
    assert len(sent) > 5
    with large.connect() as connection:
        found = {name: scans(connection, statement, values) for name, (statement, values) in sent.items()}
    assert {name: tables for name, tables in found.items() if tables} == {}


def unbounded(plan: dict[str, Any], most: int) -> list[str]:
    """The large tables of which a plan may read more than `most` rows at once, whatever their columns hold.

    A limit bounds what is below it, down to a sort, which wants everything.
    """
    found = []

    def go(node: dict[str, Any], bound: float) -> None:
        if node["Node Type"] == "Limit":
            bound = min(bound, node["Plan Rows"])
        elif node["Node Type"] in ("Sort", "Hash", "Aggregate") and node.get("Strategy") != "Sorted":
            bound = float("inf")
        if node.get("Relation Name") in ROWS and node["Node Type"].endswith("Scan"):
            whole = node["Node Type"] == "Seq Scan" or min(bound, node["Plan Rows"]) > most
            found.extend([node["Relation Name"]] * whole)
        for below in node.get("Plans", []):
            go(below, bound)

    go(plan, float("inf"))
    return found


def statements_of_search(engine: Engine, search: TradeSearch, order: Order) -> list[tuple[str, Any]]:
    """What two pages of a search send to the server, with the values."""
    sent = []

    def note(_: Any, clause: Any, __: Any, values: dict[str, Any], ___: Any) -> None:
        sent.append((str(clause), values))

    event.listen(engine, "before_execute", note)
    try:
        page = search_trades(engine, search, order, limit=25, searched=SEARCHED_HERE)
        if page.next_place:
            search_trades(engine, search, order, limit=25, searched=SEARCHED_HERE, behind=page.next_place)
    finally:
        event.remove(engine, "before_execute", note)
    return sent


def test_no_search_for_trades_reads_more_than_its_bound(large):
    """Sets of more than a few trades are not gone through: each search follows the index of its order."""
    day = timedelta(days=1)
    searches = [
        TradeSearch(),
        TradeSearch(user=UUID(int=7)),
        TradeSearch(symbol="COIN3", timeframe="1h", direction="LONG", model="m"),
        TradeSearch(status="expired", reason="x"),
        TradeSearch(status="active"),
        TradeSearch(status="cancelled"),
        TradeSearch(waiting=True),
        TradeSearch(start=START, end=START + 90 * day),
        TradeSearch(ended_start=START, ended_end=START + 90 * day, errors=True),
        TradeSearch(gain=True, least=Decimal(1), most=Decimal(2)),
        TradeSearch(user=UUID(int=7), symbol="COIN7", ended_start=START, loss=True),
    ]
    with large.connect() as connection:
        found = [
            (search.parameters(), order, tables)
            for search, order in product(searches, ORDERS)
            for statement, values in statements_of_search(large, search, order)
            for plan in [connection.execute(text(f"EXPLAIN (FORMAT JSON) {statement}"), values).scalar_one()]
            if (tables := unbounded(plan[0]["Plan"], SEARCHED_HERE + 1))
        ]
        everything = "SELECT id FROM trade_signals ORDER BY ai_model LIMIT 5"
        plan = connection.execute(text(f"EXPLAIN (FORMAT JSON) {everything}")).scalar_one()
    assert found == []
    assert unbounded(plan[0]["Plan"], SEARCHED_HERE) == ["trade_signals"]


def test_a_scan_is_noticed(large):
    with large.connect() as connection:
        for statement in (
            "SELECT count(*) FROM trade_results",
            "SELECT * FROM market_candles WHERE low < 0",
            "SELECT id FROM trade_signals ORDER BY generated_at",
            "SELECT * FROM trade_signals WHERE generated_at > '2026-04-01Z' ORDER BY generated_at",
        ):
            assert scans(connection, statement, {}), statement


def test_the_newest_of_each_kind_of_data_is_read_from_indexes(large):
    """A maximum is the first entry of an index, below a limit of one row."""
    with large.connect() as connection:
        plan = connection.execute(text(f"EXPLAIN (FORMAT JSON) {sql('probes/read_ages').text}")).scalar_one()
    # Of the open trades, which an index holds alone, one is enough.
    assert unbounded(plan[0]["Plan"], 5_000) == []
