"""What a database holds in one snapshot: rows and a checksum of each table, exact even while others write.

The snapshot is exported, and pg_dump reads in the same one: manifest and dump agree by construction.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from include.backups.manifest import BackupError
from include.backups.postgres.facts import DatabaseFacts, TableFacts
from include.backups.postgres.schema import read_objects
from include.backups.postgres.server import read_shape
from include.database import connect, sql
from include.humanize import some_text

COUNT_TIMEOUT = timedelta(hours=12)  # one statement over the largest table
LOCK_TIMEOUT = timedelta(minutes=1)
MAX_TABLES_NAMED = 5  # tables that an error names
VERSION_TABLES = {"tradeops_schema_version": "version_num", "alembic_version": "version_num"}

# A checksum is of the rows as text: the session must write them the same way here and after a restore.
AS_TEXT = {
    "search_path": "pg_catalog",
    "row_security": "off",  # a hidden row is an error, never a smaller number
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "lc_monetary": "C",
}


@dataclass
class DatabaseSnapshot:
    """A snapshot that is held open: `id` is what `pg_dump --snapshot` takes."""

    id: str
    server_major: int
    database_size: int
    _connection: Connection = field(repr=False)
    _tables: list[str] = field(repr=False)
    _cancel: threading.Event = field(default_factory=threading.Event, repr=False)

    def describe(self, *, checksums: bool) -> DatabaseFacts:
        """Count and sum up the tables. May run in a thread beside the dump; `cancel` ends it."""
        connection = self._connection
        head = connection.execute(
            text("SELECT current_database(), current_setting('server_version'), :bytes"),
            {"bytes": self.database_size},
        ).one()
        revisions = {}
        for table, column in VERSION_TABLES.items():
            for name in self._tables:
                if name.endswith(f".{table}"):
                    query = f"SELECT {column} FROM {_escaped(name)}"  # noqa: S608
                    revisions[table] = ", ".join(sorted(connection.exec_driver_sql(query).scalars()))
        extensions = connection.exec_driver_sql("SELECT extname, extversion FROM pg_extension ORDER BY 1")
        return DatabaseFacts(
            database=head[0],
            server_version=head[1],
            size=head[2],
            revisions=revisions,
            extensions={row[0]: row[1] for row in extensions},
            shape=read_shape(connection, head[0]),
            objects=read_objects(connection),
            tables=self._measure(checksums),
            sequences=read_sequences(connection),
        )

    def cancel(self) -> None:
        """End what `describe` is doing, from another thread."""
        self._cancel.set()
        driver = self._connection.connection.driver_connection
        driver.cancel_safe(timeout=10)  # type: ignore[union-attr]

    def _measure(self, checksums: bool) -> dict[str, TableFacts]:
        measured = {}
        hashed = {row.name: row.columns for row in read_hashed(self._connection)}
        for name in self._tables:
            if self._cancel.is_set():
                raise BackupError("The count of rows was cancelled.")
            measured[name] = _measure_table(self._connection, name, hashed.get(name), checksums)
        return measured


@contextmanager
def hold_snapshot(url: str) -> Iterator[DatabaseSnapshot]:
    """Export a snapshot of the database and hold it until the end of the block.

    The tables are locked (ACCESS SHARE, as pg_dump does) before the snapshot is taken, so that no TRUNCATE,
    which snapshots do not see through, comes between the count and the dump.

    Raises:
        BackupError: the role would not see every row of every table; or a table is locked by others.
        DatabaseError: the database cannot be reached.
    """
    engine = connect(
        url,
        application="tradeops:backup",
        statement_timeout=COUNT_TIMEOUT,
        lock_timeout=LOCK_TIMEOUT,
        idle_in_transaction_timeout=timedelta(0),  # it lies idle for as long as pg_dump works
        pool_size=0,
    )
    with engine.connect() as connection:
        _set_text_form(connection)
        tables = list_tables(connection)
        connection.commit()
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            if tables:
                # In a transaction of this level the first SELECT takes the snapshot; LOCK TABLE does not.
                names = _escaped(", ONLY ".join(tables))
                connection.exec_driver_sql(f"LOCK TABLE ONLY {names} IN ACCESS SHARE MODE")
            identifier, version, size = connection.execute(sql("backups/export_snapshot")).one()
            yield DatabaseSnapshot(identifier, version // 10_000, size, connection, list_tables(connection))
    engine.dispose()


def measure_database(url: str, *, checksums: bool = True) -> DatabaseFacts:
    """What a manifest says of a database, rows and checksums of every table included, in one snapshot.

    Raises:
        BackupError, DatabaseError: as `hold_snapshot`.
    """
    with hold_snapshot(url) as snapshot:
        return snapshot.describe(checksums=checksums)


def list_tables(connection: Connection) -> list[str]:
    """Every ordinary table and partition outside of extensions, as `schema.table`.

    Raises:
        BackupError: the role may not read one, or row-level security would hide rows of one.
    """
    relations = connection.execute(sql("backups/list_relations")).all()
    _refuse(
        [row.name for row in relations if not row.readable],
        "The role of this connection may not read {names}. Grant it pg_read_all_data, or the ownership.",
    )
    _refuse(
        [row.name for row in relations if row.filtered],
        "Row-level security would hide rows of {names} from the role of this connection. Give it BYPASSRLS, "
        "or let the backup connect as the owner of the tables (without FORCE ROW LEVEL SECURITY).",
    )
    return [row.name for row in relations if not row.is_sequence]


def read_hashed(connection: Connection) -> Sequence[Row[Any]]:
    """The partitions whose rows a restore may put elsewhere: `name`, the `root` of all, and its `columns`."""
    return connection.execute(sql("backups/find_hashed_partitions")).all()


def read_sequences(connection: Connection) -> dict[str, int | None]:
    """The last value of each sequence; null: never used. Sequences know no snapshot: a dump may be ahead."""
    rows = connection.exec_driver_sql(
        "SELECT format('%%I.%%I', schemaname, sequencename), last_value FROM pg_sequences ORDER BY 1"
    )
    return {row[0]: row[1] for row in rows}


def _refuse(names: list[str], words: str) -> None:
    if names:
        raise BackupError(words.format(names=some_text(names, MAX_TABLES_NAMED)))


def _set_text_form(connection: Connection) -> None:
    for name, value in AS_TEXT.items():
        connection.execute(text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})


def _measure_table(connection: Connection, name: str, columns: str | None, checksums: bool) -> TableFacts:
    # hashtextextended is exact and the same on every machine; the sum (numeric) does not mind the order.
    # `t.*` is the row even where the table has a column t; a bare `t` would be that column.
    row = _escaped(columns or "t.*")
    total = f"sum(hashtextextended(ROW({row})::text, 0))::text" if checksums else "NULL"
    query = f"SELECT count(*), {total} FROM ONLY {_escaped(name)} AS t"  # noqa: S608
    rows, checksum = connection.exec_driver_sql(query).one()
    return TableFacts(rows=rows, checksum=(checksum or "0") if checksums else None)


def _escaped(names: str) -> str:
    return names.replace("%", "%%")  # the driver reads % as a placeholder
