import json
from datetime import UTC, datetime, timedelta

import pytest

from include.candles import SourceError, UnknownSymbolError, open_source
from include.candles.sources.coinmarketcap import HOURLY_VOLUME_SINCE
from include.http import RequestRefusedError
from include.settings import Endpoint, Settings
from tests.candles.sources.opened import assert_whole, floor, now, opened, usable
from tests.support.candles import recorded
from tests.support.http_server import Server, reply

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def source(sandbox, database):
    with opened("coinmarketcap", sandbox.url, database) as source:
        yield source


@pytest.fixture
def scripted(database):
    """A CoinMarketCap that answers what a test tells it."""
    with Server() as server, opened("coinmarketcap", server.url, database) as source:

        def scripted(*answers):
            server.answers = list(answers)
            return source

        scripted.server = server
        yield scripted


def quote(opened_at, lasts=HOUR, **changes):
    usd = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 3200.0, **changes}
    closed_at = opened_at + lasts - timedelta(milliseconds=1)
    return {"time_open": write(opened_at), "time_close": write(closed_at), "quote": {"USD": usd}}


def write(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer(*quotes, **changes):
    data = {"id": 1, "name": "Bitcoin", "symbol": "BTC", "quotes": list(quotes), **changes}
    return reply({"data": data, "status": {"error_code": 0}})


def test_it_offers_hours_and_days_of_the_coins_in_the_table(source):
    offers = {offer.resolution: offer for offer in source.offers("BTC/USDT", now())}
    assert list(offers) == ["1h", "1d"]
    assert (offers["1h"].oldest, offers["1d"].oldest) == (HOURLY_VOLUME_SINCE, None)
    with pytest.raises(UnknownSymbolError, match="not in the table of coins"):
        source.offers("BTC-PERP", now())


@pytest.mark.parametrize(
    ("resolution", "span", "ago"),
    [("1h", 3 * DAY, 0 * DAY), ("1h", HOUR, 400 * DAY), ("1d", 40 * DAY, 0 * DAY), ("1d", DAY, 900 * DAY)],
)
def test_all_candles_of_a_window_come_in_one_request(sandbox, source, resolution, span, ago):
    end = floor(now() - ago, DAY)
    candles = usable(source.fetch("ETH", resolution, end - span, end), resolution)
    assert_whole("coinmarketcap", candles, "ETH", resolution, end - span, end)
    assert len(sandbox.requests("coinmarketcap")) == 1


def test_the_documented_example_is_read(scripted):
    example = json.loads(recorded("transcribed/coinmarketcap.json").read_text())
    source = scripted(reply(example["ohlcv_historical_v2_docs_example"]["body"]))
    start = datetime(2019, 1, 2, tzinfo=UTC)
    (candle,) = usable(source.fetch("BTC", "1d", start, start + DAY), "1d").to_dict("records")
    volume = candle.pop("volume")
    assert candle == {
        "symbol": "BTC",
        "timestamp": start,
        "open": 3849.21640853,
        "high": 3947.9812729,
        "low": 3817.40949569,
        "close": 3943.40933686,
    }
    assert 5244856835.70851 / candle["high"] < volume < 5244856835.70851 / candle["low"]
    query = scripted.server.received[0].query
    assert query["time_start"] == "2019-01-01T00:00:00.000Z"  # exclusive
    assert query["time_end"] == "2019-01-02T00:00:00.000Z"  # inclusive
    assert (query["id"], query["time_period"], query["interval"]) == ("1", "daily", "daily")
    assert (query["count"], query["convert"]) == ("1", "USD")


def test_a_price_is_the_decimal_that_its_number_stands_for(scripted):
    noisy = {"low": 9.299999999999999, "close": 9.300000000000002}
    candles = scripted(answer(quote(START, **noisy))).fetch("BTC", "1h", START, START + HOUR).candles
    assert candles[["low", "close"]].to_numpy().tolist() == [[9.3, 9.3]]


def test_dollars_become_coins_at_the_mean_price(scripted):
    source = scripted(answer(quote(START, high=12.0, low=9.0, close=11.0, volume=3200.0)))
    assert source.fetch("BTC", "1h", START, START + HOUR).candles["volume"].tolist() == [300.0]


def test_a_volume_from_before_there_were_any_is_unknown_and_not_zero(scripted):
    times = [HOURLY_VOLUME_SINCE - HOUR, HOURLY_VOLUME_SINCE]
    source = scripted(answer(*(quote(opened_at, volume=0.0) for opened_at in times)))
    candles = source.fetch("BTC", "1h", times[0], times[1] + HOUR).candles
    assert candles["volume"].isna().tolist() == [True, False]
    day = floor(HOURLY_VOLUME_SINCE, DAY) - DAY
    source = scripted(answer(quote(day, lasts=DAY)))
    assert source.fetch("BTC", "1d", day, day + DAY).candles["volume"].notna().all()


def test_days_do_not_pass_for_hours(scripted):
    day = floor(START, DAY)
    source = scripted(answer(quote(day, lasts=DAY), quote(day + HOUR)))
    fetched = source.fetch("BTC", "1h", day, day + DAY)
    assert fetched.candles["timestamp"].tolist() == [day + HOUR]
    assert fetched.problems == ("1 row refused: it is no hourly candle",)


def test_nothing_outside_of_the_window_comes(scripted):
    source = scripted(answer(*(quote(START + i * HOUR) for i in range(-2, 5))))
    candles = source.fetch("BTC", "1h", START, START + 2 * HOUR).candles
    assert candles["timestamp"].tolist() == [START, START + HOUR]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, 1001, "This API Key is invalid."),
        (402, 1003, "Your API Key must be activated."),
        (403, 1006, "Your API Key subscription plan doesn't support this endpoint."),
    ],
)
def test_a_key_or_plan_that_will_not_do_is_final_and_said_in_words(source, sandbox, status, code, words):
    sandbox.fail("coinmarketcap", "status", status=status)
    with pytest.raises(SourceError) as caught:
        source.fetch("BTC", "1h", START, START + HOUR)
    assert str(caught.value) == f"answered {status}: error {code}: {words}"
    assert not caught.value.temporary
    assert len(sandbox.requests("coinmarketcap")) == 1


