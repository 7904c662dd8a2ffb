"""Handing planned orders to the exchange, each once, while the switch allows it.

For one order: the switch is read and held still in a transaction; within it the order becomes `submitting`,
which is committed with its client order id before the call, and after the call it becomes what the answer
says. Killed at any point, it is planned still, or `submitting`, which becomes `unknown` after a while and is
left to reconciliation: nothing is handed over a second time.
"""

import time
from collections import Counter
from datetime import timedelta
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
# A process may sleep between marking an order and sending it. Reconciliation ends what the exchange does not
# know after five minutes, and whoever turns the switch waits two: by then nothing may be sent any more.
HAND_OVER_WITHIN = timedelta(seconds=30)  # from before it is marked; the call itself takes 15 seconds at most
HOLD_LIMIT = timedelta(seconds=90)  # after it the database lets go of the switch for one that sleeps


class SubmissionStoppedError(RuntimeError):
    """The exchange did not answer, or refuses the account: the orders that are left stay planned."""


def submit_planned(
    engine: Engine, venue: BingX, settings: Settings, *, hand_over_within: timedelta = HAND_OVER_WITHIN
) -> Counter[str]:
    """Submit the planned orders, the oldest first; several may run at once.

    An order that is not sent `hand_over_within` of being taken is not sent at all, and is rejected.

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
            state = hold_trading_state(gate, longest=HOLD_LIMIT)
            until = time.monotonic() + hand_over_within.total_seconds()
            counts[_submit(engine, venue, order_id, state, leverages, settings, until)] += 1
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
    until: float,
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
    events, stop = _hand_over(venue, row, until)
    with engine.begin() as connection:
        order = apply_events(connection, order_id, events)
        if order.status != "rejected":
            connection.execute(sql("exchange/note_executed_signal"), {"id": row.signal_id})
    if stop:
        raise SubmissionStoppedError(f"order {row.client_order_id} is {order.status}: {order.reason}")
    return order.status


def _hand_over(venue: BingX, row: Any, until: float) -> tuple[list[OrderEvent], bool]:
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
        return [Accepted(venue.submit(new, until=until))], False
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
