"""The page on alerts: what is wrong, since when, who was notified, what to do; silences; what was sent."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.alerts.overview import read_overview
from include.operating import find_on_call
from include.settings.reader import SettingsError
from include.web.documents import document_link
from include.web.host import DeskHost
from include.web.rendering import render


def alerts(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the route `/alerts`."""
    router = APIRouter()

    @router.get("/alerts", response_class=HTMLResponse)
    def show_alerts(request: Request) -> HTMLResponse:
        with open_database() as engine:
            overview = read_overview(engine)
        on_call, unreadable = None, ""
        try:
            on_call = find_on_call(host.settings(), overview.at)
        except SettingsError as error:  # alerts are looked at when things are broken
            unreadable = str(error)
        root = request.scope["root_path"]
        return render(
            "alerts.html",
            request,
            shown=overview,
            on_call=on_call,
            unreadable=unreadable,
            document_link=lambda reference: document_link(reference, root),
        )

    return router
