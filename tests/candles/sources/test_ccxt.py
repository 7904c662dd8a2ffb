import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from include.candles import SourceError, UnknownSymbolError, open_source
from include.candles.sources.ccxt import Ccxt
from include.http import Breaker, Retry
from include.services.ccxt import ANY_EXCHANGE
from include.settings import Endpoint, Settings
from tests.candles.sources.opened import QUICK, assert_true, assert_whole, floor, now, opened, usable
from tests.support.http_server import Server, reply

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def source(sandbox, database):
    with opened("ccxt:binance", sandbox.url, database) as source:
        yield source


@pytest.fixture
def scripted(database):
    """A Binance that answers what a test tells it: first its markets, then candles."""
    with Server() as server, opened("ccxt:binance", server.url, database) as source:

        def scripted(*answers):
            server.answers = [reply({"symbols": [market("BTC", "USDT")]}), *answers]
            return source

        scripted.server = server
        yield scripted


def market(base, quote, status="TRADING"):
    return {
        "symbol": base + quote,
        "status": status,
        "baseAsset": base,
        "quoteAsset": quote,
        "isSpotTradingAllowed": True,
        "filters": [],
        "permissionSets": [["SPOT"]],
    }


def candles(start, count, step=MINUTE):
    """Rows of Binance's klines."""
    times = [int((start + i * step).timestamp() * 1000) for i in range(count)]
    return [[at, "1", "2", "1", "2", "3", at + 1, "4", 5, "6", "7", "0"] for at in times]


def asked(server):
    return [request for request in server.received if "klines" in request.path]


# -- what it is -------------------------------------------------------------------------------------------


def test_the_module_does_not_import_ccxt():
    code = "import sys, include.candles.sources.ccxt; sys.exit('ccxt' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_exchange_that_ccxt_does_not_know_is_refused_at_once(database):
    with pytest.raises(ValueError, match="knows no exchange 'mtgox'"):
        Ccxt("mtgox", None, database)


def test_an_exchange_without_candles_is_refused_at_once(database):
    with pytest.raises(ValueError, match="paymium gives no candles through ccxt"):
        Ccxt("paymium", None, database)


def test_it_offers_what_ccxt_says_the_exchange_has(source):
    offers = {offer.resolution: offer for offer in source.offers("BTC", now())}
    assert list(offers) == ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
    assert {offer.oldest for offer in offers.values()} == {None}
    assert source.name == "ccxt:binance"


def test_an_exchange_that_gives_its_newest_candles_only_is_known_for_it(sandbox, database):
    with opened("ccxt:kraken", sandbox.url, database) as source:
        moment = now()
        offers = {offer.resolution: offer.oldest for offer in source.offers("BTC", moment)}
        assert offers["1m"] == moment - 720 * MINUTE
        end = floor(moment, MINUTE)
        got = usable(source.fetch("BTC", "1m", end - 6 * HOUR, end), "1m")
        assert_whole("ccxt:kraken", got, "BTC", "1m", end - 6 * HOUR, end)


# -- symbols ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "pair", "said"),
    [
        ("BTC/USDT", "BTCUSDT", ()),
        ("BTCUSDC", "BTCUSDC", ()),
        ("BTC", "BTCUSDT", ("BTC/USDT stands for BTC: there is no market in USD",)),
        ("ETH-USD", "ETHUSDC", ("ETH/USDC stands for ETH-USD: there is no market in USD",)),
        ("adabtc", "ADABTC", ()),
    ],
)
def test_a_symbol_gets_the_market_in_its_own_dollar(scripted, symbol, pair, said):
    end = floor(now(), MINUTE) - DAY
    source = scripted()
    pairs = [("BTC", "USDC"), ("BTC", "USDT"), ("ETH", "USDC"), ("ADA", "BTC")]
    scripted.server.answers = [
        reply({"symbols": [*(market(*names) for names in pairs), market("ETH", "USDT", "BREAK")]}),
        reply(candles(end - HOUR, 90)),
    ]
    fetched = source.fetch(symbol, "1m", end - HOUR, end)
    assert fetched.problems == said
    assert set(fetched.candles["symbol"]) == {symbol}
    assert [request.query["symbol"] for request in asked(scripted.server)] == [pair]


def test_an_unknown_symbol_costs_one_request_in_all(sandbox, source):
    for symbol in ("NOPE", "BTC-PERP", "BTC/EUR"):
        with pytest.raises(UnknownSymbolError, match=f"unknown symbol {symbol}"):
            source.offers(symbol, now())
    assert len(sandbox.requests("binance")) == 1


