"""The page for whoever operates the platform: on call, severities, checklists, what to do in an incident."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.operating import find_on_call, read_checklists
from include.web.host import DeskHost
from include.web.rendering import render

# What other houses call P0 to P3: the severity here, what it is, how soon somebody acts.
LEVELS = (
    ("P0", "critical", "Money or data is being lost. Freeze the work first.", "at once, day and night"),
    (
        "P1",
        "critical",
        "Nothing is settled, backed up or told, or a service that all need is down.",
        "at once",
    ),
    ("P2", "warning", "Something works badly, or will soon not work.", "the same day"),
    ("P3", "info", "Worth knowing.", "with the daily digest"),
)


def operating(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the route `/operating`."""
    router = APIRouter()

    @router.get("/operating", response_class=HTMLResponse)
    def show_operating(request: Request) -> HTMLResponse:
        settings = host.settings()
        with open_database() as engine, engine.connect() as connection:
            checklists = read_checklists(connection)
        return render(
            "operating.html",
            request,
            levels=LEVELS,
            checklists=checklists,
            on_call=find_on_call(settings, datetime.now(UTC)),
            contacts=dict(sorted(settings.contacts.items())),
        )

    return router
