"""Orders in the database: their states change by `advance` alone, with the row locked."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from include.database import sql
from include.exchange.order_states import OrderEvent, OrderState, advance


def read_state(row: Any) -> OrderState:
    """What of a row of `orders` an event may change."""
    return OrderState(
        row.status,
        row.quantity,
        row.filled_quantity,
        row.average_price,
        row.exchange_order_id,
        row.status_reason,
    )


def apply_events(connection: Connection, order_id: UUID, events: Iterable[OrderEvent]) -> OrderState:
    """Let events happen to an order, in the transaction of the caller; give its state after them.

    The row is locked until then. `submitted_at`, `unknown_since` and `closed_at` follow the status, by the
    database's clock.

    Raises:
        OrderStateError: an event contradicts what is known; nothing of them is stored.
        LookupError: there is no such order.
    """
    row = connection.execute(sql("exchange/lock_order"), {"id": order_id}).one_or_none()
    if row is None:
        raise LookupError(f"there is no order {order_id}")
    before = order = read_state(row)
    for event in events:
        order = advance(order, event)
    if order != before:
        connection.execute(
            sql("exchange/store_order_state"),
            {
                "id": order_id,
                "status": order.status,
                "reason": order.reason,
                "filled": order.filled_quantity,
                "average": order.average_price,
                "number": order.exchange_order_id,
                "final": order.final,
            },
        )
    return order
