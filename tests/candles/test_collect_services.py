"""Many symbols of a source over real HTTP, side by side: its limits, its faults, its end."""

import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.candles.collect import collect_candles
from include.candles.sources.sandbox import Sandbox
from include.candles.store import read_candles
from include.http import Limit, Retry, Timeout
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint
from tests.candles.sources.opened import QUICK, assert_whole, floor, now, opened
from tests.candles.sources.test_faults import IN_THE_ROWS, ON_THE_WIRE
from tests.support.candles import windows

HOUR = timedelta(hours=1)
SYMBOLS = ("ADA", "AVAX", "BTC", "DOGE", "DOT", "ETH", "LINK", "LTC", "SOL", "XRP")
START = datetime(2024, 3, 4, 12, tzinfo=UTC)


def hours_of(symbols=SYMBOLS, start=START):
    return windows(*((symbol, start, start + HOUR) for symbol in symbols))


@contextmanager
def market(sandbox, database, **changes):
    """The sandbox's own market, as a source; quick to try again."""
    service = replace(find_service("sandbox"), **{**QUICK, **changes})
    with Client(service, Endpoint(f"{sandbox.url}/market"), database) as client:
        yield Sandbox(client)


def test_a_limit_holds_however_many_ask_and_is_used(sandbox, database):
    limit, symbols = Limit(3, 1.0), [*SYMBOLS, "ADA/USDT", "BTC/USDT"]
    sandbox.fail("market", "latency", seconds=0.6)
    with market(sandbox, database, limits=(limit,), timeout=Timeout(), retry=Retry()) as source:
        collection = collect_candles(database, hours_of(symbols), [source], at_once=8)
    assert (collection.written, collection.missing) == (60 * len(symbols), {})
    arrived = sorted(
        datetime.fromisoformat(request["at"]).timestamp() for request in sandbox.requests("market")
    )
    assert len(arrived) == len(symbols)
    with database.connect() as connection:
        places = connection.execute(text("SELECT extract(epoch FROM called_at) FROM http_calls ORDER BY 1"))
        called = [float(place) for place in places.scalars()]
    spread = [last - first for first, last in zip(called, called[limit.calls :], strict=False)]
    assert min(spread) >= limit.seconds
    late = max(at - place for at, place in zip(arrived, called, strict=True))
    for first, last in zip(arrived, arrived[limit.calls :], strict=False):
        assert last - first >= limit.seconds - max(0.0, late), "but for what was on its way for long"
    # Nine tenths of what it allows, beside the first question, which goes alone. One at a time takes 7.2 s.
    allowed = (len(called) - limit.calls) / limit.calls * limit.seconds
    assert called[-1] - called[1] <= allowed / 0.9 + 1.0


@pytest.mark.parametrize(
    "fault", ["429", "500", "reset", "html", "truncated", "wrong schema", "no rows", "duplicates"]
)
def test_of_a_faulty_symbol_the_same_comes_as_one_at_a_time(sandbox, database, fault):
    told = {**ON_THE_WIRE, **IN_THE_ROWS}[fault]
    symbols, came = ("ADA", "BTC", "ETH", "SOL", "XRP"), []
    for at_once in (1, 4):
        for symbol in ("BTC", "SOL"):
            sandbox.fail("market", match={"symbol": symbol}, **told)
        with market(sandbox, database) as source:
            collection = collect_candles(database, hours_of(symbols), [source], at_once=at_once)
        sandbox.reset()
        with database.begin() as connection:
            statement = "SELECT symbol, timestamp, open, volume FROM market_candles ORDER BY 1, 2"
            held = connection.execute(text(statement)).all()
            for table in ("market_candles", "candle_fetches", "http_calls", "http_services"):
                connection.execute(text(f"DELETE FROM {table}"))
        came.append(([tuple(row) for row in held], collection.missing.keys(), collection.left_out))
    assert came[0] == came[1]
    assert came[0][1] == (set() if fault == "duplicates" else {"BTC", "SOL"})


def test_a_service_that_is_down_gets_few_requests(sandbox, database):
    sandbox.fail("market", "status", status=503)
    with market(sandbox, database) as source:
        collection = collect_candles(database, hours_of(), [source], at_once=8)
    assert collection.missing.keys() == set(SYMBOLS)
    assert "sandbox" in collection.left_out
    assert len(sandbox.requests("market")) <= 12


def test_a_slow_symbol_holds_up_no_other(sandbox, database):
    sandbox.fail("market", "latency", seconds=1.5, match={"symbol": "AVAX"})
    with market(sandbox, database) as source:
        started = time.monotonic()
        collection = collect_candles(database, hours_of(), [source], at_once=4)
        took = time.monotonic() - started
    assert collection.missing == {}
    assert took < 10
    with database.connect() as connection:
        last = connection.execute(text("SELECT symbol FROM candle_fetches ORDER BY id DESC LIMIT 1")).scalar()
    assert last == "AVAX"


@pytest.mark.parametrize("name", ["ccxt:binance", "kraken", "coinmarketcap"])
def test_threads_that_share_a_source_get_true_candles(sandbox, database, name):
    resolution = "1h" if name == "coinmarketcap" else "1m"
    start = floor(now(), HOUR) - 3 * HOUR
    wanted = windows(*((symbol, start, start + 2 * HOUR) for symbol in SYMBOLS))
    with opened(name, sandbox.url, database) as source:
        collection = collect_candles(database, wanted, [source], at_once=8)
    assert collection.missing == {}
    with database.connect() as connection:
        held = read_candles(connection, wanted, resolution, sandbox=False)
    for symbol in SYMBOLS:
        of_symbol = held[held["symbol"] == symbol].drop(columns="source").reset_index(drop=True)
        assert_whole(name, of_symbol, symbol, resolution, start, start + 2 * HOUR)
