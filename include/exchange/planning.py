"""Orders from accepted signals: how many, how large, at which prices.

The levels are those of the signal's trade, on which it will be settled. Each entry is divided by the trade's
allocations into one order a target, and each of them carries the stop and its target in the same call: the
exchange sets them with it, so that no position is ever without a stop. The size is ours, not the sender's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from sqlalchemy import Engine

from include.database import sql
from include.exchange.bingx import BingX
from include.exchange.venue import NewOrder, SwapMarket
from include.settings import Settings

SIGNALS_A_RUN = 200


class PlanRefusedError(ValueError):
    """No order is made of the signal; the message says why."""


@dataclass(frozen=True)
class AcceptedSignal:
    """What is planned from: the name that client order ids begin with, and the levels in the quote currency.

    `entries` is empty where it enters at the market. `shares` gives each target's share of the quantity, in
    any unit.
    """

    name: str
    buys: bool
    entries: tuple[Decimal, ...]
    stop_loss: Decimal
    shares: Mapping[Decimal, Decimal]


def plan_orders(
    signal: AcceptedSignal, market: SwapMarket, price: Decimal, *, value: Decimal, deviation: Decimal
) -> list[NewOrder]:
    """Plan the orders of a signal: one for each entry and target, all together worth `value`.

    Prices are rounded to the market's step, quantities down to it. Pure: the same signal gives the same
    orders, with the same client order ids.

    Args:
        signal: what is wanted.
        market: where; its steps and least sizes.
        price: the market's price now.
        value: of all orders together at their entries, in the quote currency.
        deviation: share of `price` that an entry may lie away from it.

    Raises:
        PlanRefusedError: an entry is too far away, levels are on the wrong side, or an order would be too
            small for the exchange.
    """
    levels = (*signal.entries, signal.stop_loss, *signal.shares)
    if not all(level.is_finite() and level > 0 for level in levels):
        raise PlanRefusedError("one of its levels is no price")
    total = sum(signal.shares.values())
    if not total > 0 or min(signal.shares.values()) < 0:
        raise PlanRefusedError("no target has a share of the position")
    planned = []
    entries = signal.entries or (None,)
    for number, entry in enumerate(entries, 1):
        level = price if entry is None else _to_step(entry, market.price_step)
        if abs(level - price) > deviation * price:
            raise PlanRefusedError(
                f"its entry {level} is more than {deviation:%} away from the price {price}"
            )
        stop = _to_step(signal.stop_loss, market.price_step)
        for rank, (target, share) in enumerate(sorted(signal.shares.items(), reverse=not signal.buys), 1):
            if not share:
                continue
            aim = _to_step(target, market.price_step)
            if not (stop < level < aim if signal.buys else stop > level > aim):
                raise PlanRefusedError(f"stop {stop}, entry {level}, target {aim}: one is on the wrong side")
            wanted = value / len(entries) * share / total / level
            quantity = (wanted / market.quantity_step).to_integral_value(ROUND_DOWN) * market.quantity_step
            least_cost = market.least_cost or Decimal(0)
            if not quantity or quantity < (market.least_quantity or 0) or quantity * level < least_cost:
                raise PlanRefusedError(
                    f"{wanted:.8f} of {market.pair} are less than the exchange takes: raise order_value_usd"
                )
            planned.append(
                NewOrder(
                    client_order_id=f"{signal.name}-{number}-{rank}",
                    symbol=market.symbol,
                    side="buy" if signal.buys else "sell",
                    order_type="market" if entry is None else "limit",
                    quantity=quantity,
                    price=None if entry is None else level,
                    stop_price=stop,
                    target_price=aim,
                )
            )
    return planned


def plan_accepted(engine: Engine, venue: BingX, settings: Settings) -> dict[str, int]:
    """Plan the orders of all accepted signals that have none; those that get none say why.

    A transaction a signal; run again, it plans nothing twice.

    Returns:
        How many orders were planned, and how many signals got none.

    Raises:
        ExchangeError: the exchange did not say its markets or a price; the signals wait.
    """
    with engine.connect() as connection:
        rows = connection.execute(
            sql("exchange/list_accepted_signals"),
            {"age": settings.order_signal_age, "limit": SIGNALS_A_RUN},
        ).all()
    counts = {"planned": 0, "refused": 0}
    for row in rows:
        try:
            orders = [] if row.fate else _plan_row(row, venue, settings)
        except PlanRefusedError as error:
            _end_signal(engine, row, "rejected", str(error))
            counts["refused"] += 1
            continue
        if row.fate:
            _end_signal(engine, row, "expired", row.fate)
            counts["refused"] += 1
            continue
        leverage = min(max(int(row.leverage or 1), 1), settings.order_leverage_max)
        with engine.begin() as connection:
            connection.execute(
                sql("exchange/insert_planned_order"),
                [
                    {
                        "exchange": venue.name,
                        "symbol": order.symbol,
                        "side": order.side,
                        "order_type": order.order_type,
                        "price": order.price,
                        "stop_price": order.stop_price,
                        "target_price": order.target_price,
                        "leverage": leverage,
                        "quantity": order.quantity,
                        "client_order_id": order.client_order_id,
                        "signal_id": row.id,
                        "trade_signal_id": row.trade_signal_id,
                    }
                    for order in orders
                ],
            )
        counts["planned"] += len(orders)
    return counts


def _plan_row(row: Any, venue: BingX, settings: Settings) -> list[NewOrder]:
    market = next((one for one in venue.markets.values() if one.pair == row.symbol), None)
    if market is None:
        raise PlanRefusedError(f"{row.symbol} is no market of {venue.name}")
    if row.order_type == "stop":
        raise PlanRefusedError("an entry that waits for a breakout is not submitted here")
    shares: dict[Decimal, Decimal] = {}
    for target, share in zip(row.targets, row.allocations, strict=True):
        shares[target] = shares.get(target, Decimal(0)) + share
    entries = (
        () if row.order_type == "market" else tuple(map(Decimal, row.entries or ())) or (row.entry_price,)
    )
    signal = AcceptedSignal(row.id.hex, row.direction == "LONG", entries, row.stop_loss, shares)
    return plan_orders(
        signal,
        market,
        venue.price_of(market.symbol),
        value=Decimal(str(settings.order_value_usd)),
        deviation=Decimal(str(settings.order_price_deviation)),
    )


def _end_signal(engine: Engine, row: Any, status: str, reason: str) -> None:
    with engine.begin() as connection:
        connection.execute(sql("exchange/end_signal"), {"id": row.id, "status": status, "reason": reason})


def _to_step(price: Decimal, step: Decimal) -> Decimal:
    return (price / step).to_integral_value() * step
