"""What one order is, and what the exchange says of it: the events that lead from ours to theirs. Pure.

Evidence moves our order through `order_states.advance`; what no event explains is a contradiction, which is
shown to people and mended by nobody.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from include.exchange.order_states import OrderState, OrderStateError, advance, at_exchange
from include.exchange.venue import ExchangeOrder


@dataclass(frozen=True)
class Traded:
    """What the stored trades of an order add up to."""

    quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None


@dataclass(frozen=True)
class Compared:
    """`order`: ours as the evidence makes it. `contradictions`: kind -> what is wrong, in words."""

    order: OrderState
    contradictions: dict[str, str]


def compare_order(ours: OrderState, price: Decimal | None, theirs: ExchangeOrder, traded: Traded) -> Compared:
    """Move our order by what the exchange reports of it and by its stored trades.

    `price` is our limit. An order that is `planned` was never handed over: that the exchange has it is a
    contradiction. Nothing is inferred: trades are counted only as they are listed, and an order that says
    that more is filled than its trades add up to lacks some.
    """
    contradictions: dict[str, str] = {}
    if theirs.quantity != ours.quantity:
        contradictions["order_quantity"] = f"ours is of {ours.quantity}, theirs of {theirs.quantity}"
    if price is not None and theirs.price is not None and price != theirs.price:
        contradictions["order_price"] = f"our limit is {price}, theirs {theirs.price}"
    if theirs.filled_quantity < ours.filled_quantity:
        contradictions["order_filled"] = (
            f"{ours.filled_quantity} is filled of ours, {theirs.filled_quantity} of theirs"
        )
    if traded.quantity > theirs.filled_quantity:  # its trades were asked for later than the order
        theirs = replace(theirs, filled_quantity=traded.quantity, average_price=traded.average_price)
    order = ours
    try:
        for event in theirs.events():
            order = advance(order, event)
    except OrderStateError as error:
        contradictions["order_state"] = str(error)
    theirs_now = at_exchange(order).status if theirs.status == "open" else theirs.status
    if "order_state" not in contradictions and theirs_now != order.status:
        contradictions["order_state"] = f"ours is {order.status}, theirs {theirs.status}"
    if traded.quantity != order.filled_quantity:
        contradictions["fills"] = f"{order.filled_quantity} is filled, the trades add up to {traded.quantity}"
    return Compared(order, contradictions)
