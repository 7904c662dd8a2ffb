"""The states of an order, as a pure function: an order and an event give the order's new state, or an error.

    planned ──> submitting ──> open ──> partially_filled ──> filled | cancelled | expired | rejected
       │             └──> unknown ──> any of them, by evidence          (the four are final)
       └──> cancelled: it was never handed over

`submitting` is entered from `planned` alone and nothing leads back to `planned`: no order is handed over
twice. `unknown` is left by evidence only: by what the exchange says of that very order. A final state is
never left; what is filled may still grow there, since a fill that was seen late is money all the same.
Rules taken over from https://nautilustrader.io/docs/latest/concepts/live (reconciliation).
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal, assert_never

OrderStatus = Literal[
    "planned",
    "submitting",
    "open",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "expired",
    "unknown",
]
FINAL_STATUSES: frozenset[OrderStatus] = frozenset({"filled", "cancelled", "rejected", "expired"})
AT_EXCHANGE: frozenset[OrderStatus] = frozenset({"submitting", "unknown", "open", "partially_filled"})


class OrderStateError(ValueError):
    """The event contradicts the order's state; the message says how. The order stays as it was."""


@dataclass(frozen=True)
class OrderState:
    """What of an order an event may change. Quantities in the base currency; `reason` says why, in words."""

    status: OrderStatus
    quantity: Decimal
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    exchange_order_id: str | None = None
    reason: str | None = None

    @property
    def final(self) -> bool:
        """Whether the status will never change again."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True)
class Submitting:
    """It is about to be handed to the exchange, now and never again."""


@dataclass(frozen=True)
class Withdrawn:
    """It will not be handed over: its signal is too old, its market is gone."""

    reason: str


@dataclass(frozen=True)
class OutcomeUnknown:
    """Nobody knows what became of it: a time-out, a broken connection, an answer that cannot be read."""

    reason: str


@dataclass(frozen=True)
class Accepted:
    """The exchange has it, under this number."""

    exchange_order_id: str


@dataclass(frozen=True)
class Executed:
    """So much of it is filled in all, at this average price. What says less than is known is old news."""

    filled_quantity: Decimal
    average_price: Decimal | None = None


@dataclass(frozen=True)
class Refused:
    """The exchange does not take it, and says so."""

    reason: str


@dataclass(frozen=True)
class Cancelled:
    """The exchange says that it is cancelled."""

    reason: str


@dataclass(frozen=True)
class Expired:
    """The exchange says that it has expired."""

    reason: str


@dataclass(frozen=True)
class NotFound:
    """The exchange, asked for this very order, knows none. That counts only once it is old enough.

    `age` is the time since it was handed over, `threshold` what that must reach: an exchange may list an
    order late. A list of open orders that lacks it is no such answer.
    """

    age: timedelta
    threshold: timedelta


OrderEvent = (
    Submitting | Withdrawn | OutcomeUnknown | Accepted | Executed | Refused | Cancelled | Expired | NotFound
)


def advance(order: OrderState, event: OrderEvent) -> OrderState:
    """Give the order's state after an event. An event that says nothing new changes nothing.

    Raises:
        OrderStateError: the event contradicts what is known: it fills more than was ordered, submits a
            second time, leaves a final state, or names another number of the exchange.
    """
    match event:
        case Submitting():
            _require(order, event, order.status == "planned")
            return replace(order, status="submitting", reason=None)
        case Withdrawn(reason):
            _require(order, event, order.status == "planned")
            return replace(order, status="cancelled", reason=reason)
        case Executed():
            return _execute(order, event)
        case Accepted(number):
            known = order.exchange_order_id in (None, number)
            _require(order, event, known and order.status != "planned")
            order = replace(order, exchange_order_id=number)
            if order.status in ("submitting", "unknown"):
                return at_exchange(order)
            return order
        case Refused(reason):
            return _end(order, event, "rejected", reason)
        case Cancelled(reason):
            return _end(order, event, "cancelled", reason)
        case Expired(reason):
            return _end(order, event, "expired", reason)
        case OutcomeUnknown(reason):
            if order.status == "unknown" or order.final:
                return order  # its clock goes on; or evidence came first, and whoever submitted it slept
            _require(order, event, order.status in AT_EXCHANGE)
            return replace(order, status="unknown", reason=reason)
        case NotFound(age, threshold):
            if order.final or age < threshold:
                return order
            _require(order, event, order.status in AT_EXCHANGE)
            if order.filled_quantity:
                return replace(
                    order, status="cancelled", reason="the exchange knows no more of it than its fills"
                )
            return replace(order, status="rejected", reason="it never arrived: the exchange does not know it")
        case _:
            assert_never(event)


def _execute(order: OrderState, event: Executed) -> OrderState:
    _require(order, event, order.status != "planned" and event.filled_quantity >= 0)
    if event.filled_quantity > order.quantity:
        raise OrderStateError(f"{event.filled_quantity} would be filled of {order.quantity}")
    if event.filled_quantity < order.filled_quantity:
        return order
    average = order.average_price if event.average_price is None else event.average_price
    order = replace(order, filled_quantity=event.filled_quantity, average_price=average)
    return order if order.final or not order.filled_quantity else at_exchange(order)


def at_exchange(order: OrderState) -> OrderState:
    """Give an order that is open at the exchange the status that it has there, by what is filled of it."""
    if order.filled_quantity == order.quantity:
        return replace(order, status="filled", reason=None)
    return replace(order, status="partially_filled" if order.filled_quantity else "open", reason=None)


def _end(
    order: OrderState,
    event: Refused | Cancelled | Expired,
    status: Literal["rejected", "cancelled", "expired"],
    reason: str,
) -> OrderState:
    if order.status == status:
        return order
    _require(order, event, order.status in AT_EXCHANGE)
    return replace(order, status=status, reason=reason)


def _require(order: OrderState, event: OrderEvent, holds: bool) -> None:
    if not holds:
        raise OrderStateError(f"{event} contradicts an order that is {order.status}: {order}")
