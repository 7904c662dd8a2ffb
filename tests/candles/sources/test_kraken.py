import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from include.candles import SourceError, UnknownSymbolError, open_source
from include.candles.frame import PRICES, RESOLUTIONS
from include.candles.sources import kraken
from include.candles.sources.kraken import rebuild_minutes
from include.settings import Endpoint, Settings
from tests.candles.sources.opened import assert_true, assert_whole, floor, now, opened, usable
from tests.support.candles import recorded
from tests.support.http_server import Server, reply

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
PAIRS = reply({"error": [], "result": {"XXBTZUSD": {"wsname": "XBT/USD"}, "XBTUSDT": {"wsname": "XBT/USDT"}}})


@pytest.fixture
def source(sandbox, database):
    with opened("kraken", sandbox.url, database) as source:
        yield source


@pytest.fixture
def scripted(database):
    """A Kraken that answers what a test tells it: first its pairs, then the given answers."""
    with Server() as server, opened("kraken", server.url, database) as source:

        def scripted(*answers):
            server.answers = [PAIRS, *answers]
            return source

        scripted.server = server
        yield scripted


# -- rebuilding minutes from trades --------------------------------------------------------------------------


def made_trades(*trades):
    """`(seconds after START, price, volume)`, numbered in this order."""
    frame = pd.DataFrame(trades, columns=["time", "price", "volume"])
    frame["time"] = START + pd.to_timedelta(frame["time"], unit="s")
    return frame.assign(id=range(len(frame))).astype({"price": "float64", "volume": "float64"})


def rebuilt(trades, end=START + HOUR):
    candles = rebuild_minutes(trades, end)
    minutes = (candles["timestamp"] - START) // MINUTE
    return list(zip(minutes, *(candles[c] for c in [*PRICES, "volume"]), strict=True))


def test_a_minute_is_made_of_its_trades_and_the_last_one_is_left_out():
    trades = made_trades((0, 10, 1), (20, 12, 2), (40, 9, 3), (59.999, 11, 4), (60, 20, 1))
    assert rebuilt(trades) == [(0, 10, 12, 9, 11, 10)]


def test_minutes_without_a_trade_are_flat_at_the_last_price():
    trades = made_trades((30, 10, 1), (45, 12, 1), (190, 11, 1), (300, 9, 1))
    assert rebuilt(trades) == [
        (0, 10, 12, 10, 12, 2),
        (1, 12, 12, 12, 12, 0),
        (2, 12, 12, 12, 12, 0),
        (3, 11, 11, 11, 11, 1),
        (4, 11, 11, 11, 11, 0),
    ]


def test_nothing_is_made_up_before_the_first_trade_nor_from_the_end_on():
    trades = made_trades((125, 10, 1), (1000 * 60, 12, 1))
    assert [row[0] for row in rebuilt(trades, START + 5 * MINUTE)] == [2, 3, 4]
    assert rebuilt(made_trades()) == []
    assert rebuilt(made_trades((0, 10, 1))) == []


def test_the_order_of_trades_is_that_of_time_and_number():
    trades = made_trades((10, 1, 1), (20, 5, 1), (20, 6, 1), (20, 4, 1), (61, 1, 1))
    assert rebuilt(trades) == [(0, 1, 6, 1, 4, 4)]
    for seed in range(20):
        assert rebuilt(trades.sample(frac=1, random_state=seed)) == rebuilt(trades)


def test_the_sum_of_volumes_is_rounded_to_what_kraken_counts_in():
    assert rebuilt(made_trades((0, 1, 0.1), (1, 1, 0.2), (60, 1, 1)))[0][-1] == 0.3


def test_recorded_trades_give_the_recorded_candles(scripted):
    trades = json.loads(recorded("kraken/http_trades.json").read_text())
    candles = json.loads(recorded("kraken/http_ohlc.json").read_text())["result"]["XBTUSDT"]
    source = scripted(reply(trades))
    start = datetime(2025, 11, 10, 17, 24, tzinfo=UTC)  # the first whole minute
    end = datetime(2025, 11, 11, 0, 17, tzinfo=UTC)
    fetched = source.fetch("BTC/USDT", "1m", start, end)
    ours = usable(fetched, "1m")
    theirs = pd.DataFrame(candles, columns=kraken.OHLC).astype("float64")
    theirs["timestamp"] = pd.to_datetime(theirs["timestamp"], unit="s", utc=True)
    both = ours.merge(theirs, on="timestamp", suffixes=("", "_theirs"))
    assert len(both) == len(ours) == 272 + 137
    assert int((both["count"] > 0).sum()) == 272
    for column in [*PRICES, "volume"]:
        np.testing.assert_array_equal(both[column], both[f"{column}_theirs"])
    assert len(scripted.server.received) == 3  # pairs, the page, and the same page again: that was all


# -- what is offered -----------------------------------------------------------------------------------------


