"""The plans of the sweep's and the alert rules' statements on large tables: none of them scans one."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, event, text

from include.alerts.evaluate import evaluate_rules
from include.async_statements import async_statements
from include.database import connect, sql
from include.trades.read_trades import list_trades
from include.trades.search import ORDERS, Order, search_trades
from include.trades.selection import TradeSearch, TradeSelection
from tests.support.plans import END, ROWS, START, scans

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
PLANS = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%sort_key%'"
OPEN_WORK = {"trades/claim_trades": ["settlement_claims"]}  # claims go with settling: what waits is looked at


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


def test_a_page_of_trades_is_planned_once_and_not_at_each_request(large):
    url = large.url.render_as_string(hide_password=False)
    one = connect(url, application="pages", pool_size=1)
    with one.connect() as connection:
        user = connection.execute(text("SELECT user_id FROM trade_signals LIMIT 1")).scalar_one()

    async def list_and_look():
        for _ in range(20):
            await list_trades(one, TradeSelection(user=user), limit=25)
        return await async_statements(one).fetch(text(PLANS), {})

    plans = asyncio.run(list_and_look())
    one.dispose()
    # The driver prepares a statement at its sixth use, and the server makes five plans before it keeps one.
    assert len(plans) == 1
    assert (plans[0].generic_plans, plans[0].custom_plans) == (20 - 5 - 5, 5)
