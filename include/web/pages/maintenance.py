"""The page on the database's upkeep: findings, growth as a picture, and what each report looked at."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine

from include.humanize import size_text, size_unit
from include.maintenance import Section, read_growth, read_reports
from include.web.charts import Chart, linear_scale, time_scale
from include.web.rendering import render

REPORTS = 30  # listed
ROWS = 12  # of a section that are shown at once
NUMBER = re.compile(r"-?[\d.,]+( ([KMGT]i)?B)?")


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
            picture=draw_growth(growth),
            numeric=numeric_columns,
            most=ROWS,
        )

    return router


def numeric_columns(section: Section) -> set[int]:
    """The places of the columns that hold numbers or sizes alone."""
    columns = (
        [str(cell) for cell in cells if cell not in (None, "", "None")]
        for cells in zip(*section.rows, strict=True)
    )
    return {place for place, cells in enumerate(columns) if cells and all(map(NUMBER.fullmatch, cells))}


def draw_growth(growth: Mapping[date, int]) -> Markup | None:
    """Draw the bytes of all tables by day; nothing of fewer than two days."""
    if len(growth) < 2:
        return None
    days = sorted(growth)
    sizes = [growth[day] for day in days]
    unit, bytes_each = size_unit(max(sizes))
    shown = [size / bytes_each for size in sizes]
    chart = Chart(
        time_scale(days),
        linear_scale(shown, include=[0], unit=unit, ticks=3),
        label=f"All tables by day, {days[0]} to {days[-1]}: "
        f"from {size_text(min(sizes))} to {size_text(max(sizes))}.",
        height=120,
    )
    chart.area(days, shown)
    chart.line(days, shown)
    chart.tips(days, [f"{day}: {size_text(size)}" for day, size in zip(days, sizes, strict=True)])
    return chart.draw(chart.label)
