"""The imitation of Binance: the shape of the recorded answers, its paging, and ccxt on top of it."""

import time

import ccxt
import pytest

from tests.support.recorded import assert_same_shape, load_recorded

KLINES = "/binance/api/v3/klines"
START = 1_735_689_600_000  # 2025-01-01


def ask(sandbox, **query):
    return sandbox.http.get(KLINES, params={"symbol": "BTCUSDT", "interval": "1m", **query})


def test_klines_have_the_shape_of_the_recorded_ones(sandbox):
    assert_same_shape(ask(sandbox).json(), load_recorded("binance/spot_BTCUSDT_1m_60rows.json"))


def test_exchange_info_has_the_shape_of_the_recorded_one(sandbox):
    ours = sandbox.http.get("/binance/api/v3/exchangeInfo").json()
    recorded = load_recorded("binance/spot_exchangeInfo_trimmed.json")
    assert_same_shape({**ours, "timezone": None}, {**recorded, "timezone": None})
    assert {entry["symbol"] for entry in ours["symbols"]} >= {"BTCUSDT", "ETHUSDT", "MATICUSDT"}


def test_time_and_ping(sandbox):
    stamp = sandbox.http.get("/binance/api/v3/time").json()["serverTime"]
    assert abs(stamp - time.time() * 1000) < 5_000
    assert sandbox.http.get("/binance/api/v3/ping").json() == {}


def test_the_bounds_are_inclusive_and_columns_agree(sandbox):
    rows = ask(sandbox, startTime=START, endTime=START + 120_000).json()
    assert [row[0] for row in rows] == [START, START + 60_000, START + 120_000]
    for row in rows:
        assert row[6] == row[0] + 59_999
        assert float(row[3]) <= float(row[7]) / float(row[5]) <= float(row[2])
        assert float(row[9]) <= float(row[5])
        assert row[8] == 4


def test_pages_join(sandbox):
    whole = ask(sandbox, startTime=START, limit=1000).json()
    assert len(whole) == 1000
    pages, start = [], START
    while len(pages) < 1000:
        page = ask(sandbox, startTime=start, limit=300, endTime=START + 999 * 60_000).json()
        pages += page
        start = page[-1][0] + 1
    assert pages == whole


def test_limits(sandbox):
    assert len(ask(sandbox, startTime=START).json()) == 500
    assert len(ask(sandbox, startTime=START, limit=5000).json()) == 1000
    assert [row[0] for row in ask(sandbox, endTime=START, limit=2).json()] == [START - 60_000, START]
    assert ask(sandbox, startTime=int(time.time() * 1000) + 60_000).json() == []


def test_the_newest_candle_is_open(sandbox):
    newest = ask(sandbox, limit=2).json()
    assert newest[-1][0] <= time.time() * 1000 + 1
    assert newest[-1][6] > time.time() * 1000 - 1000
    assert len(newest) == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"symbol": "BTCUSD"}, -1121),
        ({"interval": "2m"}, -1120),
        ({"interval": ""}, -1120),
        ({"startTime": "now"}, -1100),
        ({"limit": "0"}, -1130),
    ],
)
def test_errors(sandbox, query, code):
    answer = ask(sandbox, **query)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["msg"]


def test_a_missing_symbol_is_refused(sandbox):
    assert sandbox.http.get(KLINES).json()["code"] == -1102


def test_ccxt_reads_it(sandbox):
    exchange = ccxt.binance({"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["spot"]}}})
    exchange.urls["api"]["public"] = f"{sandbox.url}/binance/api/v3"
    candles = exchange.fetch_ohlcv("ETH/USDT", "1h", START, limit=24)
    assert [candle[0] for candle in candles] == list(range(START, START + 24 * 3_600_000, 3_600_000))
    native = sandbox.http.get(
        "/market/candles",
        params={"symbol": "ETH", "resolution": "1h", "start": "2025-01-01T00:00:00Z", "limit": "24"},
    ).json()["candles"]
    assert candles == [[row[0], *map(float, row[1:])] for row in native]
    with pytest.raises(ccxt.BadSymbol):
        exchange.fetch_ohlcv("FOO/USDT", "1h")
    for status, error in ((429, ccxt.DDoSProtection), (503, ccxt.ExchangeNotAvailable)):
        sandbox.fail("binance", "status", status=status, times=1)
        with pytest.raises(error):
            exchange.fetch_ohlcv("ETH/USDT", "1h", START)
    sandbox.fail("binance", "no_rows", times=1)
    assert exchange.fetch_ohlcv("ETH/USDT", "1h", START) == []
