"""Statistics of one user: the kept row, its parts, the equity curve, and the KPIs of the day."""

from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from include.json_rows import ShownRow
from include.trades.statistics import (
    ShownDirectionPart,
    ShownEquityPoint,
    ShownKpiDay,
    ShownModelPart,
    ShownPerformance,
    ShownSymbolPart,
    ShownTimeframePart,
    read_statistics,
)
from include.web.api.caching import NOT_MODIFIED, STATISTICS, answer_json
from include.web.api.caller import CallerDep, HostDep
from include.web.api.encoding import encode
from include.web.api.errors import refusals
from include.web.api.parameters import ExactDep
from include.web.api.selection import UserParameter, one_user

router = APIRouter(tags=["statistics"])


class StatisticsAnswer(ShownRow):
    """A user's statistics; null is unknown."""

    success: Literal[True]
    user_id: str
    performance: ShownPerformance | None
    refresh_pending: bool
    by_symbol: list[ShownSymbolPart]
    by_timeframe: list[ShownTimeframePart]
    by_direction: list[ShownDirectionPart]
    by_model: list[ShownModelPart]
    equity_curve: list[ShownEquityPoint]
    kpis: list[ShownKpiDay]


@router.get(
    "/stats",
    name="show_stats",
    response_model=StatisticsAnswer,
    responses=NOT_MODIFIED | refusals(404),
    summary="A user's statistics",
)
@router.get(
    "/statistics",
    response_model=StatisticsAnswer,
    responses=NOT_MODIFIED | refusals(404),
    summary="The same as /stats",
)
def show_statistics(
    request: Request,
    host: HostDep,
    caller: CallerDep,
    user_id: UserParameter = None,
    exact: ExactDep = False,
) -> Response:
    """Over the settled trades. `performance` is as old as its `lastCalculatedAt`; the sweep renews it."""
    user = one_user(caller, user_id)
    found = read_statistics(host.engine(), user, exact=exact)
    head = {"success": True, "userId": str(user), "refreshPending": found.refresh_pending}
    performance = found.performance or "null"
    body = "".join(
        (
            encode(head).decode()[:-1],
            f',"performance":{performance},',
            found.breakdown[1:-1],
            f',"kpis":{found.kpis}}}',
        )
    )
    return answer_json(request, body.encode(), found.version, STATISTICS, keep_until=found.kpis_until)
