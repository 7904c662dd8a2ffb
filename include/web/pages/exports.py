"""Exports and replays: what was asked for and what came of it; an export's files, a replay's differences."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast, get_args
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from include.database import sql
from include.humanize import money_text, size_text
from include.storage import NotStoredError, Storage, StorageError
from include.trades.export_records import (
    ReplayOutcome,
    StoredExport,
    WorkKind,
    list_exports_and_replays,
    list_replay_trades,
    read_export,
)
from include.trades.trade_filter import filter_text
from include.web.cursors import LONGEST_CURSOR, ForeignCursorError, place_cursor, read_place
from include.web.host import DeskHost, Person
from include.web.rendering import render

LISTED = 50  # exports and replays on a page
FILES_LISTED = 100  # of an export
TRADES_LISTED = 100  # of a replay
MAX_NAME = 200  # characters of a login, or of a run's id
DAG = "export_trades"  # who may start it could make any of the files
MAY_NOT = "an export holds the trades of all users: it is for people whom Airflow lets start export_trades"
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def exports(
    open_database: Callable[[], AbstractContextManager[Engine]],
    find_person: Callable[[Request], Awaitable[Person | None]],
    host: DeskHost,
) -> APIRouter:
    """Make the routes `/exports`, an export, its files, and `/replays/<id>`."""
    router = APIRouter()

    async def reader(request: Request) -> Person:
        person = await find_person(request)
        if person is None or not await run_in_threadpool(person.may_start, DAG):
            raise HTTPException(403, MAY_NOT)
        return person

    def find(export_id: str) -> StoredExport:
        _check_text("the id", export_id)
        with open_database() as engine, engine.connect() as connection:
            export = read_export(connection, export_id)
        if export is None:
            raise HTTPException(404, f"there is no export {export_id!r}")
        return export

    @router.get("/exports", response_class=HTMLResponse)
    def show_list(request: Request, kind: str = "", who: str = "", behind: str = "") -> HTMLResponse:
        if kind and kind not in get_args(WorkKind):
            raise HTTPException(422, f"kind is {kind[:50]!r}: choose export or replay")
        _check_text("who", who)
        chosen = {"kind": kind, "who": who}
        with open_database() as engine, engine.connect() as connection:
            found = list_exports_and_replays(
                connection,
                limit=LISTED + 1,
                kind=cast(WorkKind, kind) if kind else None,
                who=who or None,
                behind=_read_place(behind, _order(chosen)),
            )
        further = None
        if len(found) > LISTED:
            last = found[LISTED - 1]
            further = place_cursor(_order(chosen), last.started_at, last.id, last.kind)
        return render(
            "exports.html",
            request,
            found=found[:LISTED],
            chosen=chosen,
            first=_address(request, chosen) if behind else None,
            next=_address(request, chosen | {"behind": further}) if further else None,
            **WORDS,
        )

    @router.get("/exports/{export_id}", response_class=HTMLResponse)
    def show_export(request: Request, export_id: str, behind: str = "0") -> HTMLResponse:
        export, first = find(export_id), _read_number("behind", behind)
        return render(
            "export.html",
            request,
            export=export,
            numbers=range(first + 1, min(first + FILES_LISTED, export.files) + 1),
            more=first + FILES_LISTED if first + FILES_LISTED < export.files else None,
            **WORDS,
        )

    @router.get("/exports/{export_id}/files/{number}")
    def download(export_id: str, number: str, _: Annotated[Person, Depends(reader)]) -> Response:
        export = find(export_id)
        try:
            key = export.file_key(_read_number("the file", number))
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        return stream(export, key, MEDIA_TYPES[export.file_format])

    @router.get("/exports/{export_id}/manifest")
    def download_manifest(export_id: str, _: Annotated[Person, Depends(reader)]) -> Response:
        export = find(export_id)
        if export.state != "done":
            raise HTTPException(404, f"the export {export_id!r} has no manifest: it is not whole")
        return stream(export, export.manifest_key, "application/json")

    def open_place(root: str) -> Storage:
        if root not in host.settings().export_locations:
            raise StorageError(f"{root} is none of the places for exports: see the setting export_locations")
        storage = host.storage(root)
        if storage is None:
            raise StorageError(f"{root} needs a connection that is not there: docs/operating.md names it")
        return storage

    def stream(export: StoredExport, key: str, media_type: str) -> Response:
        """The file as it lies in its place, piece by piece; what fails at the beginning is said in words."""
        try:
            storage = open_place(export.root)
            stored = storage.stat(key)
            if stored is None:
                raise NotStoredError(f"there is no {key} in {export.root} as this server sees it")
            pieces = storage.read(key)
        except NotStoredError as error:
            raise HTTPException(404, f"{error}: it was removed, or lies on another machine") from None
        except StorageError as error:
            raise HTTPException(502, f"the place of the export cannot be read: {error}") from None
        headers = {
            "Content-Disposition": f'attachment; filename="{key.replace("/", "-")}"',
            "Content-Length": str(stored.size),
        }
        return StreamingResponse(_exactly(pieces, stored.size), 200, headers, media_type)

    @router.get("/replays/{replay_id:path}", response_class=HTMLResponse)
    def show_replay(
        request: Request, replay_id: str, outcome: str = "changed", behind: str = ""
    ) -> HTMLResponse:
        _check_text("the id", replay_id)
        if outcome not in get_args(ReplayOutcome):
            raise HTTPException(422, f"outcome is {outcome[:50]!r}: {', '.join(get_args(ReplayOutcome))}")
        with open_database() as engine, engine.connect() as connection:
            replay = connection.execute(sql("trades/read_replay"), {"replay_id": replay_id}).one_or_none()
            if replay is None:
                raise HTTPException(404, f"there is no replay {replay_id!r}")
            trades = list_replay_trades(
                connection,
                replay_id,
                cast(ReplayOutcome, outcome),
                limit=TRADES_LISTED + 1,
                behind=_read_id(behind),
            )
        here = f"{request.scope['root_path']}/replays/{quote(replay_id, safe='')}?outcome={outcome}"
        return render(
            "replay.html",
            request,
            replay=replay,
            outcome=outcome,
            outcomes=get_args(ReplayOutcome),
            trades=trades[:TRADES_LISTED],
            first=f"{here}#trades" if behind else None,
            next=f"{here}&behind={trades[TRADES_LISTED - 1].trade_signal_id}#trades"
            if len(trades) > TRADES_LISTED
            else None,
            **WORDS,
        )

    return router


def _money(amount: Decimal | str | None) -> str:
    """A sum as people read it; a report has texts of numbers, and nothing where there was no result."""
    return "" if amount is None else money_text(Decimal(amount))


def _exactly(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The pieces up to the size that was announced; a file that became shorter breaks off the answer."""
    left = size
    for piece in pieces:
        yield piece[:left]
        left -= len(piece[:left])
        if not left:
            return
    if left:
        raise StorageError(f"the file ended {left} bytes too soon")


