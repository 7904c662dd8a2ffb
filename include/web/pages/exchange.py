"""The page on the exchange: the switch, open orders, differences, balances, positions, live trades."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.exchange.guard import list_rules, measure_guard
from include.exchange.overview import (
    LIVE_DAYS,
    MOST_LIVE_TRADES,
    PARTS,
    UNFINISHED,
    read_live_trades,
    read_open_orders,
    read_state,
)
from include.exchange.switch import STATES, read_changes
from include.humanize import decimal_text, money_text, price_text
from include.settings.reader import SettingsError
from include.web.cursors import place_cursor, read_place
from include.web.host import DeskHost
from include.web.rendering import render

ROWS = 50  # of each list
LONGEST_SYMBOL = 60  # letters
STATE_KINDS = {"trading": "met", "exits_only": "warning", "frozen": "critical"}  # the classes of colours
WHAT_PASSES = {
    "trading": "Everything is submitted.",
    "exits_only": "Orders that make positions smaller are submitted, and cancels.",
    "frozen": "Nothing is submitted but cancels.",
}


def exchange(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the route `/exchange`; `?status=&symbol=` choose open orders, `?before=` begins their page."""
    router = APIRouter()

    @router.get("/exchange", response_class=HTMLResponse)
    def show_exchange(request: Request, status: str = "", symbol: str = "", before: str = "") -> HTMLResponse:
        wrong, place = "", None
        if status and status not in UNFINISHED:
            wrong = f"status is none of {', '.join(UNFINISHED)}"
        elif len(symbol) > LONGEST_SYMBOL or not symbol.isprintable():
            wrong = "symbol is none of a market, such as BTC/USDT:USDT"
        elif before and (place := _read_place(before, _order(status, symbol))) is None:
            wrong = "before is no place of this list: begin at its first page"
        if wrong:
            status, symbol = "", ""
        with open_database() as engine, engine.connect() as connection:
            changes = read_changes(connection, limit=ROWS)
            orders = read_open_orders(
                connection, status=status or None, symbol=symbol.strip() or None, before=place, rows=ROWS + 1
            )
            state = read_state(connection, rows=ROWS)
            live = read_live_trades(connection)
            figures = measure_guard(connection)
        settings, unreadable = None, ""
        try:
            settings = host.settings()
        except SettingsError as error:  # the switch is looked at when things are broken
            unreadable = str(error)
        chosen = {"status": status, "symbol": symbol}
        older = None
        if len(orders) > ROWS:
            last = orders[ROWS - 1]
            older = place_cursor(_order(status, symbol), last.created_at, last.id)
        return render(
            "exchange.html",
            request,
            status=422 if wrong else 200,
            wrong=wrong,
            switch=changes[0] if changes else None,
            changes=changes,
            states=STATES,
            kinds=STATE_KINDS,
            passes=WHAT_PASSES,
            orders=orders[:ROWS],
            statuses=UNFINISHED,
            chosen=chosen,
            older=f"?{urlencode(chosen | {'before': older})}" if older else None,
            first=f"?{urlencode(chosen)}" if before else None,
            state=state,
            settings=settings,
            unreadable=unreadable,
            rules=list_rules(figures, settings) if settings else [],
            live=live,
            live_days=LIVE_DAYS,
            most_live_trades=MOST_LIVE_TRADES,
            parts_of_result=list(PARTS),
            shown=ROWS,
            amount=_amount,
            price=lambda value: "" if value is None else price_text(value),
            dollars=money_text,
        )

    return router


def _amount(value: Decimal | None) -> str:
    """A quantity as it is, without zeros at its end."""
    return "" if value is None else decimal_text(value, 8).rstrip("0").rstrip(".")


def _order(status: str, symbol: str) -> str:
    return f"orders {status} {symbol}"


def _read_place(cursor: str, order: str) -> tuple[datetime, UUID] | None:
    """Where a page begins: the time and the id of the order before it; None for what is none."""
    try:
        moment, (order_id,) = read_place(cursor, order)
        return moment, UUID(order_id)
    except ValueError:  # a foreign cursor is one too
        return None
