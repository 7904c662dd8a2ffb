"""Exports: a file of trades with their results, streamed; a large one is written by a run."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from include.trades.export_stream import (
    TooManyExportsError,
    as_export_form,
    has_more_trades,
    stream_trades,
)
from include.trades.selection import TradeSelection
from include.web.api.caller import CallerDep, HostDep, SettingsDep
from include.web.api.errors import ApiError, refusals, wrong_parameter
from include.web.api.selection import SelectionQuery
from include.web.api.work import StartedAnswer, StarterDep
from include.web.work import Work

router = APIRouter(tags=["trades"])

ExportFormat = Literal["csv", "json", "parquet"]
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
RETRY_AFTER = "30"  # seconds, of a place for another export
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; texts that a spreadsheet would take for formulas begin with a '.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    202: {
        "description": "More trades than the setting api_export_rows: a run of export_trades writes them.",
        "model": StartedAnswer,
    },
}


class ExportQuery(SelectionQuery):
    """The parameters of an export."""

    file_format: Annotated[ExportFormat, Field(alias="format")] = "csv"


class _Export(StreamingResponse):
    """A file whose rows come from the database: closing it ends the statement, read to the end or not."""

    def __init__(self, chunks: Iterator[bytes], file_format: str) -> None:
        self._chunks = chunks
        first = next(chunks, b"")  # what fails at the beginning is told as ever
        name = f'attachment; filename="trades.{file_format}"'
        headers = {"Content-Disposition": name, "Cache-Control": "private, no-store"}
        super().__init__(self._all(first), 200, headers, MEDIA_TYPES[file_format])

    def _all(self, first: bytes) -> Iterator[bytes]:
        try:
            yield first
            yield from self._chunks
        finally:
            self._chunks.close()  # type: ignore[attr-defined]


@router.get("/export", response_class=Response, responses=FILE | refusals(404, 409), summary="Export trades")
def export(
    host: HostDep,
    settings: SettingsDep,
    caller: CallerDep,
    start: StarterDep,
    query: Annotated[ExportQuery, Query()],
) -> Response:
    """The trades that match, by the time they were proposed; the same files as those of `export_trades`."""
    selection, file_format = query.select(caller), query.file_format
    engine = host.engine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        large = has_more_trades(connection, selection, settings.api_export_rows)
    if large:
        if not settings.export_locations:
            words = "More trades match than are exported at once, and no place for larger exports is set."
            raise ApiError(409, words)
        return start(None, _plan(selection, file_format))
    try:
        return _Export(stream_trades(engine, selection, file_format), file_format)
    except TooManyExportsError as error:
        raise ApiError(429, f"Too much: {error}.", headers={"Retry-After": RETRY_AFTER}) from None


def _plan(selection: TradeSelection, file_format: str) -> Any:
    try:
        form = as_export_form(selection, file_format)
    except ValueError as error:
        raise wrong_parameter("startDate", str(error)) from None

    def plan(_: Connection) -> Work:
        return Work("export_trades", form, selection.user)

    return plan
