"""What one order is, and what the exchange says of it: the events that lead from ours to theirs. Pure.

Evidence moves our order through `order_states.advance`; what no event explains is a contradiction, which is
shown to people and mended by nobody.
"""

from dataclasses import dataclass
from decimal import Decimal

from include.exchange.order_states import (
    Accepted,
    Cancelled,
    Executed,
    Expired,
    OrderEvent,
    OrderState,
    OrderStateError,
    Refused,
    advance,
)
from include.exchange.reports import ReportedOrder

SAYS = "the exchange says so"


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


def compare_order(ours: OrderState, price: Decimal | None, theirs: ReportedOrder, traded: Traded) -> Compared:
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
    order = ours
    try:
        for event in _events(theirs, traded):
            order = advance(order, event)
    except OrderStateError as error:
        contradictions["order_state"] = str(error)
    if "order_state" not in contradictions and _status_of(theirs, order) != order.status:
        contradictions["order_state"] = f"ours is {order.status}, theirs {theirs.status}"
    if traded.quantity != order.filled_quantity:
        contradictions["fills"] = f"{order.filled_quantity} is filled, the trades add up to {traded.quantity}"
    return Compared(order, contradictions)


def _events(theirs: ReportedOrder, traded: Traded) -> list[OrderEvent]:
    """What the exchange says, as events: it has the order, so much is filled, it has ended."""
    filled, average = theirs.filled_quantity, theirs.average_price
    if traded.quantity > filled:  # its trades were asked for later than the order
        filled, average = traded.quantity, traded.average_price
    events: list[OrderEvent] = [Accepted(theirs.exchange_order_id), Executed(filled, average)]
    match theirs.status:
        case "cancelled":
            events.append(Cancelled(SAYS))
        case "expired":
            events.append(Expired(SAYS))
        case "rejected":
            events.append(Refused(SAYS))
    return events


def _status_of(theirs: ReportedOrder, order: OrderState) -> str:
    """Their status, brought up to what is known to be filled since."""
    if theirs.status in ("open", "partially_filled") and order.filled_quantity:
        return "filled" if order.filled_quantity == order.quantity else "partially_filled"
    return theirs.status
