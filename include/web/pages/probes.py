"""Probes: the newest look at each service, what the database counts, and the platform's uptime by day."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.probes import PROBES, window_text
from include.probes.platform_status import read_database_figures, read_uptime
from include.probes.results import select_status
from include.web.rendering import render

UPTIME_DAYS = 7  # listed


def probes(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/probes`."""
    router = APIRouter()

    @router.get("/probes", response_class=HTMLResponse)
    def show_probes(request: Request) -> HTMLResponse:
        with open_database() as engine, engine.connect() as connection:
            found = select_status(connection)
            figures = read_database_figures(connection)
            uptime = read_uptime(connection, UPTIME_DAYS)
        families = [(kind, [one for one in found if one.kind == kind]) for kind in PROBES]
        return render(
            "probes.html",
            request,
            families=families,
            figures=figures,
            uptime=uptime,
            window_text=window_text,
        )

    return router
