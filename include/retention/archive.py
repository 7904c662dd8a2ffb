"""Rows of a table go into the archive, are proven there, and only then deleted: one batch a file.

A batch goes through three states in `archived_batches`. `writing`: its file may be anything, and is thrown
away when nobody is at it. `written`: the file was read back and equals the rows. `deleted`: so they are gone.
Rows are deleted by the keys that stand in the file, so that what arrives late is never deleted unarchived,
and by their version, xmin: a row that was changed since it was read stays, and is archived anew.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.database import composed_sql, schema_revision, sql
from include.retention.parquet import arrow_schema, is_text, read_parquet, to_table, write_parquet
from include.retention.rules import Rule
from include.storage import Storage
from include.strange_times import strange_time

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "xmin"  # the transaction that wrote a row as it is, PostgreSQL's own column
LOCK_NOT_AVAILABLE = "55P03"


class RetentionError(RuntimeError):
    """Rows could not be archived, or their archive does not equal them; none of them is deleted."""


class TableInUseError(RetentionError):
    """Somebody reads a table that is to go; a backup does so from its start to its end."""


@dataclass(frozen=True)
class CleaningLimits:
    """How much is done at once, and how long is waited."""

    file_rows: int = 50_000
    rows_deleted_at_once: int = 5_000  # in a transaction, so that nobody waits long for its locks
    lock_wait: timedelta = timedelta(seconds=1)  # for the lock of a whole partition
    pause: timedelta = timedelta(minutes=1)  # before a month that somebody reads is tried again


@dataclass
class Cleaned:
    """What one call did to one table; `left` says that it stopped before all was done."""

    table: str
    archived: int = 0  # rows
    deleted: int = 0
    files: int = 0
    left: bool = False


class RowArchive:
    """The batches of one table, or of one detached partition."""

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        rule: Rule,
        table: str,
        run_url: str,
        limits: CleaningLimits = CleaningLimits(),
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._storage = storage
        self._rule = rule
        self.table = table
        self._run_url = run_url
        with engine.connect() as connection:
            self._columns = _columns(connection, table)
            if not rule.by_partition:
                self._columns[VERSION] = "xid"
            about = {"table": table, "schema_revision": schema_revision(connection) or ""}
        self._schema = arrow_schema(self._columns, about)

    def next_rows(self, cutoff: datetime, after: Sequence[Any] | None = None) -> "pa.Table | None":
        """Read the next batch in the order of the archive: rows of one day (UTC), before `cutoff`.

        `after` is the key behind which to go on; None begins at the oldest row.
        """
        quote = self._engine.dialect.identifier_preparer.quote  # an adopted table may have a "userId"
        columns = ", ".join(
            f"{quote(name)}::text AS {quote(name)}" if is_text(kind) else quote(name)
            for name, kind in self._columns.items()
        )
        order = ", ".join(self._rule.order)
        behind = ""
        values: dict[str, Any] = {"cutoff": cutoff, "limit": self._limits.file_rows}
        if after is not None:
            marks = ", ".join(f":after_{number}" for number in range(len(after)))
            behind = f"AND ({order}) > ({marks})"
            values |= {f"after_{number}": value for number, value in enumerate(after)}
        parts = {"table": self.table, "time": self._rule.time_column, "behind": behind}
        with self._engine.connect() as connection:
            oldest = composed_sql("retention/find_oldest_row", **parts)
            first = connection.execute(oldest, values).scalar_one()
            if first is None:
                return None
            # What lies before every calendar is read as its first day, EARLIEST, and goes with that.
            values["day_end"] = min(cutoff, _midnight(first.date()) + timedelta(days=1))
            following = composed_sql("retention/read_rows", columns=columns, order=order, **parts)
            rows = connection.execute(following, values).all()
        return to_table([tuple(row) for row in rows], self._schema)

    def write(self, rows: "pa.Table", done: Cleaned) -> UUID:
        """Write a batch to the archive, read it back and compare; give its id.

        Raises:
            RetentionError: what was read back is not what was written, or another run took the batch over.
        """
        last = {name: rows.column(name)[-1].as_py() for name in self._rule.order}
        day = _day_of(last[self._rule.time_column])
        id = uuid4()
        file = f"{self._rule.table}/day={day}/{id}.parquet"
        with self._engine.begin() as connection:
            connection.execute(
                sql("retention/begin_batch"),
                {
                    "id": id, "table": self.table, "file": file, "day": day, "rows": rows.num_rows,
                    "last": json.dumps(list(last.values()), default=str), "run_url": self._run_url,
                },
            )  # fmt: skip
        body = write_parquet(rows)
        stored = self._storage.write(file, [body])
        digest = hashlib.sha256(body).hexdigest()
        back = b"".join(self._storage.read(file))
        if stored.sha256 != digest or hashlib.sha256(back).hexdigest() != digest:
            raise RetentionError(f"{file} came back from the storage with other bytes; no row is deleted")
        if not read_parquet(back).equals(rows, check_metadata=False):
            raise RetentionError(f"{file} does not equal the rows of {self.table}; no row is deleted")
        with self._engine.begin() as connection:
            noted = connection.execute(
                sql("retention/note_batch_written"), {"id": id, "bytes": len(body), "sha256": digest}
            )
        if noted.rowcount != 1:
            self._storage.delete(file)  # written after the other run removed it, maybe; nobody knows of it
            raise RetentionError(f"another run has thrown {file} away meanwhile; no row is deleted")
        done.archived += rows.num_rows
        done.files += 1
        return id

    def read(self, id: UUID) -> "pa.Table":
        """Read a batch from the archive.

        Raises:
            RetentionError: the file is not what was written.
        """
        with self._engine.connect() as connection:
            file, digest = connection.execute(
                text("SELECT file, sha256 FROM archived_batches WHERE id = :id"), {"id": id}
            ).one()
        body = b"".join(self._storage.read(file))
        if hashlib.sha256(body).hexdigest() != digest:
            raise RetentionError(f"{file} is not what was archived; the rows of {self.table} stay")
        return read_parquet(body)

    def delete(self, id: UUID, rows: "pa.Table", done: Cleaned) -> None:
        """Delete the rows of a batch from their table, unless changed since, in short transactions."""
        known = [*self._rule.order, VERSION] if VERSION in rows.column_names else self._rule.order
        kinds = {name: self._columns[name] for name in known}  # an older release's file has no version
        names = ", ".join(kinds)
        same = " AND ".join(f"{self.table}.{name} = archived.{name}" for name in kinds)
        values = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in kinds.items())
        statement = composed_sql(
            "retention/delete_archived_rows",
            table=self.table,
            names=names,
            values=values,
            same=same,
            time=self._rule.time_column,
        )
        at_once = self._limits.rows_deleted_at_once
        for start in range(0, rows.num_rows, at_once):
            part = rows.select(list(kinds)).slice(start, at_once).to_pydict()
            times = part[self._rule.time_column]
            with self._engine.begin() as connection:
                deleted = connection.execute(statement, {**part, "first": times[0], "last": times[-1]})
            done.deleted += deleted.rowcount
        self._note_deleted(id)

    def forget_unfinished(self) -> list[UUID]:
        """Throw away the batches that were not written whole; give those whose rows are not deleted yet."""
        with self._engine.connect() as connection:
            left = connection.execute(sql("retention/list_unfinished_batches"), {"table": self.table}).all()
        for id, file, state in left:
            if state == "writing":
                self._throw_away(id, file)
        return [id for id, _, state in left if state == "written"]

    def last_key(self) -> list[Any] | None:
        """The key behind which the next batch of a partition begins; None at its beginning."""
        with self._engine.connect() as connection:
            key: list[Any] | None = connection.execute(
                sql("retention/find_last_key"), {"table": self.table}
            ).scalar()
        return key

    def drop_table(self) -> int:
        """Drop the table, of which every row must be in the archive; give their number.

        Raises:
            RetentionError: the archive holds another number of rows.
            TableInUseError: somebody reads the table.
        """
        with self._engine.begin() as connection, short_wait(connection, self.table, self._limits.lock_wait):
            connection.execute(text(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE"))
            there = connection.execute(text(f"SELECT count(*) FROM {self.table}")).scalar_one()
            marked = connection.execute(sql("retention/note_partition_deleted"), {"table": self.table})
            archived = sum(marked.scalars())
            if archived != there:
                raise RetentionError(
                    f"{self.table} holds {there} rows and its archive {archived}; it is not dropped"
                )
            connection.execute(text(f"DROP TABLE {self.table}"))
        return int(there)

    def _throw_away(self, id: UUID, file: str) -> None:
        """Remove a batch that was not written whole, file and row.

        Who writes it may be alive, its lock lost with a connection. So the row is taken over first, by
        another id: from then on the writer cannot find it and deletes nothing, whatever becomes of this run.
        """
        with self._engine.begin() as connection:
            own = connection.execute(sql("retention/claim_unfinished_batch"), {"id": id}).scalar()
        if own is None:
            raise RetentionError(f"another run is writing {file}; this one leaves {self.table} alone")
        self._storage.delete(file)  # the row last: a file that nobody knows of would stay for ever
        with self._engine.begin() as connection:
            connection.execute(text("DELETE FROM archived_batches WHERE id = :id"), {"id": own})

    def _note_deleted(self, id: UUID) -> None:
        with self._engine.begin() as connection:
            connection.execute(sql("retention/note_batch_deleted"), {"id": id})


@contextmanager
def short_wait(connection: Connection, table: str, wait: timedelta) -> Iterator[None]:
    """Give up soon where a lock is not to be had: behind one that waits, all who want the table wait too.

    The connection is not used for anything else afterwards.

    Raises:
        TableInUseError: a statement did not get its lock.
    """
    connection.detach()  # from the pool; so nobody inherits the setting
    connection.execute(text(f"SET lock_timeout = {int(wait.total_seconds() * 1000)}"))
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        raise TableInUseError(f"{table} is in use, by a backup perhaps") from error


def _columns(connection: Connection, table: str) -> dict[str, str]:
    found = connection.execute(sql("retention/list_columns"), {"table": table})
    return {str(name): str(kind) for name, kind in found}


def _day_of(moment: datetime | str) -> date:
    """The day (UTC) of a row's time; of a time of no calendar, which is text, the nearest that there is."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).date()
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).date()
    except ValueError:
        return strange_time(moment).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
