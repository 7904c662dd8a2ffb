"""The overview: what is wrong now, how trading, data, budget and backups stand; numbers lead to rows."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from sqlalchemy import Engine

from include.humanize import money_text
from include.web.charts import Chart, band_scale, linear_scale
from include.web.host import DeskHost
from include.web.overview import RATE_DAYS, DaysOfTrades, read_desk_overview
from include.web.rendering import render

EVERY = 30  # seconds after which the page fetches itself anew
ALERTS = 5  # listed


def overview(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the routes `/overview`, and `/`, which leads there."""
    router = APIRouter()

    @router.get("/overview", response_class=HTMLResponse)
    def show_overview(request: Request) -> HTMLResponse:
        with open_database() as engine:
            found = read_desk_overview(engine, host)
        today = found.at.date()
        return render(
            "overview.html",
            request,
            shown=found,
            every=EVERY,
            listed=ALERTS,
            chart=draw_weeks(found.weeks),
            day=today,
            duration=timedelta,
            rate_days=RATE_DAYS,
            rate_from=today - timedelta(days=RATE_DAYS - 1),
        )

    @router.get("/")
    def lead_to_overview(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope['root_path']}/overview", 303)

    return router


def draw_weeks(weeks: Sequence[DaysOfTrades]) -> Markup:
    """Draw the net result of each week as a bar, above or below zero."""
    finite = [week for week in weeks if week.net.is_finite()]
    names = [f"{week.first:%d %b}" for week in weeks]
    chart = Chart(
        band_scale(names, most=4),
        linear_scale([week.net for week in finite], include=[0.0], unit="USD"),
        label="Net result by week, the oldest first: "
        + ", ".join(f"week of {week.first}: {money_text(week.net)}" for week in weeks)
        + ".",
        height=170,
    )
    places = [weeks.index(week) for week in finite]
    chart.bars(
        [place + 0.15 for place in places],
        [place + 0.85 for place in places],
        [week.net for week in finite],
        ["good" if week.net >= 0 else "bad" for week in finite],
        titles=[f"{week.first} to {week.last}: {money_text(week.net)}" for week in finite],
    )
    return chart.draw("Weeks begin on Monday (UTC); the last one is unfinished.")
