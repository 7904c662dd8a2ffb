"""The imitation of CoinMarketCap: exclusive start, inclusive end, counts, keys, codes in the body."""

import time

import pytest

from tests.support.recorded import assert_same_shape, load_recorded

V2 = "/coinmarketcap/v2/cryptocurrency"
KEY = {"X-CMC_PRO_API_KEY": "k"}


def ask(sandbox, path="ohlcv/historical", headers=KEY, **query):
    return sandbox.http.get(f"{V2}/{path}", params=query, headers=headers)


def opens(answer):
    return [quote["time_open"] for quote in answer.json()["data"]["quotes"]]


def test_answers_have_the_shape_of_the_documented_ones(sandbox):
    samples = load_recorded("transcribed/coinmarketcap.json")
    assert_same_shape(ask(sandbox, id=1).json(), samples["ohlcv_historical_v2_docs_example"]["body"])
    for status, name in ((401, "err_1001"), (403, "err_1006"), (429, "err_1008")):
        sandbox.fail("coinmarketcap", "status", status=status, times=1)
        answer = ask(sandbox, id=1)
        assert answer.status_code == samples[name]["status_code"]
        for key in ("error_code", "error_message"):
            assert answer.json()["status"][key] == samples[name]["body"]["status"][key]


def test_the_start_is_exclusive_and_the_end_inclusive(sandbox):
    answer = ask(sandbox, id=1, time_start="2025-01-01", time_end="2025-01-03T00:00:00Z")
    assert opens(answer) == ["2025-01-02T00:00:00.000Z", "2025-01-03T00:00:00.000Z"]
    hours = ask(sandbox, id=1, time_period="hourly", interval="hourly", time_start=1735689600, count=3)
    assert opens(hours) == [f"2025-01-01T0{hour}:00:00.000Z" for hour in (1, 2, 3)]
    quote = hours.json()["data"]["quotes"][0]
    assert quote["time_close"] == quote["quote"]["USD"]["timestamp"] == "2025-01-01T01:59:59.999Z"


def test_candles_are_those_of_the_market(sandbox):
    quotes = ask(sandbox, id=1027, time_period="hourly", time_start="2025-01-01T00:00:00Z", count=24).json()[
        "data"
    ]["quotes"]
    native = sandbox.http.get(
        "/market/candles",
        params={"symbol": "ETH", "resolution": "1h", "start": "2025-01-01T01:00:00Z", "limit": "24"},
    ).json()["candles"]
    for quote, row in zip(quotes, native, strict=True):
        usd = quote["quote"]["USD"]
        assert [usd[side] for side in ("open", "high", "low", "close")] == [float(p) for p in row[1:5]]
        assert float(row[3]) <= usd["volume"] / float(row[5]) <= float(row[2])  # volume is in dollars


def test_counts(sandbox):
    assert len(opens(ask(sandbox, id=1))) == 10
    assert len(opens(ask(sandbox, id=1, time_start="2025-01-01"))) == 10
    assert len(opens(ask(sandbox, id=1, time_start="2025-01-01", count=60))) == 60
    newest = opens(ask(sandbox, id=1, time_period="hourly", count=2))
    assert newest[-1] <= time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 3599))
    assert opens(ask(sandbox, id=1, time_start=int(time.time()))) == []


def test_by_symbol_the_data_are_keyed(sandbox):
    data = ask(sandbox, symbol="SOL", count=1).json()["data"]
    assert data["SOL"][0]["id"] == 5426
    assert len(data["SOL"][0]["quotes"]) == 1


def test_quotes_latest(sandbox):
    data = ask(sandbox, "quotes/latest", id=52).json()["data"]["52"]
    usd = data["quote"]["USD"]
    assert (data["symbol"], data["name"]) == ("XRP", "XRP")
    assert usd["market_cap"] == usd["price"] * data["circulating_supply"]
    assert usd["volume_24h"] > 1e7
    assert {"percent_change_1h", "percent_change_24h", "percent_change_7d"} <= set(usd)


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ({}, 400, 400, '"id" or "symbol"'),
        ({"id": 1, "symbol": "BTC"}, 400, 400, '"id" or "symbol"'),
        ({"id": 99}, 400, 400, "Invalid value"),
        ({"symbol": "NOPE"}, 400, 400, "Invalid value"),
        ({"id": 1, "convert": "EUR"}, 400, 400, "convert"),
        ({"id": 1, "time_period": "minutely"}, 400, 400, "time_period"),
        ({"id": 1, "time_period": "daily", "interval": "1h"}, 400, 400, "time_period"),
        ({"id": 1, "count": 10001}, 400, 400, "count"),
        ({"id": 1, "time_start": "soon"}, 400, 400, "time_start"),
    ],
)
def test_errors(sandbox, query, status, code, words):
    answer = ask(sandbox, **query)
    assert answer.status_code == status
    assert answer.json()["status"]["error_code"] == code
    assert words in answer.json()["status"]["error_message"]


@pytest.mark.parametrize("path", ["ohlcv/historical", "quotes/latest"])
def test_a_key_is_demanded(sandbox, path):
    answer = ask(sandbox, path, headers={}, id=1)
    assert (answer.status_code, answer.json()["status"]["error_code"]) == (401, 1002)
