"""Whether a proposed trade fits the market: our own arithmetic, whatever the model claims about itself."""

import math
from dataclasses import dataclass
from itertools import pairwise

from include.settings import Settings
from include.signals.prompt import Levels, SignalAnswer

PRICE_FIELDS = ("entry_price", "stop_loss", "take_profit_1", "take_profit_2", "take_profit_3")
TARGET_FIELDS = PRICE_FIELDS[2:]
ALLOCATION_FIELDS = ("allocation_1", "allocation_2", "allocation_3")
SUM_TOLERANCE = 0.01  # of the allocations around 100, as when a trade is settled
BOUND_SLACK = 1e-9  # relative: a level exactly on a bound passes, whatever binary fractions do to it


@dataclass(frozen=True)
class Market:
    """What a proposal is held against: price and ATR 14 of the timeframe, dollars, both positive."""

    price: float
    atr: float


def tidy(levels: Levels) -> Levels:
    """Round prices to 8 digits that count, allocations to 4 decimals: what is checked is what is stored."""
    rounded = {name: float(f"{getattr(levels, name):.8g}") for name in PRICE_FIELDS}
    return Levels(**rounded, **{name: round(getattr(levels, name), 4) for name in ALLOCATION_FIELDS})


def risk_reward(levels: Levels) -> float:
    """The mean distance of the targets from the entry, weighted by their allocations, over that of the stop.

    Before fees and slippage. The levels must be sound: see `find_faults`.
    """
    pairs = zip(TARGET_FIELDS, ALLOCATION_FIELDS, strict=True)
    reward = math.fsum(
        getattr(levels, share) / 100 * abs(getattr(levels, target) - levels.entry_price)
        for target, share in pairs
    )
    return reward / abs(levels.entry_price - levels.stop_loss)


def find_faults(answer: SignalAnswer, market: Market, settings: Settings) -> list[str]:
    """Say in words what keeps a LONG or SHORT from being stored; nothing: it is sound.

    Judged by the first kind of fault that there is, since the next would only repeat it: numbers, then sides
    and order, then distances and risk/reward.
    """
    levels = answer.levels
    if levels is None:
        return [f"decision is {answer.decision}, but levels is null"]
    faults = _bad_numbers(levels) or _bad_sides(answer.decision, levels, market)
    return faults or _bad_distances(levels, market, settings)


def _bad_numbers(levels: Levels) -> list[str]:
    faults = [
        f"{name} {getattr(levels, name):g} is no positive finite price"
        for name in PRICE_FIELDS
        if not 0 < getattr(levels, name) < math.inf
    ]
    shares = {name: getattr(levels, name) for name in ALLOCATION_FIELDS}
    faults += [
        f"{name} {share:g} is not between 0 and 100"
        for name, share in shares.items()
        if not 0 <= share <= 100
    ]
    total = sum(shares.values())
    if not faults and abs(total - 100) > SUM_TOLERANCE + BOUND_SLACK:
        faults.append(f"the allocations add up to {total:g}, not to 100")
    return faults


def _bad_sides(decision: str, levels: Levels, market: Market) -> list[str]:
    """Seen as a LONG: a SHORT is turned upside down."""
    sign = 1 if decision == "LONG" else -1
    below, above = ("below", "above") if decision == "LONG" else ("above", "below")

    def is_above(one: float, other: float) -> bool:
        return sign * (one - other) > 0

    faults = []
    if not is_above(levels.entry_price, levels.stop_loss):
        faults.append(f"stop_loss {levels.stop_loss:g} is not {below} entry_price {levels.entry_price:g}")
    if not is_above(market.price, levels.stop_loss):
        faults.append(f"stop_loss {levels.stop_loss:g} is not {below} the price {market.price:g}")
    if not is_above(levels.take_profit_1, levels.entry_price):
        faults.append(
            f"take_profit_1 {levels.take_profit_1:g} is not {above} entry_price {levels.entry_price:g}"
        )
    if not is_above(levels.take_profit_1, market.price):
        faults.append(f"take_profit_1 {levels.take_profit_1:g} is not {above} the price {market.price:g}")
    for nearer, farther in pairwise(TARGET_FIELDS):
        if not is_above(getattr(levels, farther), getattr(levels, nearer)):
            faults.append(f"{farther} is not {above} {nearer}")
    return faults


def _bad_distances(levels: Levels, market: Market, settings: Settings) -> list[str]:
    entry, atr = levels.entry_price, market.atr
    faults = []

    def bound(words: str, distance: float, low: float, high: float) -> None:
        if not low * (1 - BOUND_SLACK) <= distance <= high * (1 + BOUND_SLACK):
            asked = f"at most {high:g}" if distance > high else f"at least {low:g}"
            faults.append(f"{words} {distance:.4g} ATR away, {asked} is allowed")

    entry_off = abs(entry - market.price) / atr
    stop_off = abs(entry - levels.stop_loss) / atr
    target_off = abs(levels.take_profit_3 - entry) / atr
    bound(
        f"entry_price {entry:g} is, from the price {market.price:g},", entry_off, 0, settings.signal_entry_atr
    )
    bound(
        "stop_loss is, from the entry,", stop_off, settings.signal_stop_atr_min, settings.signal_stop_atr_max
    )
    bound("take_profit_3 is, from the entry,", target_off, 0, settings.signal_target_atr_max)

    cost = (settings.fee_rate + settings.slippage_rate) * (entry + levels.take_profit_1)
    if abs(levels.take_profit_1 - entry) <= cost:
        faults.append(f"take_profit_1 does not earn the {cost:.4g} that fees and slippage cost")
    ratio, least = risk_reward(levels), settings.signal_risk_reward_min
    if ratio < least * (1 - BOUND_SLACK):
        faults.append(f"risk/reward is {ratio:.3g}, at least {least:g} is required")
    return faults