def test_it_offers_minutes_of_any_age_and_720_of_the_others(source):
    moment = datetime(2026, 11, 21, 1, 42, 26, tzinfo=UTC)
    offers = {offer.resolution: offer.oldest for offer in source.offers("BTC", moment)}
    assert list(offers) == ["1m", "5m", "15m", "30m", "1h", "4h", "1d"]
    assert offers["1m"] is None
    assert offers["5m"] == datetime(2026, 11, 18, 13, 40, tzinfo=UTC)
    assert offers["1d"] == datetime(2024, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("resolution", ["5m", "1h", "1d"])
def test_the_oldest_candle_that_is_offered_is_there(source, resolution):
    moment = now()
    (oldest,) = [o.oldest for o in source.offers("ETH", moment) if o.resolution == resolution]
    candles = usable(source.fetch("ETH", resolution, oldest, moment), resolution)
    assert_whole("kraken", candles, "ETH", resolution, oldest, moment)


@pytest.mark.parametrize(
    ("symbol", "pair", "said"),
    [
        ("BTC", "XXBTZUSD", ()),
        ("BTC-USD", "XXBTZUSD", ()),
        ("BTCUSDT", "XBTUSDT", ()),
        ("XBT/USDT", "XBTUSDT", ()),
        ("BTC/USDC", "XXBTZUSD", ("XBT/USD stands for BTC/USDC: there is no pair with USDC",)),
        ("doge", "XDGUSD", ()),
    ],
)
def test_a_symbol_gets_the_pair_in_its_own_dollar(sandbox, source, symbol, pair, said):
    end = floor(now(), HOUR)
    fetched = source.fetch(symbol, "1h", end - 2 * HOUR, end)
    assert fetched.problems == said
    assert set(fetched.candles["symbol"]) == {symbol}
    (request,) = [r for r in sandbox.requests("kraken") if "OHLC" in r["path"]]
    assert dict(request["query"])["pair"] == pair


def test_an_unknown_symbol_costs_one_request_in_all(sandbox, source):
    for symbol in ("NOPE", "BTCEUR", "BTC-PERP"):
        with pytest.raises(UnknownSymbolError, match=f"unknown symbol {symbol}"):
            source.offers(symbol, now())
    assert len(sandbox.requests("kraken")) == 1


def test_a_pair_that_kraken_no_longer_knows_is_unknown(scripted):
    source = scripted(reply({"error": ["EQuery:Unknown asset pair"]}))
    with pytest.raises(UnknownSymbolError):
        source.fetch("BTC", "1h", now() - DAY, now())


@pytest.mark.parametrize("result", [{}, [], {"XXBTZUSD": {}}, {"XXBTZUSD": 5}])
def test_a_listing_without_pairs_makes_no_symbol_unknown(database, result):
    with Server() as server, opened("kraken", server.url, database) as source:
        server.answers = [reply({"error": [], "result": result})]
        with pytest.raises(SourceError, match=r"no pairs|without a result") as caught:
            source.offers("BTC", now())
        assert caught.value.temporary


@pytest.mark.parametrize(
    ("status", "error", "temporary"),
    [(200, "EGeneral:Invalid arguments", True), (403, "EGeneral:Permission denied", False)],
)
def test_a_refused_question_does_not_condemn_the_source_but_being_locked_out_does(
    scripted, status, error, temporary
):
    source = scripted(reply({"error": [error]}, status=status))
    with pytest.raises(SourceError, match=error) as caught:
        source.fetch("BTC", "1h", now() - DAY, now())
    assert caught.value.temporary == temporary


# -- fetching ------------------------------------------------------------------------------------------------


def test_minutes_are_joined_from_trades_and_candles(sandbox, source):
    end = floor(now(), MINUTE) - 11 * HOUR
    start = end - 2 * HOUR  # the older hour is further back than 720 minutes
    candles = usable(source.fetch("BTC", "1m", start, end), "1m")
    assert_whole("kraken", candles, "BTC", "1m", start, end)
    asked = [request["path"].rpartition("/")[2] for request in sandbox.requests("kraken")]
    assert set(asked) == {"AssetPairs", "OHLC", "Trades"}


def test_trades_come_page_by_page(sandbox, source):
    end = floor(now(), MINUTE) - 40 * DAY
    start = end - 12 * HOUR
    candles = usable(source.fetch("SOL", "1m", start, end), "1m")
    assert_whole("kraken", candles, "SOL", "1m", start, end)
    assert len([r for r in sandbox.requests("kraken") if "Trades" in r["path"]]) == 3


def test_a_fetch_reads_a_bounded_number_of_pages_and_says_where_it_stopped(sandbox, source, monkeypatch):
    monkeypatch.setattr(kraken, "MAX_PAGES", 2)
    end = floor(now(), MINUTE) - 40 * DAY
    fetched = source.fetch("BTC", "1m", end - DAY, end)
    candles = usable(fetched, "1m")
    assert_true("kraken", candles, "1m")
    assert 400 < len(candles) < 500
    following = candles["timestamp"].max() + MINUTE
    assert fetched.reached == following
    again = usable(source.fetch("BTC", "1m", following, end), "1m")
    assert again["timestamp"].min() == following


def at(moment, price, number):
    """A trade of one coin."""
    return [str(price), "1.0", moment.timestamp(), "b", "l", "", number]


def trades_answer(rows, last):
    nanoseconds = int(last.timestamp()) * 1_000_000_000
    return reply({"error": [], "result": {"XXBTZUSD": rows, "last": str(nanoseconds)}})


def test_a_page_that_ends_within_one_moment_loses_no_trade(scripted):
    cut = START + 30 * timedelta(seconds=1)
    source = scripted(
        trades_answer([at(START, 10, 1), at(cut, 11, 2)], cut),
        trades_answer([at(cut, 11, 2), at(cut, 15, 3), at(START + 5 * MINUTE, 12, 4)], START + 5 * MINUTE),
    )
    candles = source.fetch("BTC", "1m", START, START + 2 * MINUTE).candles
    assert candles["high"].tolist() == [15, 15]
    assert candles["volume"].tolist() == [3, 0]
    _, first, second = scripted.server.received
    assert int(first.query["since"]) < int((START - kraken.TRADES_LEAD).timestamp()) * 1_000_000_000
    assert int(second.query["since"]) == int(cut.timestamp()) * 1_000_000_000 - 1  # the moment is read again


def test_the_same_page_for_ever_ends(scripted):
    source = scripted(trades_answer([at(START, 10, 1), at(START + MINUTE, 11, 2)], START))
    candles = source.fetch("BTC", "1m", START, START + DAY).candles
    assert len(candles) == 1
    assert len(scripted.server.received) == 3


def test_an_empty_page_is_no_proof_that_nothing_was_traded(scripted):
    source = scripted(
        trades_answer([at(START, 10, 1), at(START + 3 * MINUTE, 11, 2)], START + 3 * MINUTE),
        trades_answer([], START + 3 * MINUTE),
    )
    candles = source.fetch("BTC", "1m", START, START + HOUR).candles
    assert candles["timestamp"].tolist() == [START, START + MINUTE, START + 2 * MINUTE]


@pytest.mark.parametrize(
    "row",
    [
        ["ten", "1.0", START.timestamp(), "b", "l", "", 1],
        ["10", "1.0", "noon", "b", "l", "", 1],
        ["10", "1.0", START.timestamp(), "b", "l", "", None],
        ["10", "1.0"],
    ],
)
def test_a_trade_that_cannot_be_read_spoils_the_answer(scripted, row):
    source = scripted(trades_answer([at(START, 10, 1), row], START + MINUTE))
    with pytest.raises(SourceError, match="holds no trades"):
        source.fetch("BTC", "1m", START, START + HOUR)


def test_the_candle_after_the_last_closed_one_is_left_out_whatever_our_clock_says(scripted):
    opened_at = int(floor(now(), HOUR).timestamp()) - 24 * 3600  # long closed, by our clock
    rows = [[opened_at + i * 3600, "1", "2", "1", "2", "1.5", "3.0", 4] for i in range(3)]
    answer = {"error": [], "result": {"XXBTZUSD": rows, "last": opened_at + 3600}}
    candles = scripted(reply(answer)).fetch("BTC", "1h", now() - 2 * DAY, now()).candles
    assert len(candles) == 2


@pytest.mark.parametrize(
    "result",
    [
        {"XETHZUSD": [], "last": 5},
        {"XXBTZUSD": [], "XETHZUSD": [], "last": 5},
        {"last": 5},
        {"XXBTZUSD": []},
        {"XXBTZUSD": {}, "last": 5},
        {"XXBTZUSD": [], "last": None},
        {"XXBTZUSD": [["soon", "1", "2", "1", "2", "1.5", "3.0", 4]], "last": 5},
        [],
        None,
    ],
)
def test_an_answer_of_another_kind_is_refused(scripted, result):
    with pytest.raises(SourceError) as caught:
        scripted(reply({"error": [], "result": result})).fetch("BTC", "1h", now() - DAY, now())
    assert caught.value.temporary


def test_every_length_that_is_offered_is_known():
    assert set(kraken.INTERVALS) <= set(RESOLUTIONS)


def test_it_opens_by_its_name_with_its_connection_or_without(sandbox, database):
    connections = {"market_kraken": Endpoint(f"{sandbox.url}/kraken")}
    with open_source("kraken", Settings(), database, connections.__getitem__) as source:
        assert source.name == "kraken"
        assert source.offers("BTC", now())
    with open_source("kraken", Settings(), database, lambda _: None) as source:
        assert source._client._base_url == "https://api.kraken.com"
