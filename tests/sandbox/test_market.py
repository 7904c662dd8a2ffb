"""The synthetic market: the same for every window and process, sound, lively, and never ahead of time."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.coins import COINS, UnknownSymbolError, find_coin
from sandbox.market import (
    DAY_MS,
    EPOCH_MS,
    MINUTE_MS,
    RESOLUTIONS,
    read_candles,
    read_day_closes,
    read_price,
    read_trades,
)

ROOT = Path(__file__).parents[2]
BTC = COINS["BTC"]
LATER = EPOCH_MS + 3_000 * DAY_MS  # a `now` after every window below
START = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp()) * 1000
COLUMNS = ("opened_at", "open", "high", "low", "close", "volume", "turnover", "trades")


def frame(candles):
    return pd.DataFrame({name: getattr(candles, name) for name in COLUMNS})


def read(coin, minutes, start, days, now=LATER, **options):
    return frame(read_candles(coin, minutes, start, start + days * DAY_MS, now, **options))


def kurtosis(values):
    centred = values - values.mean()
    return (centred**4).mean() / (centred**2).mean() ** 2


WEEK = read(BTC, 1, START, 7)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 7 * 1440 - 1), st.integers(1, 2 * 1440), st.integers(0, 59_999), st.integers(0, 59_999))
def test_any_window_shows_the_same_minutes(first, length, early, late):
    start, end = START + first * MINUTE_MS - early, START + (first + length) * MINUTE_MS - late
    window = frame(read_candles(BTC, 1, start, end, LATER))
    expected = WEEK[(WEEK.opened_at >= start) & (WEEK.opened_at < end)]
    pd.testing.assert_frame_equal(
        window[window.opened_at < START + 7 * DAY_MS], expected.reset_index(drop=True)
    )


def test_another_process_and_another_order_see_the_same_market():
    code = """
import hashlib, sys
from sandbox.coins import COINS
from sandbox.market import DAY_MS, read_candles
digest = {}
for coin in reversed(COINS.values()):
    start, now = int(sys.argv[1]), int(sys.argv[2])
    candles = read_candles(coin, 1, start, start + 2 * DAY_MS, now)
    digest[coin.symbol] = hashlib.sha256(candles.close.tobytes() + candles.volume.tobytes()).hexdigest()
