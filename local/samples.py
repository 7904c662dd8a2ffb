"""Sample trades for the demo, made from candles: what they claim about prices is near what the market did.

Deterministic: the same candles and batch number give the same trades, another batch number others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid5

import numpy as np
import pandas as pd

from include.signals.requests import SIGNAL_LIFETIMES

COUNT = 60
SEED = 20_261_121
NAMESPACE = UUID("5a7d1f0e-6c0b-4f0e-9d5b-3f2c1a9e8b70")  # of the ids, so that a batch can be made only once
USERS = [f"00000000-0000-0000-0000-{number:012d}" for number in range(1, 6)]
ALLOCATIONS = [(40, 30, 30), (50, 30, 20), (34, 33, 33)]
UNKNOWN_SYMBOL = "NOSUCHCOIN"

FEWEST_CANDLES = 12  # in a window; below, nothing much can happen

# Of each twenty trades these are not ordinary; their place says which.
NEVER_FILLS, STOP_ON_WRONG_SIDE, ALLOCATIONS_OFF, NO_SUCH_SYMBOL = 7, 3, 11, 17


@dataclass(frozen=True)
class Market:
    """The candles of one symbol that sample trades may lie on: a candle frame and its resolution."""

    candles: pd.DataFrame
    interval: timedelta


def make_trades(markets: Sequence[Market], batch: int, count: int = COUNT) -> list[dict[str, object]]:
    """Make sample trades inside the span of the candles, as rows of `trade_signals`.

    Both directions, all timeframes, five users; a few never fill, and a few are wrong on purpose (the stop on
    the wrong side, allocations that do not sum to 100, an unknown symbol): a sweep must answer those too.

    Args:
        markets: what the trades are about. Candles that are not valid are left out, and then markets with
            fewer than 24 candles.
        batch: number of the batch; it goes into the ids and into `ai_model`.
        count: how many trades.

    Raises:
        ValueError: no market has enough candles.
    """
    from include.candles.frame import valid

    markets = [replace(market, candles=market.candles[valid(market.candles)]) for market in markets]
    usable = [market for market in markets if len(market.candles) >= 2 * FEWEST_CANDLES]
    if not usable:
        raise ValueError(
            f"no symbol has {2 * FEWEST_CANDLES} candles or more that are valid, as sample trades need"
        )
    random = np.random.default_rng([SEED, batch])
    timeframes = list(SIGNAL_LIFETIMES)
    trades = []
    for number in range(count):
        timeframe = timeframes[number // len(usable) % len(timeframes)]
        long = bool(random.integers(2))
        trade = _draw(usable[number % len(usable)], SIGNAL_LIFETIMES[timeframe], long, number % 20, random)
        trades.append(
            {
                "id": uuid5(NAMESPACE, f"{batch}/{number}"),
                "user_id": USERS[number % len(USERS)],
                "direction": "LONG" if long else "SHORT",
                "timeframe": timeframe,
                "ai_model": batch_name(batch),
                "ai_reasoning": f"Sample trade {number + 1} of {count}, made from candles by no model.",
                **trade,
            }
        )
    return trades


def batch_name(batch: int) -> str:
    """What stands in `ai_model` of the trades of a batch, by which they can be listed."""
    return f"sample-batch-{batch}"


def _draw(
    market: Market, horizon: timedelta, long: bool, place: int, random: np.random.Generator
) -> dict[str, object]:
    """Draw the window, prices and allocations of one trade."""
    candles = market.candles
    size = min(max(int(horizon / market.interval), FEWEST_CANDLES), len(candles) // 2)
    first = int(random.integers(len(candles) - size))
    window = candles.iloc[first : first + size]
    start = float(window["open"].iloc[0])
    # What prices usually move in a window of this size: the trade's levels are shares of that.
    steps = np.log(candles["close"] / candles["close"].shift()).std()
    move = start * max(float(steps) * size**0.5, 1e-4)
    side = 1 if long else -1

    entry = start - side * move * random.uniform(0.0, 0.3)
    if place == NEVER_FILLS:
        entry = float(window["low"].min()) * 0.97 if long else float(window["high"].max()) * 1.03
    stop = entry - side * min(move * random.uniform(0.4, 1.1), 0.5 * entry)
    if place == STOP_ON_WRONG_SIDE:
        stop = 2 * entry - stop
    reaches = np.cumsum(random.uniform(0.15, 0.5, size=3))
    targets = [entry + side * min(move * reach, 0.3 * entry * reach) for reach in reaches]
    allocations = ALLOCATIONS[int(random.integers(len(ALLOCATIONS)))]
    if place == ALLOCATIONS_OFF:
        allocations = (40, 30, 20)
    return {
        "symbol": UNKNOWN_SYMBOL if place == NO_SUCH_SYMBOL else str(window["symbol"].iloc[0]),
        "entry_price": _price(entry),
        "stop_loss": _price(stop),
        **{f"take_profit_{number}": _price(target) for number, target in enumerate(targets, 1)},
        **{f"allocation_{number}": share for number, share in enumerate(allocations, 1)},
        "generated_at": window["timestamp"].iloc[0].to_pydatetime(),
        "expires_at": (window["timestamp"].iloc[-1] + market.interval).to_pydatetime(),
    }


def _price(value: float) -> Decimal:
    """Seven significant digits, as exchanges quote."""
    return Decimal(f"{value:.7g}")
