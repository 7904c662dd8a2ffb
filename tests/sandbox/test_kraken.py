"""The imitation of Kraken: the shape of the recorded answers, its limits, and trades that rebuild candles."""

import time
from decimal import Decimal

import ccxt
import pytest

from tests.support.recorded import assert_same_shape, load_recorded

PUBLIC = "/kraken/0/public"


def ask(sandbox, method, **query):
    answer = sandbox.http.get(f"{PUBLIC}/{method}", params=query)
    assert answer.status_code == 200
    return answer.json()


def candles_of(body):
    (key,) = set(body["result"]) - {"last"}
    return body["result"][key]


@pytest.mark.parametrize(
    ("method", "query", "recording"),
    [
        ("OHLC", {"pair": "XBTUSDT", "interval": "1"}, "http_ohlc"),
        ("Trades", {"pair": "XBTUSDT"}, "http_trades"),
        ("AssetPairs", {"pair": "XBTUSDT"}, "http_asset_pairs"),
        ("SystemStatus", {}, "http_system_status"),
    ],
)
def test_answers_have_the_shape_of_the_recorded_ones(sandbox, method, query, recording):
    recorded = load_recorded(f"kraken/{recording}.json")
    ours = ask(sandbox, method, **query)
    assert_same_shape(ours, recorded)
    if method == "AssetPairs":
        for name in ("altname", "wsname", "base", "quote", "pair_decimals", "lot_decimals", "tick_size"):
            assert ours["result"]["XBTUSDT"][name] == recorded["result"]["XBTUSDT"][name]


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 240, 1440])
def test_ohlc_is_720_closed_candles_and_the_open_one(sandbox, interval):
    body = ask(sandbox, "OHLC", pair="XBTUSD", interval=interval, since=0)
    candles, step = candles_of(body), interval * 60
    assert len(candles) == 721
    assert [row[0] for row in candles] == list(range(candles[0][0], candles[0][0] + 721 * step, step))
    assert candles[-1][0] <= time.time() < candles[-1][0] + step + 5
    assert body["result"]["last"] == candles[-2][0]


def test_since_shortens_but_never_reaches_further_back(sandbox):
    whole = candles_of(ask(sandbox, "OHLC", pair="XBTUSD"))
    later = candles_of(ask(sandbox, "OHLC", pair="XBTUSD", since=whole[700][0]))
    assert [row[0] for row in later][:20] == [row[0] for row in whole][701:]
    assert candles_of(ask(sandbox, "OHLC", pair="XBTUSD", since=int(time.time()) + 60)) == []


def test_quiet_minutes_are_flat_without_trades(sandbox):
    candles = candles_of(ask(sandbox, "OHLC", pair="DOTUSD"))
    quiet = [at for at in range(1, 720) if candles[at][7] == 0]
    assert quiet
    for at in quiet:
        close = candles[at - 1][4]
        assert candles[at][1:] == [close, close, close, close, "0.0", "0.00000000", 0]


