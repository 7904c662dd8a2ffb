"""Trades: lists, and one with all that belongs to it."""

import hashlib
import math
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from include.json_rows import ShownRow
from include.trades.read_trades import CursorError, SortBy, TradePage, list_trades, read_trade
from include.trades.trade_objects import (
    ShownChange,
    ShownError,
    ShownFormerResult,
    ShownNotice,
    ShownResult,
    ShownTrade,
)
from include.web.api.caching import FRESH, NOT_MODIFIED, answer_json
from include.web.api.caller import CallerDep, HostDep
from include.web.api.encoding import encode
from include.web.api.errors import ApiError, refusals, wrong_parameter
from include.web.api.listing import PageQuery, pagination
from include.web.api.parameters import EXACT, ExactDep
from include.web.api.selection import SelectionQuery
from include.web.cursors import cursor_of

router = APIRouter(tags=["trades"])
# Old clients write it in capitals; the description has one spelling, for generated clients make names of it.
SortOrder = Annotated[
    Literal["asc", "desc"], BeforeValidator(lambda given: given.lower() if isinstance(given, str) else given)
]


class TradesQuery(PageQuery, SelectionQuery):
    """The parameters of a list of trades."""

    sort_by: Annotated[SortBy, Field(alias="sortBy")] = "generatedAt"
    sort_order: Annotated[SortOrder, Field(alias="sortOrder")] = "desc"
    exact: Annotated[bool, Field(description=EXACT)] = False


class PaginationAnswer(ShownRow):
    """Where in the list the page is. With a cursor the offset is 0."""

    total: int
    limit: int
    offset: int
    has_more: bool


class TradesAnswer(ShownRow):
    """A page of trades."""

    success: Literal[True]
    trades: list[ShownTrade]
    pagination: PaginationAnswer
    next_cursor: str | None


class FormerResultAnswer(ShownFormerResult):
    """A result that was replaced."""

    result: ShownResult | None


class WholeTradeAnswer(ShownTrade):
    """A trade with what belongs to it; lists hold the newest 50."""

    candles_url: str
    unseen_candles: int | None
    history: list[FormerResultAnswer]
    alerts: list[ShownNotice]
    changes: list[ShownChange]
    errors: list[ShownError]


class TradeAnswer(ShownRow):
    """One trade."""

    success: Literal[True]
    trade: WholeTradeAnswer


@router.get(
    "/trades",
    response_model=TradesAnswer,
    responses=NOT_MODIFIED | refusals(404),
    summary="Trades, a page of them",
)
async def show_trades(request: Request, query: Annotated[TradesQuery, Query()]) -> Response:
    """The trades that match all filters, each with its parts. Unknown values come last."""
    page, selection = query.page(), query.select(request.state.caller)
    order = f"{query.sort_by} {query.sort_order} {selection.fingerprint()}"
    behind = page.behind(order, parts=2)
    try:
        found = await list_trades(
            request.state.question.engine,
            selection,
            sort_by=query.sort_by,
            descending=query.sort_order == "desc",
            limit=page.limit,
            offset=page.offset,
            behind=behind,
            exact=query.exact,
        )
    except CursorError as error:
        raise wrong_parameter("cursor", str(error)) from None
    place = pagination(
        page,
        total=found.total,
        more=found.last is not None,
        next_cursor=cursor_of(order, found.last) if found.last else None,
    )
    return answer_json(request, _list_body(found, place), found.version, FRESH, keep_until=math.inf)


def _list_body(found: TradePage, place: Any) -> bytes:
    return b'{"success":true,"trades":[' + b",".join(found.trades) + b"]," + encode(place)[1:]


@router.get(
    "/trades/{id}",
    response_model=TradeAnswer,
    responses=NOT_MODIFIED | refusals(404),
    summary="One trade, complete",
)
def show_trade(
    request: Request,
    host: HostDep,
    caller: CallerDep,
    trade_id: Annotated[UUID, Path(alias="id")],
    exact: ExactDep = False,
) -> Response:
    """The trade, its former results, its trail, alerts and errors that name it, where its candles are."""
    found = read_trade(host.engine(), trade_id, only_user=caller.only_user, exact=exact)
    if found is None:
        raise ApiError(404, f"There is no trade {trade_id}, or it is another user's.")
    url = f"{request.scope['root_path']}/historical-data?tradeSignalId={found.id}"
    more = {"candlesUrl": url, "unseenCandles": found.unseen_candles}
    body = b"".join(
        (
            b'{"success":true,"trade":',
            found.trade[:-1],
            b",",
            encode(more)[1:-1],
            b',"history":',
            found.history,
            b',"alerts":',
            found.alerts,
            b',"changes":',
            found.changes,
            b',"errors":',
            found.errors,
            b"}}",
        )
    )
    return answer_json(request, body, hashlib.sha256(body).hexdigest(), FRESH)
