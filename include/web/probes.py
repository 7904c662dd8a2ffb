"""Probes: the newest look at each service, rendered from the view probe_status."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.probes import read_status, span
from include.web.pages import render


def probes(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/probes`."""
    router = APIRouter()

    @router.get("/probes", response_class=HTMLResponse)
    def show_probes(request: Request) -> HTMLResponse:
        with open_database() as engine:
            found = read_status(engine)
        families = [(kind, [one for one in found if one.kind == kind]) for kind in ("government", "platform")]
        return render("probes.html", request, families=families, span=span, ago=_ago)

    return router


def _ago(age: timedelta) -> str:
    """How long ago, roughly: `3 min`, `5 h`, `2 days`."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
