"""Portfolios and their risk, for programs that may see every user's rows: a portfolio is no single user's."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Row
from starlette.responses import Response

from include.portfolio.overview import read_holdings, read_risk, read_states
from include.web.api.caller import Caller, CallerDep, EngineDep
from include.web.api.encoding import JsonAnswer, camel_keys
from include.web.api.errors import ApiError, refusals
from include.web.api.parameters import AnswerShape, ExactDep, Text

router = APIRouter(tags=["risk"])
MOST_PORTFOLIOS = 100
MOST_POSITIONS = 1_000  # of one portfolio

PortfolioName = Annotated[
    Text | None, Query(min_length=1, max_length=200, description="one portfolio, such as ibkr:U1; none: all")
]


class PortfolioAnswer(AnswerShape):
    """Portfolios as they were seen last."""

    success: bool
    portfolios: list[dict[str, Any]] = Field(
        description="portfolioId, source, takenAt, ageSeconds, currency, value, day, profit, dailyReturn, "
        "failure (why the last look failed; null: it did not), positions"
    )


class RiskAnswer(AnswerShape):
    """The newest risk of portfolios."""

    success: bool
    portfolios: list[dict[str, Any]] = Field(
        description="portfolioId, forecasts (shares of the value, losses positive; missing: returns that are "
        "lacking), validations, measures"
    )


@router.get(
    "/portfolio", response_model=PortfolioAnswer, responses=refusals(404), summary="What portfolios hold"
)
def show_portfolios(
    caller: CallerDep, engine: EngineDep, portfolio: PortfolioName = None, exact: ExactDep = False
) -> Response:
    """The newest snapshot of each, 100 at most, with up to 1,000 positions each, and how old it is."""
    states = _read_seen(caller, engine, portfolio)
    now = datetime.now(UTC)
    shown = []
    with engine.connect() as connection:
        for state in states:
            held = read_holdings(connection, state.portfolio_id, rows=MOST_POSITIONS)
            age = max(0, int((now - state.taken_at).total_seconds()))
            positions = [camel_keys(row._asdict()) for row in held]
            shown.append(camel_keys({**state._asdict(), "age_seconds": age, "positions": positions}))
    return _answer(shown, exact)


@router.get("/metrics", response_model=RiskAnswer, responses=refusals(404), summary="What they may lose")
def show_risk(
    caller: CallerDep, engine: EngineDep, portfolio: PortfolioName = None, exact: ExactDep = False
) -> Response:
    """The newest forecasts by each method and confidence, what the back-tests say, and the measures."""
    names = [state.portfolio_id for state in _read_seen(caller, engine, portfolio)]
    with engine.connect() as connection:
        risk = read_risk(connection, names)
    parts = {"forecasts": risk.forecasts, "validations": risk.verdicts, "measures": risk.measures}
    shown: dict[str, dict[str, Any]] = {
        name: {"portfolioId": name, **{part: [] for part in parts}} for name in names
    }
    for part, rows in parts.items():
        for row in rows:
            shown[row.portfolio_id][part].append(camel_keys(row._asdict()))
    return _answer(list(shown.values()), exact)


def _read_seen(caller: Caller, engine: EngineDep, portfolio: str | None) -> list[Row[Any]]:
    """The portfolios that are asked for. Raises ApiError: 403 for a key of one user, 404 for no such."""
    if not caller.sees_all:
        raise ApiError(403, "The API key has no scope operate: portfolios belong to no single user.")
    with engine.connect() as connection:
        states = list(read_states(connection, portfolio=portfolio, rows=MOST_PORTFOLIOS))
    if portfolio and not states:
        raise ApiError(404, f"There is no portfolio {portfolio}.")
    return states


def _answer(portfolios: list[dict[str, Any]], exact: bool) -> Response:
    return JsonAnswer({"portfolios": portfolios}, headers={"Cache-Control": "private, no-cache"}, exact=exact)
