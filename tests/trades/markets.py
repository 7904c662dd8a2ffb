"""Markets and trades for tests of the settlement: some written out, others random.

The random ones lie on coarse price grids, where candles often touch a price exactly.
"""

from typing import Any

import numpy as np
import pandas as pd

from include.trades.backtest import CANDLE_COLUMNS, TRADE_COLUMNS

START = pd.Timestamp("2025-01-06 12:00", tz="UTC")
LONG: dict[str, Any] = {
    "id": 1,
    "symbol": "BTC/USD",
    "direction": "LONG",
    "entry_price": 100.0,
    "stop_loss": 95.0,
    "take_profit_1": 102.0,
    "take_profit_2": 104.0,
    "take_profit_3": 108.0,
    "allocation_1": 40.0,
    "allocation_2": 30.0,
    "allocation_3": 30.0,
    "generated_at": START,
    "expires_at": START + pd.Timedelta("1h"),
}
SHORT = LONG | {
    "direction": "SHORT",
    "stop_loss": 105.0,
    "take_profit_1": 98.0,
    "take_profit_2": 96.0,
    "take_profit_3": 92.0,
}
ENTRY = (100, 101, 100, 101)  # fills a LONG at 100 and touches nothing else
QUIET = (101, 101.5, 100.5, 101)  # touches nothing after an entry
FILL_SHORT = (100, 100, 99, 99)


def minute(number: float) -> pd.Timestamp:
    return START + pd.Timedelta(minutes=number)


def make_candles(*prices: tuple[float, float, float, float], symbol: str = "BTC/USD") -> pd.DataFrame:
    """Minute candles (open, high, low, close) from START on."""
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"], dtype=float)
    times = pd.date_range(START, periods=len(prices), freq="1min")
    return frame.assign(symbol=symbol, timestamp=times, volume=1.0)[list(CANDLE_COLUMNS)]


def make_trades(*trades: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(trades), columns=list(TRADE_COLUMNS))


def random_candles(
    rng: np.random.Generator, symbols: int, count: int, interval: str, tick: float = 0.5, unit: str = "us"
) -> pd.DataFrame:
    """Candles on a grid of `tick`, with jumps between candles and some candles missing."""
    frames = []
    for number in range(symbols):
        close = 100 + np.cumsum(rng.integers(-2, 3, count))
        opens = np.concatenate(([100], close[:-1])) + rng.choice([0, 0, 0, 0, -3, 3], count)
        high = np.maximum(opens, close) + rng.integers(0, 3, count)
        low = np.minimum(opens, close) - rng.integers(0, 3, count)
        lowest = low.min()
        prices = {"open": opens, "high": high, "low": low, "close": close}
        start = pd.Timestamp("2025-03-01", tz="UTC") + pd.Timedelta(interval) * int(rng.integers(0, 20))
        frame = pd.DataFrame(
            {
                "symbol": f"COIN{number}/USD",
                "timestamp": pd.date_range(start, periods=count, freq=interval).as_unit(unit),
                **{name: (values - min(lowest - 40, 0)) * tick for name, values in prices.items()},
                "volume": rng.integers(0, 5, count).astype(float),
            }
        )
        frame = frame[rng.random(count) > rng.choice([0.0, 0.05, 0.3])]
        frames.append(hush(rng, frame, rng.choice([0.0, 0.1, 0.6])))
    return pd.concat(frames, ignore_index=True)


def hush(rng: np.random.Generator, candles: pd.DataFrame, share: float) -> pd.DataFrame:
    """Flatten a share of the candles at one of their prices: silent ones, and some that are flat only."""
    flat = rng.random(len(candles)) < share
    price = candles[rng.choice(["open", "high", "low", "close"])].to_numpy()
    volume = rng.choice([0.0, 0.0, 0.0, 1.0, np.nan], len(candles))
    flattened = {name: np.where(flat, price, candles[name]) for name in ("open", "high", "low", "close")}
    return candles.assign(**flattened, volume=np.where(flat, volume, candles["volume"]))


