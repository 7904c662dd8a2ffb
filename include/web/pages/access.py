"""The page on token access: what is required, the price, holders by state, who is in grace."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine, Row

from include.access.overview import read_overview
from include.access.states import STATES
from include.humanize import number_text, price_text
from include.web.charts import Chart, linear_scale, time_scale
from include.web.rendering import render

ROWS = 50  # of each list
DAYS = ("7", "30", "90")
DEFAULT_DAYS = "30"
KINDS = {"full": "met", "grace": "warning", "none": "", "unknown": "critical"}  # the classes of colours
CURVES = {"full": "one", "grace": "two", "none": "three", "unknown": "four"}

Rows = Sequence[Row[Any]]


def access(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/access`; `?days=` chooses how far back the charts go."""
    router = APIRouter()

    @router.get("/access", response_class=HTMLResponse)
    def show_access(request: Request, days: str = DEFAULT_DAYS) -> HTMLResponse:
        wrong = "" if days in DAYS else f"days is none of {', '.join(DAYS)}"
        chosen = DEFAULT_DAYS if wrong else days
        with open_database() as engine, engine.connect() as connection:
            found = read_overview(connection, datetime.now(UTC) - timedelta(days=int(chosen)), rows=ROWS)
        counted = found.counts[-1] if found.counts else None
        return render(
            "access.html",
            request,
            status=422 if wrong else 200,
            wrong=wrong,
            found=found,
            changes_of_requirement=[one for one in found.requirements if one.outcome != "kept"][-ROWS:][::-1],
            counted={state: getattr(counted, f"{state}_holders") for state in STATES} if counted else {},
            charts=_draw_requirements(found.requirements) + _draw_counts(found.counts),
            kinds=KINDS,
            days=chosen,
            choices=DAYS,
            shown=ROWS,
            price=lambda value: "–" if value is None else price_text(value),
            tokens=lambda value: "–" if value is None else number_text(int(value)),
        )

    return router


def _draw_requirements(rows: Rows) -> Markup:
    """The average price, and below it, on the same axis, what was required."""
    if not any(row.average_price is not None for row in rows):
        return Markup()
    times = [row.valid_from for row in rows]
    axis = time_scale(times)
    prices = [row.average_price for row in rows]
    known = [one for one in prices if one is not None]
    price = Chart(
        axis,
        linear_scale(known, unit="USD"),
        label=f"The average price went from {price_text(known[0])} to {price_text(known[-1])} USD.",
    )
    price.line(times, prices)
    price.tips(times, [f"{_minute(row.valid_from)}: {_price(row)}" for row in rows])
    required = [row.requirement for row in rows]
    amounts = [one for one in required if one is not None]
    if not amounts:
        return price.draw("Average price of the token in US dollars")
    requirement = Chart(
        axis,
        linear_scale(amounts, include=[0], unit="tokens"),
        label=f"The requirement went from {amounts[0]} to {amounts[-1]} tokens.",
        height=120,
    )
    # It holds until the next decision: a step, no slope.
    requirement.line(
        [times[0], *(time for time in times[1:] for _ in range(2))],
        [*(value for value in required[:-1] for _ in range(2)), required[-1]],
        "two",
    )
    requirement.tips(
        times,
        [f"{_minute(row.valid_from)}: {_required(row)}, {row.outcome}" for row in rows],
    )
    return price.draw("Average price of the token in US dollars") + requirement.draw("Tokens required")


def _draw_counts(rows: Rows) -> Markup:
    """Holders by state."""
    if not rows:
        return Markup()
    times = [row.judged_at for row in rows]
    by_state = {state: [getattr(row, f"{state}_holders") for row in rows] for state in STATES}
    chart = Chart(
        time_scale(times),
        linear_scale([count for counts in by_state.values() for count in counts], include=[0]),
        label="Holders by state: "
        + ", ".join(f"{counts[-1]} {state}" for state, counts in by_state.items())
        + ".",
        height=140,
    )
    for state, counts in by_state.items():
        chart.line(times, counts, CURVES[state], name=state)
    chart.tips(
        times,
        [
            f"{_minute(row.judged_at)}: "
            + ", ".join(f"{getattr(row, f'{one}_holders')} {one}" for one in STATES)
            for row in rows
        ],
    )
    return chart.draw("Holders by state")


def _price(row: Row[Any]) -> str:
    return "no price" if row.average_price is None else f"{price_text(row.average_price)} USD"


def _required(row: Row[Any]) -> str:
    return "unknown" if row.requirement is None else f"{number_text(int(row.requirement))} tokens"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
