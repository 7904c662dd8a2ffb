"""A settlement step by step, from stored columns: what was bought, what its parts brought, what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

CENT = Decimal("0.01")  # US dollars; what is off by less adds up: the engine counts in binary
RULE_OF_LEGS = ("tp1", "take_profit_1", "allocation_1"), ("tp2", "take_profit_2", "allocation_2"), (
    "tp3", "take_profit_3", "allocation_3",
)  # fmt: skip


@dataclass(frozen=True)
class Leg:
    """A part of the position that was closed: `share` in percent, at `price`, for `value` US dollars."""

    name: str
    share: Decimal
    price: Decimal
    value: Decimal


@dataclass(frozen=True)
class SettlementSteps:
    """What docs/settlement.md computes, rule 7. Money in US dollars, `quantity` in coins.

    Attributes:
        size: what was put in.
        legs: what was closed, which together is `sold`.
        gross, fees, slippage, net: as stored.
        fee_percent, slippage_percent: of what was bought and sold.
        differences: in words, where what is stored does not add up to a cent; empty: it does.
    """

    size: Decimal
    entry: Decimal
    quantity: Decimal
    legs: tuple[Leg, ...]
    sold: Decimal
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    net: Decimal
    fee_percent: Decimal
    slippage_percent: Decimal
    differences: tuple[str, ...]


def settlement_steps(trade: Mapping[str, Any]) -> SettlementSteps | None:
    """Take a settlement apart; None for a trade that bought nothing, or whose numbers are none.

    `trade`: a row of vw_complete_trades.
    """
    needed = ("trade_size_usd", "actual_entry_price", "actual_exit_price", "gross_profit_loss", "fees_paid",
              "slippage_cost", "net_profit_loss")  # fmt: skip
    values = [trade[name] for name in needed]
    if not all(_ordinary(value) for value in values):
        return None
    size, entry, average, gross, fees, slippage, net = values
    if entry <= 0 or size <= 0:
        return None
    sign = -1 if trade["direction"] == "SHORT" else 1
    quantity = size / entry
    legs = _legs(trade, quantity, average)
    sold = sum((leg.value for leg in legs), Decimal(0)) if legs else quantity * average
    traded = size + quantity * average
    counted = {
        "the parts": (sold, quantity * average),
        "gross": (sign * (quantity * average - size), gross),
        "net": (gross - fees - slippage, net),
    }
    return SettlementSteps(
        size, entry, quantity, legs, sold, gross, fees, slippage, net,
        100 * fees / traded, 100 * slippage / traded,
        tuple(
            f"{name}: {computed:.4f} by these steps, {stored:.4f} stored"
            for name, (computed, stored) in counted.items()
            if abs(computed - stored) >= CENT
        ),
    )  # fmt: skip


def _legs(trade: Mapping[str, Any], quantity: Decimal, average: Decimal) -> tuple[Leg, ...]:
    """The parts that were closed: a target each, and the rest at the stop or at the last close."""
    shares = [trade[allocation] for _, _, allocation in RULE_OF_LEGS]
    prices = [trade[target] for _, target, _ in RULE_OF_LEGS]
    if not all(_ordinary(value) and value >= 0 for value in (*shares, *prices)) or not sum(shares):
        return ()
    whole = sum(shares)
    legs, closed, rest = [], Decimal(0), Decimal(0)
    for number, ((name, _, _), share, price) in enumerate(zip(RULE_OF_LEGS, shares, prices, strict=True), 1):
        if not trade[f"{name}_hit"]:
            rest += share
        elif share:
            closed += share * price
            legs.append(_leg(f"Target {number}", share / whole, price, quantity))
    if rest:
        stopped = trade["sl_hit"] and _ordinary(trade["sl_hit_price"])
        price = trade["sl_hit_price"] if stopped else (average * whole - closed) / rest
        legs.append(_leg("Stop" if stopped else "Last close", rest / whole, price, quantity))
    return tuple(legs)


def _leg(name: str, share: Decimal, price: Decimal, quantity: Decimal) -> Leg:
    return Leg(name, 100 * share, price, quantity * share * price)


def _ordinary(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and abs(value) < Decimal("1e15")