def random_trades(
    rng: np.random.Generator,
    candles: pd.DataFrame,
    count: int,
    interval: str,
    tick: float = 0.5,
    unit: str = "us",
) -> pd.DataFrame:
    """Trades near the candles' prices, on their grid; about one in five has a fault."""
    length = pd.Timedelta(interval)
    picked = candles.iloc[rng.integers(0, len(candles), count)].reset_index(drop=True)
    sign = rng.choice([1, -1], count)
    entry = picked["open"].to_numpy() - sign * rng.integers(-2, 6, count) * tick
    steps = rng.integers(0, 4, (3, count))
    steps[0] += 1
    targets = entry + sign * np.cumsum(steps, axis=0) * tick
    allocations = np.array(
        [
            (40, 30, 30), (100, 0, 0), (0, 100, 0), (0, 0, 100), (50, 50, 0), (0, 50, 50), (50, 0, 50),
            (33.33, 33.33, 33.33), (33.33, 33.33, 33.34), (40, 30, 30.005), (39.995, 30, 30),
            (99.99, 0, 0.01),
        ]
    )[rng.integers(0, 12, count)]  # fmt: skip
    shift = rng.choice([0, 0, 0.25, 0.5, 1.0], count)  # some windows begin in mid-candle
    generated = picked["timestamp"] - length * rng.choice([-30, -1, 0, 0, 1, 2, 25], count)
    generated = generated + pd.to_timedelta((shift * length.total_seconds() * 1e6).astype("int64"), unit="us")
    life = rng.choice([0.5, 1, 1.5, 2, 3, 7, 20, 60, 500], count) * length.total_seconds() * 1e6
    expires = generated + pd.to_timedelta(life.astype("int64"), unit="us")
    trades = pd.DataFrame(
        {
            "id": [f"trade-{number}" for number in range(count)],
            "symbol": picked["symbol"].astype(object),
            "direction": pd.Series(np.where(sign > 0, "LONG", "SHORT"), dtype=object),
            "entry_price": entry,
            "stop_loss": entry - sign * rng.integers(1, 9, count) * tick,
            "take_profit_1": targets[0],
            "take_profit_2": targets[1],
            "take_profit_3": targets[2],
            "allocation_1": allocations[:, 0],
            "allocation_2": allocations[:, 1],
            "allocation_3": allocations[:, 2],
            "generated_at": generated.dt.as_unit(unit),
            "expires_at": expires.dt.as_unit(unit),
        }
    )
    for row in np.flatnonzero(rng.random(count) < 0.2):
        spoil(rng, trades, row)
    return trades


def spoil(rng: np.random.Generator, trades: pd.DataFrame, row: int) -> None:
    """Give one trade a fault, or an oddity that is none (an unknown symbol, equal targets)."""
    price = rng.choice(["entry_price", "stop_loss", "take_profit_1", "take_profit_2", "take_profit_3"])
    share = rng.choice(["allocation_1", "allocation_2", "allocation_3"])
    when = rng.choice(["generated_at", "expires_at"])
    entry = trades.at[row, "entry_price"]
    column, value = [
        ("symbol", "NONE/USD"),
        ("symbol", None),
        ("direction", rng.choice(["long", "BUY", ""])),
        ("direction", None),
        (price, rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0])),
        (price, 2 * entry),
        (price, entry / 2),
        (price, entry),
        ("take_profit_2", trades.at[row, "take_profit_1"]),
        (share, rng.choice([np.nan, np.inf, -np.inf, -10.0, 0.0, 200.0])),
        (share, trades.at[row, share] + rng.choice([0.005, -0.005, 0.02, -0.02, 1e-12])),
        (when, pd.NaT),
        ("expires_at", trades.at[row, "generated_at"]),
        ("expires_at", trades.at[row, "generated_at"] - pd.Timedelta("1h")),
    ][rng.integers(0, 14)]
    trades.at[row, column] = value
