"""The page on the database's upkeep: findings, growth as a picture, and what each report looked at."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.humanize import size_text
from include.maintenance import read_growth, read_reports
from include.web.rendering import render

REPORTS = 30  # listed
WIDTH, HEIGHT = 600, 120  # of the picture, in its own units


def maintenance(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/maintenance`; `?report=<id>` shows an older one."""
    router = APIRouter()

    @router.get("/maintenance", response_class=HTMLResponse)
    def show_report(request: Request, report: UUID | None = None) -> HTMLResponse:
        with open_database() as engine:
            reports = read_reports(engine, limit=REPORTS)
            growth = read_growth(engine)
        shown = next((one for one in reports if report in (None, one.id)), None)
        return render(
            "maintenance.html",
            request,
            status=404 if report and not shown else 200,
            reports=reports,
            shown=shown,
            growth=growth,
            line=draw_line(growth),
            sizes=[size_text(size) for size in (min(growth.values()), max(growth.values()))]
            if growth
            else [],
            box=f"0 0 {WIDTH} {HEIGHT}",
        )

    return router


def draw_line(growth: Mapping[date, int]) -> str:
    """Draw sizes by day as the points of an SVG polyline, from 0 at the bottom to the largest at the top."""
    if len(growth) < 2:
        return ""
    first, last = min(growth).toordinal(), max(growth).toordinal()
    largest = max(growth.values()) or 1
    return " ".join(
        f"{(day.toordinal() - first) / (last - first) * WIDTH:.1f},{HEIGHT - size / largest * HEIGHT:.1f}"
        for day, size in sorted(growth.items())
    )
