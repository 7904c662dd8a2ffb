"""One reading of the exchange's book, complete enough to compare with: orders, trades, positions, money.

A list that lacks an order proves nothing: each of ours that no list has is asked for by itself. Questions
about single orders are bounded; what is left is said, and asked by the next run.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql
from include.exchange.bingx import ROWS_A_PAGE, BingX
from include.exchange.venue import (
    ExchangeBalance,
    ExchangeError,
    ExchangeFill,
    ExchangeOrder,
    OutcomeUnknownError,
)

LONGEST_WINDOW = timedelta(days=7)  # of orders and trades: BingX answers for no longer one
SHORTEST_WINDOW = timedelta(milliseconds=2)
FAILURES_IN_A_ROW = 3  # of questions about single orders: then no more are asked
CLOCKS_APART = timedelta(minutes=1)  # the exchange's clock may be so far ahead


@dataclass
class Book:
    """What the exchange said.

    `not_found`: our orders that it was asked for and does not know. `unanswered`: those whose question
    failed, and why. `left`: questions that were not asked. `positions`: None where they changed meanwhile.
    """

    orders: dict[str, ExchangeOrder] = field(default_factory=dict)  # by its number
    fills: dict[str, ExchangeFill] = field(default_factory=dict)  # by its number
    not_found: set[UUID] = field(default_factory=set)
    unanswered: dict[UUID, str] = field(default_factory=dict)
    left: int = 0
    positions: dict[str, Decimal] | None = None
    balances: Sequence[ExchangeBalance] = ()


def read_book(engine: Engine, exchange: BingX, start: datetime, end: datetime, *, questions: int) -> Book:
    """Read the book of [start, end]; `questions`: about single orders, at most. Raises ExchangeError.

    Orders are asked for before their trades, positions before and after them: what happens meanwhile is
    seen as a trade that is newer than its order, or as positions that do not hold still.
    """
    book, until = Book(), end + CLOCKS_APART
    since = max(start, until - LONGEST_WINDOW)
    positions = _read_positions(exchange)
    open_orders = exchange.list_open_orders()
    with engine.connect() as connection:
        unfinished = connection.execute(
            sql("exchange/read_unfinished_orders"), {"exchange": exchange.name}
        ).all()
        traded = connection.execute(
            sql("exchange/read_traded_symbols"), {"exchange": exchange.name, "since": start}
        ).scalars()
        symbols = sorted({*traded, *positions, *(one.symbol for one in open_orders)})
        lacking = connection.execute(
            sql("exchange/read_orders_lacking_fills"), {"exchange": exchange.name, "limit": questions}
        ).all()
    past = (
        order
        for symbol in symbols
        for order in _read_all(partial(exchange.list_orders, symbol), since, until)
    )
    book.orders = {order.exchange_order_id: order for order in (*open_orders, *past)}
    by_client_id = {one.client_order_id for one in book.orders.values()}
    missing = [
        one
        for one in unfinished
        if one.exchange_order_id not in book.orders and one.client_order_id not in by_client_id
    ]
    book.left = max(len(missing) - questions, 0)
    _ask_for_orders(exchange, book, missing[:questions])
    starts = dict.fromkeys(symbols, since)
    for one in lacking:  # a trade that is listed late lies before the window
        first = max(one.created_at - CLOCKS_APART, until - LONGEST_WINDOW)
        starts[one.symbol] = min(starts.get(one.symbol, first), first)
    found = (
        fill
        for symbol, start_of_fills in starts.items()
        for fill in exchange.list_fills(symbol, start_of_fills, until)
    )
    book.fills = {fill.trade_id: fill for fill in found}
    _ask_for_owners(engine, exchange, book, max(questions - len(missing), 0))
    if _read_positions(exchange) == positions and not book.left:
        book.positions = positions
    book.balances = exchange.list_balances()
    if not book.balances:
        raise OutcomeUnknownError("an answer without any money: an account has some")
    return book


def _read_all(
    read: Callable[[datetime, datetime], Sequence[ExchangeOrder]], since: datetime, until: datetime
) -> list[ExchangeOrder]:
    """All orders in a window: in halves where it holds more than a page, whichever end a page begins at."""
    page = read(since, until)
    if len(page) < ROWS_A_PAGE:
        return list(page)
    if until - since <= SHORTEST_WINDOW:
        raise OutcomeUnknownError(
            f"more than {ROWS_A_PAGE} rows at {since}: they cannot be told apart by time"
        )
    middle = since + (until - since) / 2
    return [*_read_all(read, since, middle), *_read_all(read, middle, until)]


def _read_positions(exchange: BingX) -> dict[str, Decimal]:
    """The size of each symbol's position, of both sides together; what is flat is left out."""
    sizes: dict[str, Decimal] = defaultdict(Decimal)
    for one in exchange.list_positions():
        sizes[one.symbol] += one.size
    return {symbol: size for symbol, size in sizes.items() if size}


def _ask_for_orders(exchange: BingX, book: Book, missing: Sequence[Any]) -> None:
    """Ask for each of our orders that no list has, until nothing is answered any more."""
    failures = 0
    for number, ours in enumerate(missing):
        if failures == FAILURES_IN_A_ROW:
            book.left += len(missing) - number
            return
        try:
            theirs = exchange.find_order(
                ours.symbol,
                exchange_order_id=ours.exchange_order_id,
                client_order_id=None if ours.exchange_order_id else ours.client_order_id,
            )
        except ExchangeError as error:
            book.unanswered[ours.id] = str(error)
            failures += 1
            continue
        failures = 0
        if theirs is None:
            book.not_found.add(ours.id)
        else:
            book.orders[theirs.exchange_order_id] = theirs


def _ask_for_owners(engine: Engine, exchange: BingX, book: Book, questions: int) -> None:
    """Ask for the orders of new trades that no list has; trades whose order was not asked for wait."""
    with engine.connect() as connection:
        stored = set(
            connection.execute(
                sql("exchange/find_stored_trades"), {"exchange": exchange.name, "trades": list(book.fills)}
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
            theirs = exchange.find_order(symbol, exchange_order_id=number)
        except ExchangeError:
            waiting.add(number)
            continue
        if theirs is not None:
            book.orders[number] = theirs
    book.left += len(waiting)
    book.fills = {key: fill for key, fill in book.fills.items() if fill.exchange_order_id not in waiting}
