"""Handing planned orders to the exchange, each once, while the switch allows it.

For one order: the switch is read and held still in a transaction; within it the order becomes `submitting`,
which is committed with its client order id before the call, and after the call it becomes what the answer
says. Killed at any point, it is planned still, or `submitting`, which becomes `unknown` after a while and is
left to reconciliation: nothing is handed over a second time.
"""

from collections import Counter
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql
from include.exchange.bingx import BingX
from include.exchange.order_states import Accepted, OrderEvent, OutcomeUnknown, Refused, Submitting, Withdrawn
from include.exchange.orders import apply_events
from include.exchange.switch import TradingState, hold_trading_state, may_submit
from include.exchange.venue import (
    ExchangeOrder,
    ExchangeRefusedError,
    NewOrder,
    OrderTakenError,
    OutcomeUnknownError,
)
from include.freeze import raise_if_frozen
from include.settings import Settings

ORDERS_A_RUN = 500


class SubmissionStoppedError(RuntimeError):
    """The exchange did not answer, or refuses the account: the orders that are left stay planned."""


def submit_planned(engine: Engine, venue: BingX, settings: Settings) -> Counter[str]:
    """Submit the planned orders, the oldest first; several may run at once.

    Returns:
        How many orders became what: `open`, `rejected`, …; `held`: the switch does not allow them now;
        `withdrawn`: too old; `lapsed`: were left behind by a process that died, and are unknown now.

    Raises:
        SubmissionStoppedError: an outcome is unknown, or the account is refused; what is left stays planned.
        ExchangeError: the exchange does not answer or refuses the key; nothing was handed over.
        FrozenError: all work is frozen.
    """
    counts = Counter({"lapsed": note_lapsed(engine, venue.name, settings)})
    with engine.connect() as connection:
        asked = {"exchange": venue.name, "limit": ORDERS_A_RUN}
        waiting = list(connection.execute(sql("exchange/list_planned_orders"), asked).scalars())
    if waiting:
        venue.list_balances()  # a signed question: key, clock and exchange are right before anything moves
    leverages: dict[str, int] = {}
    for order_id in waiting:
        with engine.begin() as gate:  # holds the switch still until this order is handed over
            raise_if_frozen(gate)
            counts[_submit(engine, venue, order_id, hold_trading_state(gate), leverages, settings)] += 1
    return counts


def note_lapsed(engine: Engine, exchange: str, settings: Settings) -> int:
    """Let orders be unknown that a process began to submit and never finished; give their number."""
    with engine.begin() as connection:
        asked = {"exchange": exchange, "lapse": settings.order_submission_lapse, "limit": ORDERS_A_RUN}
        lapsed = connection.execute(sql("exchange/list_lapsed_orders"), asked).scalars().all()
        for order_id in lapsed:
            apply_events(connection, order_id, [OutcomeUnknown("whoever submitted it did not finish")])
    return len(lapsed)


def _submit(
    engine: Engine,
    venue: BingX,
    order_id: UUID,
    state: TradingState,
    leverages: dict[str, int],
    settings: Settings,
) -> str:
    with engine.begin() as connection:
        asked = {"id": order_id, "age": settings.order_signal_age}
        row = connection.execute(sql("exchange/take_planned_order"), asked).one_or_none()
        if row is None:
            return "taken"
        if row.too_old:
            apply_events(connection, order_id, [Withdrawn("it waited too long to be submitted")])
            return "withdrawn"
        if not may_submit(state, reduce_only=row.reduce_only):
            return "held"
        if row.leverage and leverages.get(row.symbol) != row.leverage:
            try:
                venue.set_leverage(row.symbol, int(row.leverage))
            except ExchangeRefusedError as error:
                apply_events(connection, order_id, [Withdrawn(f"its leverage was refused: {error}")])
                return "withdrawn"
            leverages[row.symbol] = row.leverage
        apply_events(connection, order_id, [Submitting()])
    events, stop = _hand_over(venue, row)
    with engine.begin() as connection:
        order = apply_events(connection, order_id, events)
        if order.status != "rejected":
            connection.execute(sql("exchange/note_executed_signal"), {"id": row.signal_id})
    if stop:
        raise SubmissionStoppedError(f"order {row.client_order_id} is {order.status}: {order.reason}")
    return order.status


def _hand_over(venue: BingX, row: Any) -> tuple[list[OrderEvent], bool]:
    """Make the one call; give what it says of the order, and whether to stop there."""
    new = NewOrder(
        row.client_order_id,
        row.symbol,
        row.side,
        row.order_type,
        row.quantity,
        row.price,
        row.stop_price,
        row.target_price,
        row.reduce_only,
    )
    try:
        return [Accepted(venue.submit(new))], False
    except OrderTakenError:
        pass  # it is there already: ask what became of it
    except ExchangeRefusedError as error:
        return [Refused(str(error))], error.account
    except OutcomeUnknownError as error:
        return [OutcomeUnknown(str(error))], True
    try:
        found: ExchangeOrder | None = venue.find_order(new.symbol, client_order_id=new.client_order_id)
    except (ExchangeRefusedError, OutcomeUnknownError) as error:
        return [OutcomeUnknown(f"it is there already, and could not be asked for: {error}")], True
    if found is None:
        return [OutcomeUnknown("it is there already, and was not found")], True
    return list(found.events()), False
