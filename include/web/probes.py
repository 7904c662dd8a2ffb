"""Probes: the newest look at each service, rendered from the view probe_status."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.probes import PROBES, read_status, window_text
from include.web.pages import render


def probes(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/probes`."""
    router = APIRouter()

    @router.get("/probes", response_class=HTMLResponse)
    def show_probes(request: Request) -> HTMLResponse:
        with open_database() as engine:
            found = read_status(engine)
        families = [(kind, [one for one in found if one.kind == kind]) for kind in PROBES]
        return render("probes.html", request, families=families, window_text=window_text)

    return router
