import json
from datetime import UTC, datetime, timedelta

import pytest

from include.candles import SourceError, UnknownSymbolError, open_source
from include.candles.frame import valid
from include.settings import Endpoint, Settings
from tests.candles.sources.opened import assert_true, assert_whole, floor, now, opened, usable
from tests.support.candles import recorded
from tests.support.http_server import Server, reply

FOUR_HOURS, DAY = timedelta(hours=4), timedelta(days=1)


@pytest.fixture
def source(sandbox, database):
    with opened("coingecko", sandbox.url, database) as source:
        yield source


@pytest.fixture
def scripted(database):
    """A CoinGecko that answers what a test tells it: to `ohlc`, then to `market_chart/range`."""
    with Server() as server, opened("coingecko", server.url, database) as source:

        def scripted(*answers):
            server.answers = [reply(answer) for answer in answers]
            return source

        scripted.server = server
        yield scripted


# A day that has closed long enough ago, in six steps, and the first step of the next one.
TODAY = floor(now(), DAY)
START = TODAY - 3 * DAY
STEPS = [[i, 10 + i, 20 + i, 5 + i, 11 + i] for i in range(7)]
MIDNIGHT = {"prices": [[1, 16.0]], "total_volumes": [[1, 1400.0]]}


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def steps(rows=STEPS):
    """Rows by their number on the day; their stamp is their close."""
    return [[milliseconds(START + (i + 1) * FOUR_HOURS), *prices] for i, *prices in rows]


def chart(series=MIDNIGHT):
    """Points by the number of their midnight after the start."""
    return {
        name: [[milliseconds(START + at * DAY), value] for at, value in points]
        for name, points in series.items()
    }


def test_it_offers_the_days_that_lie_whole_within_thirty(source):
    (offer,) = source.offers("BTCUSDT", datetime(2026, 11, 21, 1, 42, tzinfo=UTC))
    assert (offer.resolution, offer.volume) == ("1d", True)
    assert offer.oldest == datetime(2026, 10, 23, tzinfo=UTC)
    with pytest.raises(UnknownSymbolError, match="not in the table of coins"):
        source.offers("PEPE", now())


@pytest.mark.parametrize("name", ["coingecko", "coingecko:pro"])
@pytest.mark.parametrize(("days", "span"), [(5, "7"), (12, "14"), (28, "30")])
def test_days_are_put_together(sandbox, database, name, days, span):
    with opened(name, sandbox.url, database) as source:
        start = TODAY - days * DAY
        candles = usable(source.fetch("ETH", "1d", start, TODAY - DAY), "1d")
        assert_whole("coingecko", candles, "ETH", "1d", start, TODAY - DAY)
        assert valid(candles).all()
    candles, volumes = sandbox.requests("coingecko")
    assert dict(candles["query"])["days"] == span
    assert volumes["path"].endswith("/coins/ethereum/market_chart/range")


def test_the_oldest_day_that_is_offered_is_there(source):
    (offer,) = source.offers("SOL", now())
    candles = usable(source.fetch("SOL", "1d", offer.oldest, offer.oldest + DAY), "1d")
    assert_whole("coingecko", candles, "SOL", "1d", offer.oldest, offer.oldest + DAY)


@pytest.mark.parametrize(
    ("name", "header"), [("coingecko", "x-cg-demo-api-key"), ("coingecko:pro", "x-cg-pro-api-key")]
)
def test_each_plan_has_its_own_header(database, name, header):
    with Server() as server, opened(name, server.url, database) as source:
        server.answers = [reply(steps()), reply(chart())]
        assert len(source.fetch("BTC", "1d", START, TODAY).candles) == 1
        assert {request.headers[header] for request in server.received} == {"any-key"}


def test_a_day_is_made_of_six_steps_and_the_volume_before_midnight(scripted):
    (candle,) = scripted(steps(), chart()).fetch("BTC", "1d", START, TODAY).candles.to_dict("records")
    assert candle == {
        "symbol": "BTC",
        "timestamp": START,
        "open": 10.0,
        "high": 25.0,
        "low": 5.0,
        "close": 16.0,
        "volume": pytest.approx(1400.0 / ((25.0 + 5.0 + 16.0) / 3)),
    }


@pytest.mark.parametrize(
    "rows",
    [
        STEPS[:3] + STEPS[4:],  # a hole
        [*STEPS, [2, 1, 9, 1, 9]],  # two versions of one step
        [*STEPS[:2], [2, None, 22, 7, 13], *STEPS[3:]],  # a price is missing
        [],
    ],
)
def test_a_day_that_is_not_whole_is_left_out(scripted, rows):
    assert scripted(steps(rows), chart()).fetch("BTC", "1d", START, TODAY).candles.empty