def test_a_market_that_the_exchange_no_longer_knows_is_unknown(scripted):
    source = scripted(reply({"code": -1121, "msg": "Invalid symbol."}, status=400))
    with pytest.raises(UnknownSymbolError, match="Invalid symbol"):
        source.fetch("BTC", "1m", now() - DAY, now())


@pytest.mark.parametrize("listing", [{"symbols": []}, {}, [], 5, None])
def test_a_listing_without_markets_makes_no_symbol_unknown(database, listing):
    with Server() as server, opened("ccxt:binance", server.url, database) as source:
        server.answers = [reply(listing)]
        with pytest.raises(SourceError) as caught:
            source.offers("BTC", now())
        assert caught.value.temporary


# -- pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 939, 940, 941, 1000, 1001, 2500])
def test_a_window_comes_page_by_page(source, count):
    end = floor(now(), MINUTE) - 30 * DAY
    start = end - count * MINUTE
    got = source.fetch("ETHUSDT", "1m", start, end)
    assert got.problems == ()
    candles = usable(got, "1m")
    assert_true("ccxt:binance", candles, "1m")
    assert len(candles) == count


def test_an_empty_page_in_the_middle_is_said_and_not_the_end(scripted):
    end = floor(now(), MINUTE) - DAY
    start = end - 1500 * MINUTE
    source = scripted(reply([]), reply(candles(start + 1000 * MINUTE, 600)))
    fetched = source.fetch("BTCUSDT", "1m", start, end)
    assert len(fetched.candles) == 500
    (problem,) = fetched.problems
    assert problem == f"an empty page from {start:%Y-%m-%d %H:%M} to {start + 1000 * MINUTE:%Y-%m-%d %H:%M}"


def test_an_exchange_that_never_has_any_is_asked_a_bounded_number_of_times(scripted):
    end = floor(now(), MINUTE) - DAY
    fetched = scripted(reply([])).fetch("BTCUSDT", "1m", end - 10_000 * MINUTE, end)
    assert fetched.candles.empty
    assert len(asked(scripted.server)) == 10


def test_the_same_page_for_ever_ends(scripted):
    end = floor(now(), MINUTE) - DAY
    start = end - 3_000 * MINUTE
    fetched = scripted(reply(candles(start, 10))).fetch("BTCUSDT", "1m", start, end)
    assert len(asked(scripted.server)) < 6
    assert len(fetched.candles.drop_duplicates()) == 10


def test_one_candle_a_page_ends_and_where_it_ended_is_said(scripted, monkeypatch):
    monkeypatch.setattr("include.candles.sources.ccxt.MAX_PAGES", 5)
    end = floor(now(), MINUTE) - DAY
    start = end - HOUR
    source = scripted(*(reply(candles(start + i * MINUTE, 1)) for i in range(10)))
    fetched = source.fetch("BTCUSDT", "1m", start, end)
    assert len(fetched.candles) == 5
    assert fetched.reached == start + 5 * MINUTE
    assert len(asked(scripted.server)) == 5


def test_a_window_in_the_future_is_not_asked_for(scripted):
    fetched = scripted().fetch("BTCUSDT", "1m", now() + HOUR, now() + 2 * HOUR)
    assert fetched.candles.empty
    assert asked(scripted.server) == []


def test_rows_that_are_no_candles_are_left_to_the_collector_or_refused(scripted):
    start = floor(now(), MINUTE) - DAY
    rows = candles(start, 4)
    rows[1][2] = "high"
    rows[2] = rows[2][:3]
    got = usable(scripted(reply(rows)).fetch("BTCUSDT", "1m", start, start + HOUR), "1m")
    assert got["timestamp"].tolist() == [start, start + 3 * MINUTE]


@pytest.mark.parametrize("strange", [{"candles": 1}, "candles", 5, [5], None])
def test_an_answer_of_another_kind_brings_no_candle_and_is_said(scripted, strange):
    start = floor(now(), MINUTE) - DAY
    try:
        fetched = scripted(reply(strange)).fetch("BTCUSDT", "1m", start, start + HOUR)
    except SourceError as error:
        assert error.temporary
    else:
        assert fetched.candles.empty
        assert fetched.problems[0].startswith("an empty page from ")


