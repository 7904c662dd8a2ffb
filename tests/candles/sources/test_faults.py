"""Every source against every fault of the sandbox, over real HTTP.

Whatever happens: no wrong candle comes out, asking ends, other symbols are not drawn in, and once the fault
is gone all candles come.
"""

import time
from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import text

from include.candles import SourceError
from include.candles.collect import collect_candles
from include.candles.frame import RESOLUTIONS
from include.candles.sources import CANDLE_SOURCES, find_entry
from include.http import Retry, Timeout
from tests.candles.sources.opened import assert_true, assert_whole, floor, now, opened, usable
from tests.support.candles import windows

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONGEST_FETCH = 8.0  # seconds for one fetch that goes wrong
MOST_REQUESTS = 12  # of one fetch that goes wrong


ON_THE_WIRE = {
    "429": {"kind": "status", "status": 429},
    "429, Retry-After": {"kind": "status", "status": 429, "retry_after": 30},
    "500": {"kind": "status", "status": 500},
    "timeout": {"kind": "timeout", "seconds": 3.0},
    "reset": {"kind": "reset"},
    "html": {"kind": "html"},
    "truncated": {"kind": "truncated"},
    "garbage": {"kind": "garbage"},
}
ERROR_IN_200 = {"error in 200": {"kind": "error_in_200"}}  # where the vendor does that
IN_THE_ROWS = {
    "no rows": {"kind": "no_rows"},
    "duplicates": {"kind": "duplicate_rows"},
    "unsorted": {"kind": "unsorted_rows"},
    "wrong schema": {"kind": "wrong_schema"},
    "late": {"kind": "late", "seconds": 3600.0},
}
# Binance's candles name no symbol: nobody could notice. CoinGecko's do not either, but there are two answers.
WRONG_SYMBOL = {"wrong symbol": {"kind": "wrong_symbol"}}
OPEN = {"open candle": {"kind": "open_last_candle"}}  # Kraken and Binance always send it


class Case(NamedTuple):
    """A fetch of one source, and the requests of it that the faults spoil."""

    source: str
    service: str  # of the sandbox
    resolution: str
    span: timedelta
    ago: timedelta  # where the span ends; zero: with the candle that is still open
    path: str
    faults: dict[str, dict[str, object]]  # those that it can suffer
    # Whether it refuses an answer of another shape as a whole. ccxt fills in what is missing, and the
    # collector refuses the rows; of CoinGecko's volumes the sandbox's other shape is no other.
    strict: bool = True
    listing: str | None = None  # the path of its list of markets
    small: tuple[timedelta, timedelta] | None = (
        None  # a window into which one length of candle fits: span, ago
    )

    def fetch(self, source, symbol):
        """What the collector would keep, and the window of closed candles that it should hold."""
        step = RESOLUTIONS[self.resolution]
        end = floor(now() - self.ago, step)
        start = end - self.span
        asked = end if self.ago else end + step
        candles = usable(source.fetch(symbol, self.resolution, start, asked), self.resolution)
        if not self.ago and floor(now(), step) != end:  # the open candle has closed in between
            return self.fetch(source, symbol)
        return candles, start, end

    def assert_whole(self, source, symbol):
        candles, start, end = self.fetch(source, symbol)
        assert_whole(self.source, candles, symbol, self.resolution, start, end)


VENDORS_OWN = ON_THE_WIRE | ERROR_IN_200 | IN_THE_ROWS | WRONG_SYMBOL
CASES = {
    "kraken": Case(
        "kraken", "kraken", "1m", 3 * HOUR, 0 * DAY, "OHLC",
        VENDORS_OWN, listing="AssetPairs", small=(2 * MINUTE, HOUR),
    ),
    "kraken trades": Case(
        "kraken", "kraken", "1m", 3 * HOUR, 20 * DAY, "Trades",
        VENDORS_OWN, small=(2 * MINUTE, 20 * DAY),
    ),
    "coinmarketcap": Case(
        "coinmarketcap", "coinmarketcap", "1h", 2 * DAY, 0 * DAY, "historical",
        VENDORS_OWN | OPEN, small=(HOUR, DAY),
    ),
    "coingecko": Case(
        "coingecko", "coingecko", "1d", 5 * DAY, 1 * DAY, "ohlc",
        ON_THE_WIRE | IN_THE_ROWS | WRONG_SYMBOL | OPEN, small=(DAY, 2 * DAY),
    ),
    "coingecko volume": Case(
        "coingecko", "coingecko", "1d", 5 * DAY, 1 * DAY, "market_chart",
        ON_THE_WIRE | IN_THE_ROWS | WRONG_SYMBOL, strict=False,
    ),
    "ccxt": Case(
        "ccxt:binance", "binance", "1m", 2 * HOUR, 0 * DAY, "klines",
        ON_THE_WIRE | IN_THE_ROWS, strict=False, listing="exchangeInfo", small=(2 * MINUTE, HOUR),
    ),
}  # fmt: skip
# Faults that a source must notice and say; the others cost candles, at most.
RAISED = {*ON_THE_WIRE, *ERROR_IN_200, *WRONG_SYMBOL}
# The rows are all there: sorting them and dropping repeated ones brings everything.
HARMLESS = {"duplicates", "unsorted", "open candle"}
# No second attempt: HTML does not pass in a moment, and a pause of 30 or 60 seconds exceeds the patience.
SAID_AT_ONCE = {"html", "429, Retry-After", ("coinmarketcap", "429")}

