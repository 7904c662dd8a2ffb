"""One reading of the exchange's book, complete enough to compare with: orders, trades, positions, money.

A list that lacks an order proves nothing: each of ours that no list has is asked for by itself. Questions
about single orders are bounded; what is left is said, and asked by the next run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql
from include.exchange.reports import (
    LONGEST_WINDOW,
    AnswerError,
    ReportedBalance,
    ReportedFill,
    ReportedOrder,
    find_order,
    read_balances,
    read_fills,
    read_open_orders,
    read_past_orders,
    read_positions,
)

FAILURES_IN_A_ROW = 3  # of questions about single orders: then no more are asked
CLOCKS_APART = timedelta(minutes=1)  # the exchange's clock may be so far ahead


@dataclass
class Book:
    """What the exchange said.

    `not_found`: our orders that it was asked for and does not know. `unanswered`: those whose question
    failed, and why. `left`: questions that were not asked. `positions`: None where they changed meanwhile.
    """

    orders: dict[str, ReportedOrder] = field(default_factory=dict)  # by its number
    fills: dict[str, ReportedFill] = field(default_factory=dict)  # by its number
    not_found: set[UUID] = field(default_factory=set)
    unanswered: dict[UUID, str] = field(default_factory=dict)
    left: int = 0
    positions: dict[str, Decimal] | None = None
    balances: Sequence[ReportedBalance] = ()


def read_book(
    engine: Engine, exchange: Any, name: str, start: datetime, end: datetime, *, questions: int
) -> Book:
    """Read the book of [start, end]; `questions`: about single orders, at most. Raises AnswerError.

    Orders are asked for before their trades, positions before and after them: what happens meanwhile is
    seen as a trade that is newer than its order, or as positions that do not hold still.
    """
    book, until = Book(), end + CLOCKS_APART
    since = max(start, until - LONGEST_WINDOW)
    positions = read_positions(exchange)
    for order in (*read_open_orders(exchange), *read_past_orders(exchange, since, until)):
        book.orders[order.exchange_order_id] = order
    with engine.connect() as connection:
        unfinished = connection.execute(sql("exchange/read_unfinished_orders"), {"exchange": name}).all()
        traded = connection.execute(
            sql("exchange/read_traded_symbols"), {"exchange": name, "since": start}
        ).scalars()
        symbols = {*traded, *positions, *(one.symbol for one in book.orders.values())}
        lacking = connection.execute(
            sql("exchange/read_orders_lacking_fills"), {"exchange": name, "limit": questions}
        ).all()
    by_client_id = {one.client_order_id for one in book.orders.values()}
    missing = [
        one
        for one in unfinished
        if one.exchange_order_id not in book.orders and one.client_order_id not in by_client_id
    ]
    book.left = max(len(missing) - questions, 0)
    _ask_for_orders(exchange, book, missing[:questions])
    found = [fill for symbol in sorted(symbols) for fill in read_fills(exchange, symbol, since, until)]
    for one in lacking:
        first = max(one.created_at - CLOCKS_APART, until - LONGEST_WINDOW)
        found += read_fills(exchange, one.symbol, first, until, one.exchange_order_id)
    book.fills = {fill.trade_id: fill for fill in found}
    _ask_for_owners(engine, exchange, book, name, max(questions - len(missing), 0))
    if read_positions(exchange) == positions and not book.left:
        book.positions = positions
    book.balances = read_balances(exchange)
    return book


def _ask_for_orders(exchange: Any, book: Book, missing: Sequence[Any]) -> None:
    """Ask for each of our orders that no list has, until nothing is answered any more."""
    failures = 0
    for number, ours in enumerate(missing):
        if failures == FAILURES_IN_A_ROW:
            book.left += len(missing) - number
            return
        try:
            theirs = find_order(exchange, ours.symbol, ours.exchange_order_id, ours.client_order_id)
        except AnswerError as error:
            book.unanswered[ours.id] = str(error)
            failures += 1
            continue
        failures = 0
        if theirs is None:
            book.not_found.add(ours.id)
        else:
            book.orders[theirs.exchange_order_id] = theirs


def _ask_for_owners(engine: Engine, exchange: Any, book: Book, name: str, questions: int) -> None:
    """Ask for the orders of new trades that no list has; trades whose order was not asked for wait."""
    with engine.connect() as connection:
        stored = set(
            connection.execute(
                sql("exchange/find_stored_trades"), {"exchange": name, "trades": list(book.fills)}
            ).scalars()
        )
    owners = {
        fill.exchange_order_id: fill.symbol
        for fill in book.fills.values()
        if fill.trade_id not in stored and fill.exchange_order_id not in book.orders
    }
    waiting = set(list(owners)[questions:])
    for number, symbol in owners.items():
        if number in waiting:
            continue
        try:
            theirs = find_order(exchange, symbol, number, None)
        except AnswerError:
            waiting.add(number)
            continue
        if theirs is not None:
            book.orders[number] = theirs
    book.left += len(waiting)
    book.fills = {key: fill for key, fill in book.fills.items() if fill.exchange_order_id not in waiting}
