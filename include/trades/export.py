"""Exports of trades with their results: streamed into files in a folder or an object store, with a manifest.

The manifest is written last and names every file: an export without one is not whole. Written again, an
export replaces its files.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Engine, text

from include.database import statement_timeout
from include.humanize import count_text
from include.storage import Storage, StorageError, check_key
from include.storage.streams import CountedStream
from include.trades.export_formats import (
    FORMATS,
    Column,
    copy_statement,
    count_strange_times,
    describe,
    encode,
    measure,
)
from include.trades.export_records import EXPORT_MANIFEST, export_file_key, recorded_export
from include.trades.results import sql_with_results
from include.trades.trade_filter import TradeFilter, TradeRequestError, read_names

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import SQL, Composed

logger = logging.getLogger(__name__)

EXPORT_TIME = timedelta(minutes=55)  # the server ends the one long statement after this


@dataclass(frozen=True)
class ExportFilter(TradeFilter):
    """Trades to export: also those of some statuses or timeframes; None: any."""

    statuses: tuple[str, ...] | None = None
    timeframes: tuple[str, ...] | None = None

    @classmethod
    def read(cls, form: Mapping[str, Any], today: date) -> Self:
        """Read what TradeFilter reads, `statuses` and `timeframes`; raises TradeRequestError as it does."""
        statuses, timeframes = read_names(form, "statuses"), read_names(form, "timeframes")
        return replace(super().read(form, today), statuses=statuses, timeframes=timeframes)

    def parameters(self) -> dict[str, Any]:
        """The filter for `export_trades`."""
        more = {"statuses": self.statuses, "timeframes": self.timeframes}
        return super().parameters() | {
            name: None if value is None else list(value) for name, value in more.items()
        }

    def as_json(self) -> dict[str, Any]:
        """The conditions that are given, in the form's words."""
        more = {"statuses": self.statuses, "timeframes": self.timeframes}
        return super().as_json() | {name: list(value) for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class ExportRequest:
    """What a person asks for."""

    trades: ExportFilter
    file_format: str  # one of FORMATS
    root: str  # the allowed location, as open_storage takes it
    folder: str  # below it: empty, or a/b

    @classmethod
    def read(cls, form: Mapping[str, Any], today: date, locations: Sequence[str]) -> Self:
        """Read a form: what ExportFilter reads, `format` and `location`. Raises TradeRequestError in words.

        `locations` are the roots below which an export may go (the setting `export_locations`); the first is
        the place when the form names none.
        """
        file_format = form.get("format") or "csv"
        if file_format not in FORMATS:
            raise TradeRequestError(f"format is {file_format!r}: choose of {', '.join(FORMATS)}")
        root, folder = choose_place(str(form.get("location") or "").strip(), locations)
        return cls(ExportFilter.read(form, today), file_format, root, folder)


def choose_place(asked: str, locations: Sequence[str]) -> tuple[str, str]:
    """Find the allowed root for the place that was asked for, and the folder below it; empty: the first root.

    Links are followed before a local place is compared. Raises TradeRequestError for one outside all of them.
    """
    if not locations:
        raise TradeRequestError("no place for exports is set: name one in the setting export_locations")
    if not asked:
        return locations[0], ""
    for root in locations:
        folder = _below(asked, root)
        if folder is not None:
            try:
                return root, folder and check_key(folder)
            except StorageError as error:
                raise TradeRequestError(str(error)) from None
    raise TradeRequestError(
        f"location {asked[:200]!r} is outside of the places for exports: {', '.join(locations)}"
    )


def _below(asked: str, root: str) -> str | None:
    """The path from the root to the place, None when it does not lie below."""
    remote = root.startswith("s3://")
    if remote != asked.startswith("s3://") or ".." in PurePosixPath(asked).parts:
        return None
    if remote:
        place, base = PurePosixPath(asked), PurePosixPath(root)
    else:
        paths = [path.removeprefix("file://") for path in (asked, root)]
        if not paths[0].startswith("/") or "\0" in paths[0]:
            return None
        place, base = (PurePosixPath(Path(path).resolve()) for path in paths)
    if not place.is_relative_to(base):
        return None
    below = place.relative_to(base).as_posix()
    return "" if below == "." else below


def export_trades(
    engine: Engine,
    storage: Storage,
    request: ExportRequest,
    name: str,
    *,
    file_rows: int,
    requested_by: str,
    run_url: str,
) -> dict[str, Any]:
    """Write the trades that fit to `<folder>/<name>/trades-00001.<format>`, …, then the manifest; give that.

    All files show the database at one moment. At most `file_rows` rows a file; one file without rows when
    nothing fits. Memory stays flat, whatever the number of trades. That it begins and how it ends is written
    down under the name, the run's id.

    Raises TradeRequestError when the filter names what no trade has, and include.storage.StorageError.
    """
    base = "/".join(
        part for part in (request.folder, re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")) if part
    )
    with recorded_export(
        engine,
        name,
        requested_by=requested_by,
        file_format=request.file_format,
        filter=request.trades.as_json(),
        root=request.root,
        folder=base,
        run_url=run_url,
    ) as written:
        manifest = _write_export(engine, storage, request, base, file_rows, requested_by, run_url)
        written["rows"], written["files"] = manifest["rows"], len(manifest["files"])
        written["bytes"] = sum(file["bytes"] for file in manifest["files"])
    return manifest | {"location": f"{storage.location}/{base}"}


def _write_export(
    engine: Engine,
    storage: Storage,
    request: ExportRequest,
    base: str,
    file_rows: int,
    requested_by: str,
    run_url: str,
) -> dict[str, Any]:
    storage.delete(f"{base}/{EXPORT_MANIFEST}")  # what is about to change is whole no more
    with engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as snapshot:
        statement_timeout(snapshot, EXPORT_TIME)
        moment = snapshot.execute(text("SELECT now()")).scalar_one()
        request.trades.check_known(snapshot)
        driver: Any = snapshot.connection.driver_connection
        with driver.cursor() as cursor:
            chosen, file_format = request.trades.parameters(), request.file_format
            statement, parameters, columns, odd = prepare_copy(snapshot, cursor, chosen, file_format)
            strange = count_strange_times(cursor, export_query(snapshot, chosen)[0], parameters, columns)
            with cursor.copy(statement, parameters) as copy:
                rows = (bytes(row) for row in copy)  # the protocol gives one row a message
                files = list(_write_files(storage, base, request.file_format, columns, rows, file_rows))
    manifest = {
        "format": request.file_format,
        "rows": sum(file["rows"] for file in files),
        "files": files,
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        "numbers_left_empty": odd,
        "times_left_empty": strange,
        "filter": request.trades.as_json(),
        "as_of": moment.isoformat(),
        "written_at": datetime.now(UTC).isoformat(),
        "requested_by": requested_by,
        "run_url": run_url,
    }
    _clear_former(storage, base, {file["key"] for file in files})
    storage.write(f"{base}/{EXPORT_MANIFEST}", [json.dumps(manifest, indent=2).encode()])
    logger.info(
        "%s written to %s/%s, in %s",
        count_text(manifest["rows"], "trade"),
        storage.location,
        base,
        count_text(len(files), "file"),
    )
    return manifest


def export_query(snapshot: Connection, chosen: Mapping[str, Any]) -> tuple["SQL", dict[str, Any]]:
    """Give the query of the rows of an export, and its parameters; `chosen` are those of the statement."""
    from psycopg.sql import SQL

    statement = sql_with_results(snapshot, "trades/export_trades").bindparams(**chosen)
    compiled = statement.compile(dialect=snapshot.dialect)
    return SQL(str(compiled)), dict(compiled.params)


def prepare_copy(
    snapshot: Connection, cursor: "psycopg.Cursor[Any]", chosen: Mapping[str, Any], file_format: str
) -> tuple["Composed", dict[str, Any], list[Column], int]:
    """Give the COPY with its parameters and columns, and how many numbers will be left empty."""
    from psycopg.sql import SQL

    query, parameters = export_query(snapshot, chosen)
    columns, odd = describe(cursor, query, parameters), 0
    if file_format == "parquet":
        columns, odd = measure(cursor, query, parameters, columns)
    statement = copy_statement(query, columns, SQL("trade.generated_at, trade.id"), file_format)
    return statement, parameters, columns, odd


def _write_files(
    storage: Storage,
    base: str,
    file_format: str,
    columns: list[Column],
    rows: Iterator[bytes],
    file_rows: int,
) -> Iterator[dict[str, Any]]:
    number, first = 0, next(rows, None)
    while first is not None or number == 0:
        number += 1
        counted = CountedStream(islice(chain([] if first is None else [first], rows), file_rows))
        key = export_file_key(base, number, file_format)
        stored = storage.write(key, encode(counted, columns, file_format))
        logger.info("%s: %s, %d bytes", key, count_text(counted.chunks, "row"), stored.size)
        yield {"key": key, "rows": counted.chunks, "bytes": stored.size, "sha256": stored.sha256}
        first = next(rows, None)


def _clear_former(storage: Storage, base: str, written: set[str]) -> None:
    """Delete files of an earlier try that this one did not replace."""
    for stored in list(storage.list(f"{base}/trades-")):
        if stored.key not in written:
            storage.delete(stored.key)