@pytest.mark.parametrize("pair", ["XBTUSD", "XDGUSDT"])
def test_trades_rebuild_the_candles(sandbox, pair):
    candles = candles_of(ask(sandbox, "OHLC", pair=pair))
    since, trades = str(candles[400][0] * 1_000_000_000 - 1), []
    while True:
        body = ask(sandbox, "Trades", pair=pair, since=since, count=300)
        page = candles_of(body)
        trades += page
        if len(page) < 300:
            break
        since = body["result"]["last"]
    assert len({trade[6] for trade in trades}) == len(trades) > 1000
    assert [trade[2] for trade in trades] == sorted(trade[2] for trade in trades)
    by_minute = {}
    for trade in trades:
        by_minute.setdefault(int(trade[2]) // 60 * 60, []).append(trade)
    for opened_at, open_, high, low, close, vwap, volume, count in candles[400:720]:
        minute = by_minute.pop(opened_at, [])
        assert len(minute) == count
        if minute:
            prices = [Decimal(trade[0]) for trade in minute]
            volumes = [Decimal(trade[1]) for trade in minute]
            assert [prices[0], max(prices), min(prices), prices[-1]] == [
                Decimal(price) for price in (open_, high, low, close)
            ]
            assert sum(volumes) == Decimal(volume)
            worth = sum(price * amount for price, amount in zip(prices, volumes, strict=True))
            step = Decimal(10) ** Decimal(vwap).as_tuple().exponent
            assert abs(worth / sum(volumes) - Decimal(vwap)) <= step / 2
    assert set(by_minute) <= {candles[720][0], candles[720][0] + 60}


def test_trades_without_since_are_the_newest(sandbox):
    body = ask(sandbox, "Trades", pair="XBTUSD", count=10)
    trades = candles_of(body)
    assert len(trades) == 10
    assert time.time() - 300 < trades[-1][2] <= time.time()
    assert body["result"]["last"] == str(round(trades[-1][2] * 1000) * 1_000_000)
    nothing = ask(sandbox, "Trades", pair="XBTUSD", since=str(time.time_ns()))
    assert candles_of(nothing) == []


def test_trades_from_the_beginning_start_in_2020(sandbox):
    assert candles_of(ask(sandbox, "Trades", pair="XBTUSD", since="0", count=1))[0][2] == 1577836806.0


@pytest.mark.parametrize(
    ("method", "query", "error"),
    [
        ("OHLC", {"pair": "FOOUSD"}, "EQuery:Unknown asset pair"),
        ("OHLC", {}, "EQuery:Unknown asset pair"),
        ("OHLC", {"pair": "XBTUSD", "interval": "2"}, "EGeneral:Invalid arguments"),
        ("OHLC", {"pair": "XBTUSD", "since": "today"}, "EGeneral:Invalid arguments"),
        ("Trades", {"pair": "FOOUSD"}, "EQuery:Unknown asset pair"),
        ("Trades", {"pair": "XBTUSD", "count": "1001"}, "EGeneral:Invalid arguments"),
        ("AssetPairs", {"pair": "XBTUSD,FOOUSD"}, "EQuery:Unknown asset pair"),
    ],
)
def test_errors_come_under_status_200(sandbox, method, query, error):
    assert ask(sandbox, method, **query) == {"error": [error]}


def test_transcribed_errors_are_imitated(sandbox):
    recorded = load_recorded("transcribed/kraken_errors.json")
    assert ask(sandbox, "OHLC", pair="FOOUSD") == recorded["unknown_pair"]["body"]
    sandbox.fail("kraken", "error_in_200", times=1)
    assert ask(sandbox, "OHLC", pair="XBTUSD") == recorded["throttled"]["body"]


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("XBTUSD", "XXBTZUSD"), ("XXBTZUSD", "XXBTZUSD"), ("BTC/USD", "XXBTZUSD"), ("XBTUSDT", "XBTUSDT"),
        ("ETHUSD", "XETHZUSD"), ("XDGUSD", "XDGUSD"), ("DOGEUSD", "XDGUSD"), ("SOL/USDT", "SOLUSDT"),
    ],
)  # fmt: skip
def test_pairs_have_krakens_names(sandbox, spelling, key):
    assert set(ask(sandbox, "OHLC", pair=spelling)["result"]) == {key, "last"}


def test_ccxt_reads_it(sandbox):
    exchange = ccxt.kraken({"enableRateLimit": False})
    exchange.urls["api"]["public"] = f"{sandbox.url}/kraken"
    candles = exchange.fetch_ohlcv("BTC/USD", "1m")
    assert len(candles) == 721
    assert candles[-1][0] <= time.time() * 1000
    since = candles[600][0]
    assert exchange.fetch_ohlcv("BTC/USD", "1m", since)[0] == candles[600]
    trades = exchange.fetch_trades("DOGE/USD", limit=50)
    assert trades[0]["symbol"] == "DOGE/USD"
    sandbox.fail("kraken", "error_in_200", times=1)
    with pytest.raises(ccxt.DDoSProtection):
        exchange.fetch_ohlcv("BTC/USD", "1m")
