"""TA-Lib's indicators against talipp's, which share no code; and what is too short for one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talipp.indicators as reference
from talipp.ohlcv import OHLCV

from include.signals.history import History
from include.signals.indicators import as_row, compute, contradiction, recent_candles

START = pd.Timestamp("2026-01-05", tz="UTC")


def history(rows: int = 500, seed: int = 1, price: float = 100.0) -> History:
    """A random walk of hours."""
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opened = np.concatenate([[price], close[:-1]])
    reach = 1 + np.abs(random.normal(0, 0.005, (2, rows)))
    candles = pd.DataFrame(
        {
            "timestamp": pd.date_range(START, periods=rows, freq="1h", unit="us"),
            "open": opened,
            "high": np.maximum(opened, close) * reach[0],
            "low": np.minimum(opened, close) / reach[1],
            "close": close,
            "volume": random.lognormal(3, 1, rows),
        }
    )
    return History(candles, rows, 0, 500, "kraken", None)


def by_talipp(history: History) -> dict[str, float]:
    candles = history.candles
    columns = (candles[name].tolist() for name in ("open", "high", "low", "close", "volume"))
    bars = [OHLCV(*row) for row in zip(*columns, strict=True)]
    close, volume = candles["close"].tolist(), candles["volume"].tolist()
    macd = reference.MACD(12, 26, 9, close)[-1]
    bands = reference.BB(20, 2, close)[-1]
    fast = reference.Stoch(14, 3, bars)
    slow_k = pd.Series([value.k for value in fast if value is not None]).rolling(3).mean()
    return {
        "rsi_14": reference.RSI(14, close)[-1],
        "macd_line": macd.macd,
        "macd_signal": macd.signal,
        "macd_histogram": macd.histogram,
        "ema_20": reference.EMA(20, close)[-1],
        "ema_50": reference.EMA(50, close)[-1],
        "ema_200": reference.EMA(200, close)[-1],
        "bb_upper": bands.ub,
        "bb_middle": bands.cb,
        "bb_lower": bands.lb,
        "atr_14": reference.ATR(14, bars)[-1],
        "stoch_k": slow_k.iloc[-1],
        "stoch_d": slow_k.rolling(3).mean().iloc[-1],
        "volume_24h": sum(volume[-24:]),
        "volume_sma_20": reference.SMA(20, volume)[-1],
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("price", [0.00001, 100.0, 100_000.0])
def test_the_indicators_are_those_of_an_independent_library(seed, price):
    made = history(seed=seed, price=price)
    assert compute(made, "1h") == pytest.approx(by_talipp(made), rel=1e-6)


def test_a_short_history_gives_what_it_can_and_null_for_the_rest():
    found = compute(history(60), "1h")
    assert [name for name, value in found.items() if value is None] == ["ema_200"]


def test_a_flat_market_has_no_strength_and_no_range():
    flat = history(100)
    for column in ("open", "high", "low", "close"):
        flat.candles[column] = 100.0
    found = compute(flat, "1h")
    assert found["atr_14"] == 0
    assert contradiction(100.0, flat, found["atr_14"]) == (
        "the market has not moved at all in the last candles (close 100)"
    )


def still(rows: int, price: float = 100.0, of: int = 500) -> History:
    """A lively market that then trades at its last price only, for so many hours."""
    made = history(of, price=price)
    made.candles.loc[made.candles.index[-rows:], ["open", "high", "low", "close"]] = made.candles[
        "close"
    ].iloc[-rows - 1]
    return made


@pytest.mark.parametrize("price", [1e-8, 0.00001, 100.0, 64_000.1])
@pytest.mark.parametrize("rows", [20, 60, 400])
def test_a_market_that_stood_still_is_neither_at_its_low_nor_weak(rows, price):
    made = still(rows, price)
    found = compute(made, "1h")
    assert (found["rsi_14"], found["stoch_k"], found["stoch_d"]) == (None, None, None)
    close = made.candles["close"].iloc[-1]
    assert found["bb_upper"] == found["bb_middle"] == found["bb_lower"] == close
    assert found["ema_20"] == pytest.approx(close, rel=0.05)


def test_a_market_that_never_moved_has_no_trend_of_rounding_errors():
    flat = history(500)
    for column in ("open", "high", "low", "close"):
        flat.candles[column] = 64_123.457
    flat.candles.loc[flat.candles.index[-30:], "volume"] = 0.0
    found = compute(flat, "1h")
    for name in ("macd_line", "macd_signal", "macd_histogram", "volume_24h", "volume_sma_20"):
        assert str(found[name]) == "0.0", name  # neither -0.0 nor 7e-12


@pytest.mark.parametrize(("rows", "k", "d"), [(13, True, True), (14, False, False), (16, False, False)])
def test_the_stochastic_is_known_as_long_as_each_of_its_windows_holds_a_movement(rows, k, d):
    found = compute(still(rows), "1h")
    assert (found["stoch_k"] is not None, found["stoch_d"] is not None) == (k, d)


def test_the_slow_line_of_the_stochastic_is_known_again_before_the_slower_one():
    made = still(14)
    candles = pd.concat([made.candles, history(503).candles.tail(3)], ignore_index=True)
    found = compute(replace(made, candles=candles), "1h")
    assert found["stoch_k"] is not None
    assert found["stoch_d"] is None


def test_a_close_at_the_low_of_its_range_is_0_and_not_a_hair_below():
    made = history(500, price=0.1)
    falling = np.linspace(0.1, 0.05, 40)
    for column in ("open", "high", "low", "close"):
        made.candles.loc[made.candles.index[-40:], column] = falling
    assert compute(made, "1h")["stoch_k"] == 0.0


def test_a_week_has_no_volume_of_a_day():
    assert compute(history(), "1w")["volume_24h"] is None
    made = history()
    assert compute(made, "1d")["volume_24h"] == made.candles["volume"].iloc[-1]


def test_a_price_far_from_the_candles_is_named():
    made = history()
    close, atr = made.candles["close"].iloc[-1], compute(made, "1h")["atr_14"]
    assert contradiction(close + 4.9 * atr, made, atr) is None
    assert "one of them is wrong" in contradiction(close + 5.1 * atr, made, atr)
    assert "ATR from the newest candle" in contradiction(close / 10, made, atr)


def test_the_row_and_the_candles_for_the_model():
    made = history()
    row = as_row(made, compute(made, "1h"), "1h", START)
    assert (row["candle_count"], row["data_source"], row["timeframe"]) == (500, "kraken", "1h")
    shown = recent_candles(made)
    assert len(shown) == 24
    assert shown[-1][0] == "2026-01-25T19:00Z"
    assert shown[-1][4] == pytest.approx(made.candles["close"].iloc[-1])
