"""The page on freezes: what holds now, the buttons of the switch, and its history."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.freeze import read_freezes
from include.web.rendering import render

PAGE_SIZE = 50
HIGHEST_ID = 2**63 - 1
WHAT_IS_FROZEN = {
    "work": "settling, signals, analyses, candles, statistics, replays, exports, retention, upkeep",
    "backups": "backups and the weekly drill",
    "alerts": "alert rules and messages",
    "probes": "probes of services",
}


def freeze_page(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/freeze`; `?before=<number>` shows older freezes."""
    router = APIRouter()

    @router.get("/freeze", response_class=HTMLResponse)
    def show_freeze(
        request: Request, before: Annotated[int | None, Query(ge=1, le=HIGHEST_ID)] = None
    ) -> HTMLResponse:
        with open_database() as engine, engine.connect() as connection:
            found = read_freezes(connection, before=before, limit=PAGE_SIZE + 1)
        return render(
            "freeze.html",
            request,
            freezes=found[:PAGE_SIZE],
            older=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
            first_page=before is None,
            what=WHAT_IS_FROZEN,
        )

    return router
