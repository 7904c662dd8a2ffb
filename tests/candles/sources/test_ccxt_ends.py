"""Where an exchange's candles end: the newest one, holes of any length, markets that were closed."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from include.candles import UnknownSymbolError
from tests.candles.sources.opened import floor, now, opened
from tests.candles.sources.test_ccxt import MINUTE, candles, market
from tests.support.http_server import Server, reply

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = floor(now(), MINUTE)
BTC = market("BTC", "USDT")


@pytest.fixture
def exchange(database):
    """Open an exchange whose answers a function makes of each request."""
    with Server() as server:

        def exchange(name, answer):
            server.answers = [lambda connection: answer(server.received[-1])(connection)]
            return opened(name, server.url, database)

        exchange.server = server
        yield exchange


def counting(rows, markets=(BTC,), **about):
    """A Binance: so many candles from a time on."""

    def answer(request):
        if "klines" not in request.path:
            return reply({"symbols": list(markets)})
        first, limit = int(request.query["startTime"]), int(request.query["limit"])
        return reply([row for row in rows if row[0] >= first][:limit], **about)

    return answer


def coinbase(rows):
    """A Coinbase: the candles of a stretch of time."""
    product = {
        "product_id": "BTC-USD", "price": "1", "base_currency_id": "BTC", "quote_currency_id": "USD",
        "product_type": "SPOT", "status": "online", "is_disabled": False, "trading_disabled": False,
        "cancel_only": False, "view_only": False, "base_increment": "0.01", "quote_increment": "0.01",
        "price_increment": "0.01", "base_min_size": "0.01", "base_max_size": "100", "quote_min_size": "1",
        "quote_max_size": "100",
    }  # fmt: skip

    def answer(request):
        if request.path.endswith("/candles"):
            first, last = int(request.query["start"]) * 1000, int(request.query["end"]) * 1000
            names = ("start", "open", "high", "low", "close", "volume")
            found = [[str(row[0] // 1000), *row[1:6]] for row in rows if first <= row[0] <= last]
            return reply({"candles": [dict(zip(names, row, strict=True)) for row in found]})
        if "products" in request.path:
            return reply({"products": [product], "num_products": 1})
        if "transaction" in request.path:
            return reply({"fee_tier": {"taker_fee_rate": "0.001", "maker_fee_rate": "0.001"}})
        return reply({"data": []})

    return answer


def fetch(opening, start, end, symbol="BTC/USDT", resolution="1m"):
    with opening as source:
        return source.fetch(symbol, resolution, start, end)


# -- the newest candle -----------------------------------------------------------------------------------


def test_the_last_minute_is_there_before_anybody_trades_in_the_next_one(exchange):
    fetched = fetch(exchange("ccxt:binance", counting(candles(END - HOUR, 60))), END - HOUR, END)
    assert fetched.candles["timestamp"].max() == END - MINUTE
    assert fetched.problems == ()


def test_the_candle_that_is_open_is_left_out(exchange):
    hour = floor(now(), HOUR)
    rows = candles(hour - 5 * HOUR, 6, HOUR)  # the last one closes in the future
    fetched = fetch(exchange("ccxt:binance", counting(rows)), hour - 5 * HOUR, hour + HOUR, resolution="1h")
    assert fetched.candles["timestamp"].max() == hour - HOUR


@pytest.mark.parametrize(("behind", "newest"), [(0, 60), (10, 50), (120, 60)])
def test_the_exchanges_own_clock_says_what_is_closed_unless_it_is_wrong(exchange, behind, newest):
    """Ten minutes behind, its newest candle is open still; two hours behind, its clock is broken."""
    date = format_datetime(END - behind * MINUTE + timedelta(seconds=1), usegmt=True)
    answer = counting(candles(END - HOUR, 60), headers={"Date": date})
    fetched = fetch(exchange("ccxt:binance", answer), END - HOUR, END)
    assert len(fetched.candles) == newest


# -- holes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hole", [1, 59, 61, 299, 301, 1000, 2500])
@pytest.mark.parametrize("kind", ["by count", "by time"])
def test_a_hole_is_passed_to_the_end_of_the_window(exchange, hole, kind):
    start = END - DAY * 3
    end = start + (200 + hole) * MINUTE
    rows = candles(start, 100) + candles(start + (100 + hole) * MINUTE, 100)
    name, answer = (
        ("ccxt:binance", counting(rows)) if kind == "by count" else ("ccxt:coinbase", coinbase(rows))
    )
    symbol = "BTC/USDT" if kind == "by count" else "BTC/USD"
    fetched = fetch(exchange(name, answer), start, end, symbol)
    assert len(fetched.candles) == 200
    assert fetched.candles["timestamp"].max() == end - MINUTE
    assert fetched.reached is None


@pytest.mark.parametrize("after", [0, 70, 700])
def test_an_outage_after_the_window_costs_no_candle_of_it(exchange, after):
    start = END - DAY
    rows = candles(start, 120) + (candles(start + (120 + after) * MINUTE, 100) if after else [])
    fetched = fetch(exchange("ccxt:coinbase", coinbase(rows)), start, start + 2 * HOUR, "BTC/USD")
    assert len(fetched.candles) == 120


# -- markets that were closed ----------------------------------------------------------------------------


def test_a_closed_market_is_known_by_its_last_candles(exchange):
    start = END - 30 * DAY
    markets = [market("XYZ", "USDT", "BREAK"), market("BTC", "USDT")]
    fetched = fetch(
        exchange("ccxt:binance", counting(candles(start, 120), markets)), start, start + 2 * HOUR, "XYZ/USDT"
    )
    assert len(fetched.candles) == 120


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [("ETH/USDT", "ETHUSDT"), ("ETH-USD", "ETHUSDC"), ("ETH", "ETHUSDC"), ("LTC", "LTCUSDT")],
)
def test_a_closed_market_is_asked_when_it_is_named_in_full_or_there_is_no_other(exchange, symbol, pair):
    start = END - DAY
    markets = [market("ETH", "USDT", "BREAK"), market("ETH", "USDC"), market("LTC", "USDT", "BREAK")]
    fetch(exchange("ccxt:binance", counting(candles(start, 60), markets)), start, start + HOUR, symbol)
    asked = {request.query["symbol"] for request in exchange.server.received if "klines" in request.path}
    assert asked == {pair}


def test_a_market_that_never_was_is_unknown_still(exchange):
    with pytest.raises(UnknownSymbolError):
        fetch(exchange("ccxt:binance", counting([])), END - HOUR, END, "XYZ/USDT")


# -- prices ----------------------------------------------------------------------------------------------


def test_prices_are_the_decimals_that_the_exchange_sent(exchange):
    start = END - DAY
    sent = ["0.00000533", "4.81", "67123.45000001", "0.1"]
    rows = candles(start, 1)
    rows[0][1:5] = sent
    fetched = fetch(exchange("ccxt:binance", counting(rows)), start, start + MINUTE)
    assert fetched.candles[["open", "high", "low", "close"]].iloc[0].tolist() == [
        float(text) for text in sent
    ]