@pytest.mark.parametrize(
    "series",
    [
        {"prices": [[1, 16.0]], "total_volumes": []},
        {"prices": [], "total_volumes": []},
        {"prices": [[1, 16.0]], "total_volumes": [[1.001, 1400.0]]},  # not at midnight: another 24 hours
        {"prices": [[1, 16.0]], "total_volumes": [[0, 1400.0]]},
        {"prices": [[1, 16.0]], "total_volumes": [[1, 1400.0], [1, 1500.0]]},
        {"prices": [[1, 16.0]], "total_volumes": [[1, None]]},
    ],
)
def test_a_day_without_a_volume_is_left_out(scripted, series):
    assert scripted(steps(), chart(series)).fetch("BTC", "1d", START, TODAY).candles.empty


def test_repeated_points_are_no_contradiction(scripted):
    doubled = {name: points * 2 for name, points in MIDNIGHT.items()}
    assert len(scripted(steps(STEPS * 2), chart(doubled)).fetch("BTC", "1d", START, TODAY).candles) == 1


def test_a_price_is_the_decimal_that_its_number_stands_for(scripted):
    noisy = [[number, 10, 20, 4.8100000000000005, 9.299999999999999] for number in range(7)]
    series = {**MIDNIGHT, "prices": [[1, 9.3]]}
    candles = scripted(steps(noisy), chart(series)).fetch("BTC", "1d", START, TODAY).candles
    assert candles[["low", "close"]].to_numpy().tolist() == [[4.81, 9.3]]


def test_what_was_refused_is_said(scripted):
    fetched = scripted(steps([*STEPS, [6, 0, None, 0, 0]]), chart()).fetch("BTC", "1d", START, TODAY)
    assert fetched.problems == ("1 row refused: a price is not a number",)


@pytest.mark.parametrize("path", ["ohlc", "market_chart"])
def test_answers_about_two_coins_are_refused(sandbox, source, path):
    sandbox.fail("coingecko", "wrong_symbol", match={"path": path})
    with pytest.raises(SourceError, match="one of them must be about another coin") as caught:
        source.fetch("BTC", "1d", TODAY - 5 * DAY, TODAY)
    assert caught.value.temporary


def test_the_documented_examples_are_read(scripted):
    examples = json.loads(recorded("transcribed/coingecko.json").read_text())
    rows = examples["ohlc_sample"]["body"]
    points = examples["market_chart_range_sample"]["body"]
    fetched = scripted(rows, points).fetch("BTC", "1d", START, TODAY)
    assert (len(fetched.candles), fetched.problems) == (0, ())  # three steps make no day


@pytest.mark.parametrize(
    "rows", [[[1, 2, 3]], [["x", 1, 2, 1, 2]], [5], 5, None, {"error": 0}, {"prices": []}]
)
def test_an_answer_of_another_kind_is_refused(scripted, rows):
    with pytest.raises(SourceError, match=r"no (candles|volumes)") as caught:
        scripted(rows, chart()).fetch("BTC", "1d", START, TODAY)
    assert caught.value.temporary
    with pytest.raises(SourceError, match="no volumes") as caught:
        scripted(steps(), rows).fetch("BTC", "1d", START, TODAY)
    assert caught.value.temporary


@pytest.mark.parametrize(("status", "temporary"), [(400, True), (401, False), (403, False)])
def test_a_key_that_will_not_do_is_final_and_a_refused_question_is_not(sandbox, source, status, temporary):
    sandbox.fail("coingecko", "status", status=status)
    with pytest.raises(SourceError) as caught:
        source.fetch("BTC", "1d", START, TODAY)
    assert caught.value.temporary == temporary


def test_a_coin_that_coingecko_no_longer_knows_is_unknown(sandbox, source):
    sandbox.fail("coingecko", "status", status=404)
    with pytest.raises(UnknownSymbolError, match="unknown coin bitcoin"):
        source.fetch("BTC", "1d", START, TODAY)


def test_it_has_no_other_candles(source):
    with pytest.raises(ValueError, match="no 4h candles with a volume"):
        source.fetch("BTC", "4h", START, TODAY)


def test_the_day_that_is_open_is_left_out(sandbox, source):
    sandbox.fail("coingecko", "open_last_candle", match={"path": "ohlc"})
    candles = usable(source.fetch("BTC", "1d", TODAY - 4 * DAY, now() + DAY), "1d")
    assert_true("coingecko", candles, "1d")
    assert TODAY - 2 * DAY <= candles["timestamp"].max() < floor(now(), DAY)


@pytest.mark.parametrize("name", ["coingecko", "coingecko:pro"])
def test_it_opens_by_its_name_with_its_connection(sandbox, database, name):
    connections = {"market_coingecko": Endpoint(f"{sandbox.url}/coingecko/api/v3", "a-key")}
    with open_source(name, Settings(), database, connections.__getitem__) as source:
        assert source.name == name
        assert len(source.fetch("BTC", "1d", TODAY - 3 * DAY, TODAY - DAY).candles) == 2