@pytest.mark.parametrize(
    ("words", "kind"),
    [('Invalid value for "id": "1"', UnknownSymbolError), ("Search query is out of range", SourceError)],
)
def test_a_question_that_is_refused_does_not_condemn_the_source(scripted, words, kind):
    source = scripted(reply({"status": {"error_code": 400, "error_message": words}}, status=400))
    with pytest.raises(kind) as caught:
        source.fetch("BTC", "1h", START, START + HOUR)
    assert getattr(caught.value, "temporary", True)


@pytest.mark.parametrize(
    "payload",
    [
        [],
        None,
        {"data": None},
        {"data": {"1": {}}},
        {"data": {"id": 1, "quotes": None}},
        {"data": {"id": 1, "quotes": [{"time_open": "2025"}]}},
        {"data": {"id": 1, "quotes": [{**quote(START), "quote": {"EUR": {}}}]}},
        {"data": {"id": 1, "quotes": [{**quote(START), "time_open": "noon"}]}},
    ],
)
def test_an_answer_of_another_kind_is_refused(scripted, payload):
    with pytest.raises(SourceError, match="no candles") as caught:
        scripted(reply(payload)).fetch("BTC", "1h", START, START + HOUR)
    assert caught.value.temporary


def test_another_coin_is_refused(scripted):
    source = scripted(answer(quote(START), id=1027, symbol="ETH"))
    with pytest.raises(SourceError, match=r"answered with coin 1027 instead of 1 \(BTC\)"):
        source.fetch("BTC", "1h", START, START + HOUR)


def test_a_missing_number_is_left_to_the_collector(scripted):
    source = scripted(answer(quote(START, close=None), quote(START + HOUR, volume=None)))
    fetched = source.fetch("BTC", "1h", START, START + 2 * HOUR)
    candles = usable(fetched, "1h")
    assert candles["timestamp"].tolist() == [START + HOUR]
    assert candles["volume"].isna().all()


def test_it_opens_by_its_name_with_its_connection(sandbox, database):
    connections = {"market_coinmarketcap": Endpoint(f"{sandbox.url}/coinmarketcap", "a-key")}
    with open_source("coinmarketcap", Settings(), database, connections.__getitem__) as source:
        assert source.name == "coinmarketcap"
        assert len(source.fetch("BTC", "1h", START, START + DAY).candles) == 24


def test_without_a_key_it_does_not_open(database, sandbox):
    with (
        pytest.raises(RequestRefusedError, match="no key"),
        open_source("coinmarketcap", Settings(), database, lambda _: Endpoint(sandbox.url)),
    ):
        pytest.fail("it opened")