def _address(request: Request, chosen: dict[str, Any]) -> str:
    given = urlencode({name: value for name, value in chosen.items() if value})
    return f"{request.scope['root_path']}/exports" + (f"?{given}" if given else "")


def _order(chosen: dict[str, Any]) -> str:
    return f"exports {chosen['kind']} {chosen['who']}"


def _read_place(cursor: str, order: str) -> tuple[datetime, str, str] | None:
    if not cursor:
        return None
    _check_text("behind", cursor, at_most=LONGEST_CURSOR)
    try:
        moment, (work_id, kind) = read_place(cursor, order, texts=2)
    except ForeignCursorError:
        raise HTTPException(422, "behind names no place in this list: begin at its first page") from None
    return moment, work_id, kind


def _read_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(422, "behind is no trade of this list: begin at its first page") from None


def _read_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise HTTPException(422, f"{name} is {text[:50]!r}: a whole number is meant")
    return int(text)


def _check_text(name: str, text: str, at_most: int = MAX_NAME) -> None:
    if len(text) > at_most or not text.isprintable():
        raise HTTPException(422, f"{name} has at most {at_most} characters, all of which can be seen")


# What the templates say things with.
WORDS: dict[str, Any] = {"filter_text": filter_text, "money": _money, "size_text": size_text}
