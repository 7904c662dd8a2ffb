"""The list of trades: filters in the address, four orders, pages by keyset, saved views as links."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine, Row

from include.database import sql
from include.humanize import figure_text, money_text
from include.trades.search import FoundTrades, SearchPlaceError, search_trades
from include.trades.waiting import waiting_text
from include.web.cursors import ForeignCursorError, cursor_of, read_cursor
from include.web.host import Person
from include.web.pages.trade import trade
from include.web.pages.trade_facts import moment_text, tone_of
from include.web.pages.trades_form import (
    DIRECTIONS,
    ROWS,
    SIGNS,
    STATUSES,
    TIMEFRAMES,
    ListRequest,
    read_list_request,
    saved_views,
)
from include.web.rendering import render

SUGGESTED = 200  # names of a field that a person may choose from
ORDER_WORDS = {
    "newest": "Newest proposed",
    "ended": "Newest ended",
    "worst": "Worst result",
    "best": "Best result",
}


def trades(
    open_database: Callable[[], AbstractContextManager[Engine]],
    find_person: Callable[[Request], Awaitable[Person | None]],
) -> APIRouter:
    """Make the route `/trades`, and those of one trade."""
    router = APIRouter()

    @router.get("/trades", response_class=HTMLResponse)
    def show_trades(request: Request) -> HTMLResponse:
        asked = read_list_request(request.query_params)
        wrong = asked.wrong
        found, suggested = None, {}
        with open_database() as engine:
            suggested = _suggest(engine)
            if not wrong:
                try:
                    found = _search(engine, asked)
                except (ForeignCursorError, SearchPlaceError):
                    wrong = ("cursor is none that this list gave: open the list anew",)
        return render(
            "trades.html",
            request,
            status=422 if wrong else 200,
            asked=asked,
            wrong=wrong,
            found=found,
            next_page=_next_page(asked, found) if found else None,
            views=saved_views(datetime.now(UTC).date()),
            suggested=suggested,
            choices={"status": STATUSES, "timeframe": TIMEFRAMES, "direction": DIRECTIONS, "rows": ROWS},
            signs=SIGNS,
            orders=ORDER_WORDS,
            moment=moment_text,
            why=_why,
            tone=tone_of,
            money=lambda amount: money_text(amount, ""),
            share=lambda percent: figure_text(float(percent), "%"),
        )

    router.include_router(trade(open_database, find_person))
    return router


def _search(engine: Engine, asked: ListRequest) -> FoundTrades:
    behind = read_cursor(asked.cursor, _order_text(asked), 2) if asked.cursor else None
    return search_trades(engine, asked.search, asked.order, limit=asked.rows, behind=behind)


def _next_page(asked: ListRequest, found: FoundTrades) -> str | None:
    if found.next_place is None:
        return None
    return asked.address(cursor=cursor_of(_order_text(asked), found.next_place))


def _order_text(asked: ListRequest) -> str:
    return f"trades {asked.order} {asked.search.fingerprint()}"


def _suggest(engine: Engine) -> dict[str, list[str]]:
    suggested: dict[str, list[str]] = {"symbol": [], "user": []}
    with engine.connect() as connection:
        for field, value in connection.execute(sql("trades/suggest_filters"), {"most": SUGGESTED}):
            suggested[field].append(value)
    return suggested


def _why(row: Row[Any]) -> str:
    """Why the trade is as it is: what it waits for, or how it ended."""
    if row.is_waiting:
        return waiting_text(
            row.claim_reason or row.status_reason,
            row.claim_id if row.is_held else None,
            row.lease_expires_at,
            row.next_attempt_at,
        )
    return (row.status_reason or "").replace("_", " ")