EACH = [(name, fault) for name, case in CASES.items() for fault in case.faults]


def test_every_source_that_asks_a_vendor_is_here():
    there = {entry.module for entry in CANDLE_SOURCES.values() if entry.outside}
    assert {find_entry(case.source).module for case in CASES.values()} == there


@pytest.fixture
def opening(sandbox, database):
    """Opens a source; one that expects a slow server waits less long for it, and tries less often."""

    def opening(case, fault=None, attempts=1):
        changes = {}
        if fault == "timeout":
            changes = {
                "timeout": Timeout(connect=2.0, read=1.5, total=2.5),
                "retry": Retry(attempts=attempts, budget=8.0, wait_initial=0.01, wait_max=0.02, jitter=0.01),
            }
        return opened(case.source, sandbox.url, database, **changes)

    return opening


def end_pause(database):
    """A pause that a Retry-After asked for is over."""
    with database.begin() as connection:
        connection.execute(text("UPDATE http_services SET held_until = NULL"))


@pytest.mark.parametrize(("name", "fault"), EACH)
def test_a_fault_that_stays_makes_no_wrong_candle(sandbox, database, opening, name, fault):
    case = CASES[name]
    told = case.faults[fault]
    with opening(case, fault) as source:
        source.offers("BTC", now())  # what is listed is known from here on
        sandbox.fail(case.service, match={"path": case.path, "symbol": "BTC"}, **told)
        started = time.monotonic()
        if fault in RAISED or (fault == "wrong schema" and case.strict):
            with pytest.raises(SourceError) as caught:
                case.fetch(source, "BTC")
            assert caught.value.temporary
        else:
            candles, start, end = case.fetch(source, "BTC")
            if (name, fault) == ("ccxt", "late"):
                # Its newest candle is not whole, and no clock tells. The collector asks for it again.
                candles = candles[:-1]
            assert_true(case.source, candles, case.resolution)
            if fault in HARMLESS:
                assert_whole(case.source, candles, "BTC", case.resolution, start, end)
        assert time.monotonic() - started < LONGEST_FETCH
        asked = [request for request in sandbox.requests(case.service) if case.path in request["path"]]
        assert 1 <= len(asked) <= MOST_REQUESTS
        assert {request["fault"] for request in asked} == {told["kind"]}

        end_pause(database)
        case.assert_whole(source, "SOL")  # the fault is about BTC alone
        sandbox.heal()
        case.assert_whole(source, "BTC")


@pytest.mark.parametrize("fault", ON_THE_WIRE)
@pytest.mark.parametrize("name", CASES)
def test_a_fault_that_passes_is_survived(sandbox, opening, name, fault):
    case, told = CASES[name], ON_THE_WIRE[fault]
    with opening(case, fault, attempts=2) as source:
        source.offers("BTC", now())
        sandbox.fail(case.service, match={"path": case.path}, times=1, **told)
        if fault in SAID_AT_ONCE or (name, fault) in SAID_AT_ONCE:
            with pytest.raises(SourceError) as caught:
                case.fetch(source, "BTC")
            assert caught.value.temporary
        else:
            case.assert_whole(source, "BTC")
        assert sandbox.faults() == []


@pytest.mark.parametrize("fault", ON_THE_WIRE)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.listing])
def test_a_listing_that_fails_makes_no_symbol_unknown(sandbox, database, opening, name, fault):
    case = CASES[name]
    with opening(case, fault) as source:
        sandbox.fail(case.service, match={"path": case.listing}, **ON_THE_WIRE[fault])
        with pytest.raises(SourceError) as caught:
            source.offers("BTC", now())
        assert caught.value.temporary
        sandbox.heal()
        end_pause(database)
        assert source.offers("BTC", now())
        case.assert_whole(source, "BTC")


@pytest.mark.parametrize("fault", ["500", "wrong schema", "no rows", "duplicates"])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.small])
def test_the_store_gets_no_wrong_candle(sandbox, database, opening, name, fault):
    case = CASES[name]
    span, ago = case.small
    end = floor(now() - ago, span)
    wanted = windows(("BTC", end - span, end), ("SOL", end - span, end))
    sandbox.fail(case.service, match={"path": case.path, "symbol": "BTC"}, **case.faults[fault])
    with opening(case) as source:
        collection = collect_candles(database, wanted, [source])
    with database.connect() as connection:
        rows = connection.execute(text("SELECT * FROM market_candles")).all()
    assert {row.source for row in rows} == {source.name}
    stored = usable_rows(rows)
    assert_true(case.source, stored[case.resolution], case.resolution)
    symbols = {"BTC", "SOL"} if fault == "duplicates" else {"SOL"}
    assert set(stored[case.resolution]["symbol"]) == symbols
    assert set(stored) == {case.resolution}
    assert set(collection.missing) == {"BTC", "SOL"} - symbols
    if "BTC" in collection.missing:
        assert collection.missing["BTC"].startswith(f"{case.source}: ")


def usable_rows(rows):
    """Candle frames of stored rows, by resolution."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame["timestamp"] = frame["timestamp"].dt.tz_convert("UTC").dt.as_unit("us")
    numbers = dict.fromkeys(["open", "high", "low", "close", "volume"], "float64")
    return dict(iter(frame.astype(numbers).groupby("resolution")))