print("".join(digest[symbol] for symbol in COINS))
"""
    there = subprocess.run(
        [sys.executable, "-c", code, str(START), str(LATER)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7"},
    ).stdout.strip()
    here = ""
    for coin in COINS.values():
        candles = read_candles(coin, 1, START, START + 2 * DAY_MS, LATER)
        here += hashlib.sha256(candles.close.tobytes() + candles.volume.tobytes()).hexdigest()
    assert there == here


def test_coins_differ():
    closes = [read(coin, 1, START, 1).close.pct_change().dropna() for coin in COINS.values()]
    correlation = np.corrcoef(np.array(closes))
    assert np.abs(correlation - np.eye(len(closes))).max() < 0.3


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("symbol", ["BTC", "DOT"])
def test_coarser_candles_are_exact_aggregates_of_the_minutes(symbol, resolution):
    coin = COINS[symbol]
    minutes = read(coin, 1, START, 3)
    grouped = minutes.groupby(minutes.opened_at // (RESOLUTIONS[resolution] * MINUTE_MS))
    expected = grouped.agg(
        opened_at=("opened_at", "first"),
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        volume=("volume", "sum"),
        turnover=("turnover", "sum"),
        trades=("trades", "sum"),
    ).reset_index(drop=True)
    pd.testing.assert_frame_equal(read(coin, RESOLUTIONS[resolution], START, 3), expected)


@pytest.mark.parametrize("coin", COINS.values(), ids=COINS)
def test_every_candle_is_sound(coin):
    for days_after in (0, 1_500):
        start = EPOCH_MS + days_after * DAY_MS
        minutes = read(coin, 1, start, 5)
        assert list(minutes.opened_at) == list(range(start, start + 5 * DAY_MS, MINUTE_MS))
        assert (minutes.low > 0).all()
        assert (minutes.low <= minutes[["open", "close"]].min(axis=1)).all()
        assert (minutes.high >= minutes[["open", "close"]].max(axis=1)).all()
        assert (minutes.open.to_numpy()[1:] == minutes.close.to_numpy()[:-1]).all()
        quiet = minutes[minutes.volume == 0]
        assert (quiet.open == quiet.close).all()
        assert (quiet.high == quiet.low).all()
        assert (quiet.turnover == 0).all()
        assert 0 < len(quiet) / len(minutes) < 2 * coin.quiet
        assert (minutes.volume >= 0).all()


@pytest.mark.parametrize("coin", COINS.values(), ids=COINS)
def test_moves_have_fat_tails_and_storms_and_prices_stay_in_scale(coin):
    closes = read_day_closes(coin, LATER)
    days = np.diff(np.log(closes))
    assert kurtosis(days) > 4.0  # a normal distribution has 3
    size = np.abs(days)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.08  # loud days follow loud days
    assert 0.7 < days.std() / coin.volatility < 1.6
    assert coin.price / 12 < closes.min() < closes.max() < coin.price * 12
    minutes = np.diff(np.log(read(coin, 1, START, 10).close))
    assert kurtosis(minutes) > 6.0


def test_day_closes_are_the_closes_of_the_days():
    closes = read_day_closes(BTC, EPOCH_MS + 100 * DAY_MS + 5)
    days = read(BTC, 1440, EPOCH_MS, 100)
    assert list(days.opened_at) == list(range(EPOCH_MS, EPOCH_MS + 100 * DAY_MS, DAY_MS))
    assert closes.tolist() == [65_000.0, *BTC.price_dollars(days.close.to_numpy())]


@pytest.mark.parametrize("late", [0, 1, 5_999, 6_000, 30_000, 59_999])
@pytest.mark.parametrize("minutes", [1, 60])
def test_nothing_is_served_before_it_has_closed(minutes, late):
    now = START + 90 * MINUTE_MS + late
    length = minutes * MINUTE_MS
    closed = frame(read_candles(BTC, minutes, START, START + DAY_MS, now))
    assert closed.opened_at.iloc[-1] + length <= now < closed.opened_at.iloc[-1] + 2 * length
    whole = frame(read_candles(BTC, minutes, START, START + DAY_MS, now, with_open=True))
    pd.testing.assert_frame_equal(whole.iloc[:-1], closed)
    assert whole.opened_at.iloc[-1] == now // length * length


@pytest.mark.parametrize("minutes", [1, 60])
def test_the_open_candle_holds_the_trades_so_far_and_ends_as_the_closed_one(minutes):
    length = minutes * MINUTE_MS
    opened = START + 10 * length
    for passed in range(0, length, length // 40):
        now = opened + passed
        candle = frame(read_candles(BTC, minutes, opened, opened + 1, now, with_open=True)).iloc[-1]
        trades = read_trades(BTC, opened, now + 1)
        assert candle.trades == len(trades.price)
        assert candle.volume == trades.volume.sum()
        assert candle.turnover == (trades.price * trades.volume).sum()
        if len(trades.price):
            assert candle.open == trades.price[0]
            assert candle.high == trades.price.max()
            assert candle.low == trades.price.min()
            assert candle.close == trades.price[-1]
            assert read_price(BTC, now) == trades.price[-1] / 10.0
    closed = frame(read_candles(BTC, minutes, opened, opened + 1, opened + length)).iloc[-1]
    candle = frame(read_candles(BTC, minutes, opened, opened + 1, opened + length - 1, with_open=True))
    pd.testing.assert_series_equal(candle.iloc[-1], closed)


@pytest.mark.parametrize("symbol", ["BTC", "DOT", "DOGE"])
def test_trades_add_up_to_the_minutes(symbol):
    coin = COINS[symbol]
    trades = read_trades(coin, START, START + DAY_MS)
    assert (np.diff(trades.traded_at) > 0).all()
    assert (np.diff(trades.number) > 0).all()
    table = pd.DataFrame({"at": trades.traded_at, "price": trades.price, "volume": trades.volume})
    table["worth"] = table.price * table.volume
    rebuilt = table.groupby(table["at"] // MINUTE_MS * MINUTE_MS).agg(
        open=("price", "first"), high=("price", "max"), low=("price", "min"), close=("price", "last"),
        volume=("volume", "sum"), turnover=("worth", "sum"), trades=("price", "size"),
    )  # fmt: skip
    minutes = read(coin, 1, START, 1).set_index("opened_at")
    traded = minutes[minutes.volume > 0]
    assert 0 < len(traded) < len(minutes)
    pd.testing.assert_frame_equal(rebuilt, traded, check_names=False)


def test_the_market_begins_in_2020():
    early = read(BTC, 1, EPOCH_MS - 2 * DAY_MS, 3)
    assert early.opened_at.iloc[0] == EPOCH_MS
    assert len(early) == 1440
    assert read(BTC, 1, EPOCH_MS - 2 * DAY_MS, 2).empty
    assert len(read_trades(BTC, 0, EPOCH_MS).price) == 0
    assert read(BTC, 1, LATER, 1).empty


@pytest.mark.parametrize("spelling", ["ETH", "eth", "ETHUSD", "ETHUSDT", "ETH/USDT", "ETH-USD", " eth/usd "])
def test_a_coin_has_many_spellings(spelling):
    assert find_coin(spelling).symbol == "ETH"


@pytest.mark.parametrize("spelling", ["", "ETHT", "ETHBTC", "USDT", "ETH//USDT", "BITCOIN", "DOTT", "ETH/"])
def test_other_spellings_are_unknown(spelling):
    with pytest.raises(UnknownSymbolError, match="unknown symbol"):
        find_coin(spelling)


def test_trades_with_usual_stops_and_windows_end_in_every_way():
    """Stops at 1-5 %, targets 1.5 times as far, windows of 4 hours to 2 weeks, both directions."""
    rng = np.random.default_rng(3)
    ends = {"target": 0, "stop": 0, "expired": 0}
    for coin in (COINS["BTC"], COINS["SOL"]):
        minutes = read(coin, 1, START, 90)
        high, low, close = (minutes[side].to_numpy(dtype=float) for side in ("high", "low", "close"))
        for _ in range(300):
            hours = np.exp(rng.uniform(np.log(4), np.log(336)))
            at = rng.integers(0, len(minutes) - 336 * 60 - 1)
            window = slice(at + 1, at + 1 + int(hours * 60))
            stop = rng.uniform(0.01, 0.05)
            up, down = high[window] / close[at] - 1.0, 1.0 - low[window] / close[at]
            win, loss = (up, down) if rng.random() < 0.5 else (down, up)
            first_win = int(np.argmax(win >= 1.5 * stop)) if (win >= 1.5 * stop).any() else len(up)
            first_loss = int(np.argmax(loss >= stop)) if (loss >= stop).any() else len(up)
            if first_win == first_loss == len(up):
                ends["expired"] += 1
            else:
                ends["target" if first_win < first_loss else "stop"] += 1
    assert all(0.12 < count / 600 < 0.65 for count in ends.values()), ends
