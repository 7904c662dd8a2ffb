"""Data Docs: what the expectation suites said of the data, rendered from data_quality_results.

Great Expectations' own static site needs scripts and styles from seven hosts on the internet, without which
its index is empty, and a folder that workers and web server share. These pages need neither.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.quality import read_day, read_days, read_result
from include.web.rendering import render

DAYS = 60  # listed
BATCHES = 500  # of one day, the worst first


def data_docs(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the routes `/data-docs`, one day, and `/data-docs/<id>`, one batch."""
    router = APIRouter()

    @router.get("/data-docs", response_class=HTMLResponse)
    def show_day(request: Request, day: date | None = None) -> HTMLResponse:
        with open_database() as engine:
            days = read_days(engine, limit=DAYS)
            shown = day or (days[0].day if days else None)
            results = read_day(engine, shown, limit=BATCHES) if shown else []
        return render("data_docs.html", request, days=days, shown=shown, results=results, limit=BATCHES)

    @router.get("/data-docs/{id}", response_class=HTMLResponse)
    def show_batch(request: Request, id: UUID) -> HTMLResponse:
        with open_database() as engine:
            result = read_result(engine, id)
        return render("batch.html", request, status=200 if result else 404, result=result)

    return router