# -- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "status", "body", "temporary"),
    [
        ("binance", 418, {"code": -1003, "msg": "Too much request weight used"}, True),
        ("binance", 400, {"code": -1001, "msg": "Internal error"}, True),
        ("binance", 400, {"code": -1100, "msg": "Illegal characters found"}, True),
        ("binance", 401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions"}, False),
        ("binance", 451, {"code": 0, "msg": "Service unavailable from a restricted location"}, False),
        ("bingx", 200, {"code": 100410, "msg": "rate limited"}, True),
        ("bingx", 200, {"code": 100001, "msg": "signature verification failed"}, False),
        ("coinbase", 429, {"errors": [{"id": "rate_limit_exceeded", "message": "slow down"}]}, True),
        ("coinbase", 403, {"errors": [{"id": "invalid_scope", "message": "no"}]}, False),
        ("kraken", 200, {"error": ["EGeneral:Too many requests"]}, True),
        ("kraken", 200, {"error": ["EService:Unavailable"]}, True),
        ("kraken", 200, {"error": ["EGeneral:Permission denied"]}, False),
    ],
)
def test_errors_are_what_ccxt_makes_of_them(database, exchange, status, body, temporary):
    once = Retry(attempts=1, budget=10.0)
    with Server() as server, opened(f"ccxt:{exchange}", server.url, database, retry=once) as source:
        server.answers = [reply(body, status=status)]
        with pytest.raises(SourceError) as caught:
            source.offers("BTC", now())
        assert caught.value.temporary == temporary


def test_an_exchange_that_shows_nothing_without_a_key_is_final(database):
    with (
        Server() as server,
        opened("ccxt:alpaca", server.url, database) as source,
        pytest.raises(SourceError, match='requires "apiKey"') as caught,
    ):
        source.offers("BTC", now())
    assert not caught.value.temporary
    assert server.received == []


# -- through include.http ---------------------------------------------------------------------------------


def test_its_requests_count_against_the_quota_and_are_measured(sandbox, database):
    end = floor(now(), MINUTE) - DAY
    with opened("ccxt:binance", sandbox.url, database) as source:
        source.fetch("BTC", "1m", end - HOUR, end)
    with database.connect() as connection:
        metrics = connection.execute(text("SELECT * FROM atge_performance_metrics ORDER BY timestamp")).all()
        known = connection.execute(text("SELECT service FROM http_services")).scalars().all()
        calls = connection.execute(text("SELECT DISTINCT service FROM http_calls")).scalars().all()
    assert {metric.metric_name for metric in metrics} == {"http.ccxt:binance"}
    assert [metric.metadata["path"] for metric in metrics] == ["/api/v3/exchangeInfo", "/api/v3/klines"]
    assert (known, calls) == (["ccxt:binance"], ["ccxt:binance"])


def test_all_who_ask_an_exchange_share_its_quota(database):
    with (
        Server() as server,
        opened("ccxt:kraken", server.url, database) as one,
        opened("ccxt:kraken", server.url, database) as two,
    ):
        server.answers = [reply({"error": ["EGeneral:Permission denied"]})]
        for source in (one, two):
            with pytest.raises(SourceError):
                source.offers("BTC", now())
    first, second = (request.at for request in server.received)
    assert second - first > 0.7  # one request a second, says ccxt


def test_an_open_breaker_keeps_it_from_asking(sandbox, database):
    sandbox.fail("binance", "status", status=500)
    impatient = replace(Breaker(), threshold=2)
    with opened("ccxt:binance", sandbox.url, database, breaker=impatient) as source:
        for _ in range(3):
            with pytest.raises(SourceError, match=r"500|not called, 2 attempts in a row failed") as caught:
                source.offers("BTC", now())
            assert caught.value.temporary
    assert len(sandbox.requests("binance")) == 2


def test_each_address_of_an_exchange_gets_its_own_connection(database):
    with Ccxt("binance", None, database, replace(ANY_EXCHANGE, **QUICK)) as source:
        one = source._calls._client("https://api.binance.com", {})
        assert one is source._calls._client("https://api.binance.com", {})
        assert one is not source._calls._client("https://data.binance.vision", {})
        assert one is not source._calls._client("https://api.binance.com", {"X-Client": "ccxt"})
        assert one.service.name == "ccxt:binance"


def test_it_opens_by_its_name_with_its_connection(sandbox, database):
    connections = {"market_ccxt_binance": Endpoint(f"{sandbox.url}/binance")}
    with open_source("ccxt:binance", Settings(), database, connections.__getitem__) as source:
        assert source.name == "ccxt:binance"
        assert source.offers("BTC", now())
    with (
        pytest.raises(ValueError, match="unknown candle source 'ccxt'"),
        open_source("ccxt", Settings(), database, None),
    ):
        pytest.fail("it opened")
