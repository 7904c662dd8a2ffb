"""The pages on reports: past ones listed, one opened as it was stored, its figures as JSON."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from include.reports.past import ReportPlace, ShownReport, find_report, list_reports, read_page
from include.reports.periods import EARLIEST, Kind
from include.reports.render import render_summary
from include.settings.reader import SettingsError
from include.storage import StorageError
from include.web.host import DeskHost
from include.web.rendering import SECURITY_HEADERS, render

LISTED = 30  # reports on a page
LATEST = date(9999, 12, 31)

# What was stored runs nothing, loads nothing and knows no cookie: a document of nobody's. Its links open
# beside the desk.
STORED_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
}
# The page around it may frame it.
FRAMING_HEADERS = {
    "Content-Security-Policy": SECURITY_HEADERS["Content-Security-Policy"] + "; frame-src 'self'"
}


def reports(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the routes `/reports`, one report, its stored HTML and its figures."""
    router = APIRouter()

    def found(engine: Engine, id: UUID) -> ShownReport:
        shown = find_report(engine, id)
        if shown is None:
            raise HTTPException(404, "there is no such report; it may be over its time (keep_reports)")
        return shown

    @router.get("/reports", response_class=HTMLResponse)
    def show_reports(
        request: Request,
        kind: Kind | None = None,
        after: Annotated[date | None, Query(ge=EARLIEST, le=LATEST)] = None,
        after_kind: Kind = "weekly",
    ) -> HTMLResponse:
        place = ReportPlace(after, after_kind) if after else None
        with open_database() as engine:
            rows = list_reports(engine, kind=kind, after=place, limit=LISTED + 1)
        shown, more = rows[:LISTED], rows[LISTED:]
        address = f"{request.scope['root_path']}/reports"
        chosen = {"kind": kind} if kind else {}
        next_page = None
        if more:
            last = shown[-1].period
            next_page = f"{address}?" + urlencode(chosen | {"after": last.end, "after_kind": last.kind})
        return render(
            "reports.html",
            request,
            kind=kind,
            rows=shown,
            first_page=f"{address}?{urlencode(chosen)}" if after else None,
            next_page=next_page,
            lacks=_lacks(host),
        )

    @router.get("/reports/{id}", response_class=HTMLResponse)
    def show_report(request: Request, id: UUID) -> HTMLResponse:
        with open_database() as engine:
            shown = found(engine, id)
        answer = render("report.html", request, shown=shown, summary=render_summary(shown.report))
        answer.headers.update(FRAMING_HEADERS)
        return answer

    @router.get("/reports/{id}/stored", response_class=HTMLResponse)
    def show_stored(id: UUID) -> HTMLResponse:
        with open_database() as engine:
            shown = found(engine, id)
        if shown.location is None:
            return _say(
                "The report is not stored yet: its figures are in the database, its pages are to come."
            )
        try:
            storage = host.storage(shown.location)
            if storage is None:
                return _say(f"Its files are at {shown.location}, and there is no connection object_store.")
            return HTMLResponse(read_page(storage, shown), headers=STORED_PAGE_HEADERS)
        except StorageError as error:
            return _say(f"Its files cannot be read from here: {error}")

    @router.get("/reports/{id}/figures.json")
    def download_figures(id: UUID) -> Response:
        with open_database() as engine:
            shown = found(engine, id)
        name = f"report-{shown.period.kind}-{shown.period.start}-v{shown.version}.json"
        return Response(
            orjson.dumps({"version": shown.version, **shown.figures}, option=orjson.OPT_INDENT_2),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return router


def _lacks(host: DeskHost) -> str:
    """What keeps reports from being made, in words; empty where nothing does."""
    try:
        settings = host.settings()
    except SettingsError as error:
        return f"The settings cannot be read: {error}"
    if not settings.report_location:
        return "No report can be made: the setting report_location names no place for them (docs/reports.md)."
    return ""


def _say(words: str) -> HTMLResponse:
    """A page that stands where the stored one would, in its frame."""
    from html import escape

    return HTMLResponse(
        '<!doctype html><meta name="color-scheme" content="light dark">'
        f'<p style="font-family:sans-serif;padding:1rem">{escape(words)}</p>',
        headers=STORED_PAGE_HEADERS,
    )
