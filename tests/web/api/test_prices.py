"""Historical prices through the API: candles with their source, in pages, of a trade or of a symbol."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.candles import prices
from tests.support.reading import insert_whole, run
from tests.support.rows import insert_candles
from tests.support.web import ANNA, BERT

PRICES = "/api/atge/historical-data"
START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC = {"symbol": "BTC", "resolution": "1h", "start": "2026-03-02T02:00:00Z", "end": "2026-03-02T05:00:00Z"}


@pytest.fixture
def candles(database):
    with database.begin() as connection:
        insert_candles(connection, "BTC", "1h", START, HOUR, 10)
    return database


def read(client, **parameters):
    answer = client.get(PRICES, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def opens(shown):
    return [candle["timestamp"][11:16] for candle in shown["candles"]]


def test_a_window_of_a_symbol(api, candles):
    change = (
        "UPDATE market_candles SET close = 100.123456789012345678, source = 'kraken' WHERE timestamp = :at"
    )
    run(candles, change, at=START + 2 * HOUR)
    shown = read(api.with_key(), **BTC)
    assert opens(shown) == ["02:00", "03:00", "04:00"]
    assert (shown["symbol"], shown["resolution"], shown["start"]) == ("BTC", "1h", "2026-03-02T02:00:00Z")
    assert [candle["source"] for candle in shown["candles"]] == ["kraken", "archive", "archive"]
    exact = read(api.with_key(), **BTC, exact="true")
    assert Decimal(exact["candles"][0]["close"]) == Decimal("100.123456789012345678")
    assert opens(read(api.with_key(), **{**BTC, "end": "2026-03-02"}))[-1] == "09:00"  # a day: to its end


def test_a_trade_shows_the_candles_of_its_window(api, candles):
    trade = insert_whole(candles, generated_at=START + HOUR, expires_at=START + 4 * HOUR)
    answer = api.with_key().get(PRICES, params={"tradeSignalId": str(trade)})
    assert opens(answer.json()) == ["01:00", "02:00", "03:00"]
    assert answer.headers["Cache-Control"] == "private, max-age=86400"  # settled: nothing is to come
    run(candles, "DELETE FROM trade_results")
    answer = api.with_key().get(PRICES, params={"tradeSignalId": str(trade)})
    assert answer.json()["resolution"] == "1h"  # the finest that is there
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    run(candles, "DELETE FROM market_candles")
    empty = read(api.with_key(), tradeSignalId=str(trade))
    assert (empty["resolution"], empty["candles"]) == (None, [])


def test_many_candles_come_in_pages(api, candles, monkeypatch):
    monkeypatch.setattr(prices, "MOST_CANDLES", 2)
    client, seen, cursor = api.with_key(), [], ""
    trade = insert_whole(candles, generated_at=START, expires_at=START + 5 * HOUR)
    for parameters in ({**BTC, "end": "2026-03-02T07:00:00Z"}, {"tradeSignalId": str(trade)}):
        seen, cursor = [], ""
        while cursor is not None:
            shown = read(client, **parameters, cursor=cursor)
            assert len(shown["candles"]) <= 2
            seen, cursor = seen + opens(shown), shown["nextCursor"]
        assert seen == [f"{hour:02}:00" for hour in (range(2, 7) if "symbol" in parameters else range(5))]


def test_a_corrected_candle_changes_the_etag(api, candles):
    client = api.with_key()
    first = client.get(PRICES, params=BTC)
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get(PRICES, params=BTC, headers=known).status_code == 304
    run(candles, "UPDATE market_candles SET close = 7 WHERE timestamp = :at", at=START + 3 * HOUR)
    assert client.get(PRICES, params=BTC, headers=known).json()["candles"][1]["close"] == 7


def test_market_data_of_today_is_kept_for_five_minutes(api, candles):
    today = {**BTC, "start": "2026-03-02", "end": "2999-01-01"}
    assert api.with_key().get(PRICES, params=today).headers["Cache-Control"] == "private, max-age=300"


def test_odd_candles_break_nothing(api, candles):
    run(
        candles,
        "UPDATE market_candles SET high = 'NaN', volume = 'Infinity', low = 1e400, fetched_at = 'infinity'",
    )
    odd = read(api.with_key(), **BTC)["candles"][0]
    assert [odd[name] for name in ("high", "volume", "low", "fetchedAt")] == [None] * 4


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, {"symbol", "resolution", "start", "end"}),
        ({"symbol": "BTC", "resolution": "1h"}, {"start", "end"}),
        ({**BTC, "resolution": "2m"}, {"resolution"}),
        ({**BTC, "tradeSignalId": str(ANNA)}, {"symbol", "resolution", "start", "end"}),
        ({"tradeSignalId": "x"}, {"tradeSignalId"}),
        ({**BTC, "cursor": "x"}, {"cursor"}),
        ({**BTC, "symbol": "B\x00"}, {"symbol"}),
    ],
)
def test_wrong_parameters_are_named(api, parameters, named):
    answer = api.with_key().get(PRICES, params=parameters)
    assert answer.status_code == 422
    assert {one["parameter"] for one in answer.json()["errors"]} == named


def test_another_users_trade_is_none(api, candles):
    trade = insert_whole(candles, user=BERT)
    assert api.with_key().get(PRICES, params={"tradeSignalId": str(trade)}).status_code == 404
    assert api.as_person("viewer").get(PRICES, params={"tradeSignalId": str(trade)}).status_code == 200
