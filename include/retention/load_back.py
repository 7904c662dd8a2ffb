"""Rows out of the archive, back into their table."""

import hashlib
import logging
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.database import composed_sql, copy_frame, sql
from include.retention.archive import VERSION, RetentionError
from include.retention.parquet import read_parquet
from include.storage import Storage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

logger = logging.getLogger(__name__)


def load_archived_rows(engine: Engine, storage: Storage, table: str, first: date, last: date) -> int:
    """Put the archived rows of the days `first` to `last` (UTC, both included) back; give their number.

    Rows that are in the table again are left alone, so doing it twice changes nothing. Of a row that was
    archived more than once, the last comes back. What is loaded back is over its time: the next cleaning
    archives it anew.

    The table may have changed since: a column that is new gets its default, a generated one is computed anew,
    and what stands in a column that the table no longer has stays in the archive, which the log says.

    Raises:
        RetentionError: nothing is archived of these days, a file is not what was archived, or its rows do not
            fit the table as it is now; what was loaded of earlier files stays.
    """
    import pyarrow.compute as pc

    loaded = 0
    with engine.connect() as connection:
        writable = set(connection.execute(sql("retention/list_writable_columns"), {"table": table}).scalars())
    for file, digest in _files(engine, table, first, last):
        body = b"".join(storage.read(file))
        if hashlib.sha256(body).hexdigest() != digest:
            raise RetentionError(f"{file} is not what was archived; it is not loaded")
        rows = read_parquet(body)
        with engine.begin() as connection:
            if table == "market_candles" and rows.num_rows:
                times = pc.min_max(rows["timestamp"]).as_py()
                hull = {"firsts": [times["min"]], "lasts": [times["max"]]}
                connection.execute(sql("candles/ensure_partitions"), hull)
            loaded += _insert(connection, table, file, _as_text(rows), writable)
    return loaded


def _insert(connection: Connection, table: str, file: str, rows: "pd.DataFrame", writable: set[str]) -> int:
    """Insert the columns that the file and the table have in common; give the number of new rows."""
    columns = [name for name in rows.columns if name in writable]
    gone = [name for name in rows.columns if name not in writable and name != VERSION]
    if gone:
        logger.warning("%s: not brought back, for %s cannot take it now: %s", file, table, ", ".join(gone))
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in columns)
    try:
        connection.execute(
            text(f"CREATE TEMPORARY TABLE loaded ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")
        )
        copy_frame(connection, "loaded", rows[columns])
        # They were counted when they were new: sql/functions/count_events.sql
        connection.execute(text("SELECT set_config('tradeops.loading_back', 'on', true)"))
        done = connection.execute(composed_sql("retention/insert_loaded_rows", table=table, names=names))
    except (DBAPIError, psycopg.Error) as error:
        said = str(getattr(error, "orig", error)).strip()
        raise RetentionError(f"{file} does not fit {table} as it is now: {said}") from error
    return done.rowcount


def _as_text(rows: "pa.Table") -> "pd.DataFrame":
    """Every column as text, as PostgreSQL reads it; floats keep their shortest exact form."""
    import pandas as pd
    import pyarrow as pa

    frame: pd.DataFrame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    for field in rows.schema:
        if pa.types.is_decimal(field.type):
            numbers = rows.column(field.name).to_pylist()
            frame[field.name] = [
                None if one is None else f"{one:f}".rstrip("0").rstrip(".") for one in numbers
            ]
    return frame


def _files(engine: Engine, table: str, first: date, last: date) -> Iterator[tuple[str, str]]:
    with engine.connect() as connection:
        found = connection.execute(
            sql("retention/list_archived_files"),
            {"table": table, "first": first, "last": last},
        ).all()
    if not found:
        raise RetentionError(f"nothing of {table} from {first} to {last} is in the archive")
    yield from ((file, sha256) for file, sha256 in found)
