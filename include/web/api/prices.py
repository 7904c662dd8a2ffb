"""Historical prices: candles with their sources, of a trade's window or of a symbol."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from include.candles.prices import Prices, PricesCursorError, ShownCandle, read_prices, read_trade_prices
from include.json_rows import ShownRow
from include.web.api.caching import HISTORICAL, MARKET, NOT_MODIFIED, answer_json
from include.web.api.caller import CallerDep, EngineDep
from include.web.api.encoding import encode
from include.web.api.errors import ApiError, refusals, wrong_parameter, wrong_parameters
from include.web.api.listing import Page
from include.web.api.parameters import ExactDep
from include.web.api.selection import Start, WindowEnd
from include.web.cursors import LONGEST_CURSOR, cursor_of

router = APIRouter(tags=["prices"])

Resolution = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]


class PricesAnswer(ShownRow):
    """Candles in the order of their open times, 5,000 at most; `nextCursor` leads to the following ones."""

    success: Literal[True]
    trade_signal_id: UUID | None
    symbol: str
    resolution: str | None
    start: str | None
    end: str | None
    candles: list[ShownCandle]
    next_cursor: str | None


@router.get(
    "/historical-data",
    response_model=PricesAnswer,
    responses=NOT_MODIFIED | refusals(404),
    summary="Candles with their source",
)
def show_prices(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    trade: Annotated[
        UUID | None, Query(alias="tradeSignalId", description="the candles of its window")
    ] = None,
    symbol: Annotated[str | None, Query(min_length=1, max_length=50)] = None,
    resolution: Annotated[Resolution | None, Query()] = None,
    start: Annotated[Start | None, Query(description="open times since")] = None,
    end: Annotated[WindowEnd | None, Query(description="open times before; a day: to its end")] = None,
    cursor: Annotated[
        str | None, Query(max_length=LONGEST_CURSOR, description="empty, then nextCursor")
    ] = None,
    exact: ExactDep = False,
) -> Response:
    """Either of `tradeSignalId`, or of `symbol, resolution, start, end`."""
    market = {"symbol": symbol, "resolution": resolution, "start": start, "end": end}
    order = f"prices {trade} {market}"
    behind = Page(1, 0, cursor).behind(order, parts=1)
    place = behind[0] if behind else None
    if place is not None and not isinstance(place, str):
        raise wrong_parameter("cursor", "is none that this list gave, in this order")
    try:
        if trade is not None:
            _refuse_given(market)
            found = read_trade_prices(engine, trade, only_user=caller.only_user, behind=place, exact=exact)
        elif symbol is None or resolution is None or start is None or end is None:
            missing = [name for name, value in market.items() if value is None]
            raise wrong_parameters(
                [{"parameter": name, "where": "query", "reason": "missing"} for name in missing]
            )
        else:
            found = read_prices(engine, symbol, resolution, start, end, behind=place, exact=exact)
    except PricesCursorError as error:
        raise wrong_parameter("cursor", str(error)) from None
    if found is None:
        raise ApiError(404, f"There is no trade {trade}, or it is another user's.")
    body = _body(found, trade, cursor_of(order, [found.last]) if found.last else None)
    age = HISTORICAL if found.is_final else MARKET
    return answer_json(request, body, hashlib.sha256(body).hexdigest(), age)


def _refuse_given(market: Mapping[str, object]) -> None:
    given = [name for name, value in market.items() if value is not None]
    if given:
        reason = "cannot be used together with tradeSignalId"
        raise wrong_parameters([{"parameter": name, "where": "query", "reason": reason} for name in given])


def _body(found: Prices, trade: UUID | None, next_cursor: str | None) -> bytes:
    head = {
        "success": True,
        "tradeSignalId": str(trade) if trade else None,
        "symbol": found.symbol,
        "resolution": found.resolution,
        "start": found.start,
        "end": found.end,
        "nextCursor": next_cursor,
    }
    return encode(head)[:-1] + b',"candles":' + found.candles.encode() + b"}"
