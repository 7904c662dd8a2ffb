"""Technical indicators of a history, by TA-Lib's function API (its abstract one fails under threads)."""

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.candles.frame import RESOLUTIONS
from include.signals.history import History

# The price is at most a candle later than the newest close, and within a candle a market moves about an ATR.
# This many ATR apart they are of two coins, or one of them is wrong.
FARTHEST = 5.0
RECENT = 24  # candles that the model is shown
# A range below this share of the price is what a double rounds away: no market has ticks so fine.
ROUNDING = 1e-12

Floats = NDArray[np.float64]


def compute(history: History, timeframe: str) -> dict[str, float | None]:
    """Compute the indicators at the newest closed candle; None where the history is too short for one.

    RSI 14, MACD 12/26/9, EMA 20/50/200, Bollinger 20/2, ATR 14, stochastic 14/3/3 (slow), SMA 20 of the
    volume; `volume_24h` is the volume of the last 24 hours. Prices are in dollars, volumes in coins.

    A market that stood still has no strength and no place within its range: RSI and stochastic are None where
    a window that they look at holds no movement. TA-Lib says 0 there, or what its sums rounded.
    """
    import talib

    high, low, close, volume = (
        history.candles[column].to_numpy(dtype=np.float64) for column in ("high", "low", "close", "volume")
    )
    macd, macd_signal, macd_histogram = (_last(line, close) for line in talib.MACD(close, 12, 26, 9))
    upper, middle, lower = (_last(band) for band in talib.BBANDS(close, 20, 2.0, 2.0))
    if middle is not None and _still(close[-20:], close[-20:]):
        upper = middle = lower = float(close[-1])
    stoch_k, stoch_d = talib.STOCH(high, low, close, fastk_period=14, slowk_period=3, slowd_period=3)
    ranges = [
        _still(high[end - 14 : end], low[end - 14 : end]) for end in range(len(close) - 4, len(close) + 1)
    ]
    return {
        "rsi_14": None if _still(close[-15:], close[-15:]) else _last(talib.RSI(close, 14)),
        "macd_line": macd,
        "macd_signal": macd_signal,
        "macd_histogram": macd_histogram,
        "ema_20": _last(talib.EMA(close, 20)),
        "ema_50": _last(talib.EMA(close, 50)),
        "ema_200": _last(talib.EMA(close, 200)),
        "bb_upper": upper,
        "bb_middle": middle,
        "bb_lower": lower,
        "atr_14": _last(talib.ATR(high, low, close, 14)),
        "stoch_k": None if any(ranges[-3:]) else _percent(_last(stoch_k)),
        "stoch_d": None if any(ranges) else _percent(_last(stoch_d)),
        "volume_24h": _volume_of_a_day(volume, RESOLUTIONS[timeframe]),
        "volume_sma_20": math.fsum(volume[-20:]) / 20 if len(volume) >= 20 else None,
    }


def as_row(
    history: History, values: dict[str, float | None], timeframe: str, now: datetime
) -> dict[str, Any]:
    """The indicators as `trade_technical_indicators` has them."""
    return {
        **values,
        "timeframe": timeframe,
        "data_source": history.source,
        "candle_count": history.held,
        "calculated_at": now.isoformat(),
    }


def recent_candles(history: History) -> list[list[Any]]:
    """The newest candles for the model: open time in ISO 8601, open, high, low, close, volume."""
    newest = history.candles.tail(RECENT)
    times = newest["timestamp"].dt.strftime("%Y-%m-%dT%H:%MZ")
    rows = newest[["open", "high", "low", "close", "volume"]].to_numpy(dtype=np.float64)
    return [[time, *(float(f"{value:.8g}") for value in row)] for time, row in zip(times, rows, strict=True)]


def contradiction(price: float, history: History, atr: float | None) -> str | None:
    """Say why price and candles cannot be of one market, None when they can."""
    close = float(history.candles["close"].iloc[-1])
    if not atr:
        return f"the market has not moved at all in the last candles (close {close:g})"
    apart = abs(price - close) / atr
    if apart > FARTHEST:
        return (
            f"the price {price:g} is {apart:.1f} ATR from the newest candle's close {close:g}, more than "
            f"{FARTHEST:g}: one of them is wrong"
        )
    return None


def _last(values: Floats, prices: Floats | None = None) -> float | None:
    """The newest value; with `prices` it is a difference of prices, 0 where only rounding is left of it."""
    value = float(values[-1])
    if prices is not None and abs(value) <= ROUNDING * abs(float(prices[-1])):
        return 0.0
    return value if math.isfinite(value) else None


def _percent(value: float | None) -> float | None:
    """A percentage without what sums rounded: -3e-14 is 0, and so is -0."""
    return None if value is None else round(min(max(value, 0.0), 100.0), 9) + 0.0


def _still(high: Floats, low: Floats) -> bool:
    """Whether the price did not move in a window; of one that is too short nobody knows: it did."""
    return len(high) > 0 and float(high.max() - low.min()) <= ROUNDING * abs(float(high.max()))


def _volume_of_a_day(volume: Floats, interval: timedelta) -> float | None:
    count = timedelta(days=1) // interval
    return math.fsum(volume[-count:]) if 0 < count <= len(volume) else None
