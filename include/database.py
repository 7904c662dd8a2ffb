"""The one door to the platform's database: SQLAlchemy Core over psycopg 3, COPY, the migrations of `sql/`.

`python -m include.database migrate` brings the database of TRADEOPS_DATABASE_URL to the current schema. The
other words: `current`, `downgrade REVISION` (a number, or `base`).
"""

import functools
import os
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Executable, NullPool, TextClause, create_engine, event, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from include.actor import Actor
from include.pooled_connections import check_before_use
from include.strange_times import read_strange_times

if TYPE_CHECKING:
    import pandas as pd
    import psycopg

SQL = Path(__file__).parents[1] / "sql"
VERSION_TABLE = "tradeops_schema_version"
TIMESTAMPTZ = 1184  # the number of the type in PostgreSQL's catalogue, which never changes
COPY_ROWS = 100_000  # rows turned into text at a time
IDLE_IN_TRANSACTION = "25P03"  # the server ended this one session, and is well
ColumnKind = Literal["text", "number", "time"]  # what a column that is read with COPY holds
MIGRATION_LOCK_TIMEOUT = timedelta(minutes=1)  # for another migrator, or whoever uses the tables


class DatabaseError(RuntimeError):
    """The database cannot be reached, entered or migrated; the message says why and holds no password.

    Attributes:
        away: nobody gets in at this moment: no connection, no place, no login, or no such database.
        platform: it is the platform's own database, not another one that it speaks to beside it.
    """

    def __init__(self, words: str, *, away: bool = False, platform: bool = False) -> None:
        super().__init__(words)
        self.away = away
        self.platform = platform

    @property
    def shared_cause(self) -> Literal["database"] | None:
        """What many tasks fail of at once; None: this one is alone with it."""
        return "database" if self.away and self.platform else None


def compose_url(
    host: str, port: int | None, name: str, login: str, password: str, options: Mapping[str, Any]
) -> str:
    """Compose a database's URL, as SQLAlchemy and libpq both read it. It holds the password.

    The host may be a name, several with commas, an address (also of IPv6, with or without brackets) or the
    folder of a socket; the port is that of each.
    """
    address, options = host, dict(options)
    if host.startswith("/") or "," in host:  # a folder would be the path of the URL
        ports = {"port": ",".join([str(port)] * len(host.split(",")))} if port else {}
        address, port, options = "", None, {"host": host, **ports, **options}
    elif ":" in host and not host.startswith("["):
        address = f"[{host}]"
    who = quote(login, safe="") + (f":{quote(password, safe='')}" if password else "")
    query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in options.items())
    url = f"postgresql://{who}@{address}{f':{port}' if port else ''}/{quote(name, safe='')}"
    return f"{url}?{query}" if query else url


def connect(
    url: str,
    *,
    application: str,
    statement_timeout: timedelta = timedelta(seconds=60),
    lock_timeout: timedelta = timedelta(seconds=10),
    idle_in_transaction_timeout: timedelta = timedelta(minutes=5),
    pool_size: int = 5,
    platform: bool = False,
    actor: Actor | None = None,
) -> Engine:
    """Make the engine for a database. Nothing is contacted before its first use.

    Every session speaks UTC, compiles nothing (statements here are shorter) and is named `application`.
    Connections are checked before use, at most `pool_size` are open, and a failure to connect is raised as
    DatabaseError. The values of a statement stay out of error messages. A time or date that Python cannot
    hold is read as a StrangeTime or StrangeDate, so that one odd row never fails the reading of all others.

    Args:
        url: `postgresql://` or `postgres://`, with or without a driver's name; `?sslmode=…` and such pass.
        application: who is asking, at most 63 bytes.
        statement_timeout, lock_timeout: the server ends a statement after this, or that waits so long.
        idle_in_transaction_timeout: the server ends a session whose transaction lies idle for so long.
        pool_size: connections at most; 0 opens and closes one at each use.
        platform: it is the platform's own database, without which nothing works; its errors say so.
        actor: for whom it is, as the audit trail of trades names it; None: the role that logs in.

    Raises DatabaseError when the URL is none of a PostgreSQL database.
    """
    target = _parse(url)
    limits = {
        "statement_timeout": statement_timeout,
        "lock_timeout": lock_timeout,
        "idle_in_transaction_session_timeout": idle_in_transaction_timeout,
    }
    options = [str(target.query.get("options", "")), "-c timezone=UTC", "-c jit=off"]
    options += [f"-c {name}={int(limit.total_seconds() * 1000)}" for name, limit in limits.items()]
    options += [f"-c {actor.as_option()}"] if actor else []
    pool: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_recycle": 1800}
    engine = create_engine(
        target,
        connect_args={
            "application_name": application,
            "client_encoding": "utf8",  # a database in SQL_ASCII would give bytes
            "connect_timeout": 10,
            "options": " ".join(options).strip(),
        },
        hide_parameters=True,
        **(pool if pool_size else {"poolclass": NullPool}),
    )
    event.listen(engine, "handle_error", functools.partial(_say_why, target, platform))
    event.listen(engine, "connect", read_strange_times)
    check_before_use(engine)
    return engine


def _parse(url: str) -> URL:
    try:
        target = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError(
            "The database URL cannot be read; expected postgresql://role:password@host:port/database"
        ) from None
    if target.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseError(f"The database URL is for {target.get_backend_name()}; this needs postgresql://")
    if target.host and "@" in target.host:  # the rest of a password, which no message may show
        raise DatabaseError("The password in the database URL holds an @: write it as %40")
    return target.set(drivername="postgresql+psycopg")


def _say_why(target: URL, platform: bool, context: ExceptionContext) -> None:
    """Turn a failure to connect into words; other errors pass, and a lost connection says whose it was."""
    if context.connection is not None or context.is_pre_ping:
        # A statement's error; or a stale connection, which the pool replaces.
        if context.is_disconnect:
            idled = getattr(context.original_exception, "sqlstate", None) == IDLE_IN_TRANSACTION
            lost = "database" if platform and not idled else None
            context.original_exception.shared_cause = lost  # type: ignore[attr-defined]
        return
    place = f"{target.database!r} at {target.host}:{target.port or 5432}"
    said = " ".join(str(context.original_exception).split())
    if re.search(
        r"authentication failed|no password supplied|role .* does not exist|no pg_hba.conf entry"
        r"|permission denied for database",
        said,
    ):
        why = f"The database {place} does not let role {target.username!r} in. Check the connection's login."
    elif re.search(r"database .* does not exist", said):
        why = f"There is no database {place}. Create it, or correct the connection."
    elif "too many" in said or "remaining connection slots" in said:
        why = f"The database {place} has no connection left. Raise max_connections or lower the pools."
    else:
        why = f"The database {place} cannot be reached. Is it running, and is the connection's host right?"
    words = f"{why} It said: {said}"
    raise DatabaseError(words, away=True, platform=platform) from context.original_exception


@functools.cache
def sql(name: str) -> TextClause:
    """Load the statement of `sql/queries/<name>.sql`, with `:parameters`. It knows its name: option `query`.

    Raises:
        LookupError: there is no such file.
    """
    path = SQL / "queries" / f"{name}.sql"
    if not path.is_file():
        raise LookupError(f"There is no query {name!r}: {path} is missing")
    return text(path.read_text()).execution_options(query=name)


def composed_sql(name: str, **parts: str) -> TextClause:
    """Load a statement as `sql` does and fill in its `{parts}`: names and pieces of SQL that are quoted.

    Values never go this way: they are `:parameters`.
    """
    statement = sql(name).text.format(**parts)
    return text(statement).execution_options(query=name)


def statement_timeout(connection: Connection, duration: timedelta) -> None:
    """Let the server end each statement of this transaction after a duration, whatever the session has."""
    milliseconds = str(round(duration.total_seconds() * 1000))
    connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": milliseconds})


def read_frame(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> "pd.DataFrame":
    """Read the rows of a statement into a frame: a column of the result a column, a plain index.

    Columns of type `timestamp with time zone` are tz-aware UTC in microseconds, NULL is NaT, also when there
    are no rows. The other columns are as pandas makes them of what the driver gives: cast `numeric` to
    `double precision` in the statement for floats.
    """
    import pandas as pd

    rows = connection.execute(statement, parameters or {})
    names = list(rows.keys())
    times = [column.name for column in rows.cursor.description if column.type_code == TIMESTAMPTZ]  # type: ignore[attr-defined]
    frame = pd.DataFrame(rows.mappings().all(), columns=names)
    for name in times:
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    return frame


def read_columns(
    connection: Connection,
    statement: TextClause,
    parameters: Mapping[str, Any],
    columns: Mapping[str, ColumnKind],
    *,
    in_blocks: bool = False,
) -> "pd.DataFrame":
    """Read many rows with COPY, in a tenth of what `read_frame` takes for them.

    `columns` names the columns of the result in their order, and what each holds: text, where NULL is NaN and
    not the empty text; number, in any type of the server, float64 here and NULL NaN; time, with a time zone
    and of the years 1 to 9999, tz-aware UTC in microseconds. `in_blocks`: the statement gives texts of many
    lines of CSV, texts in quotes; that halves the client's work.
    """
    import pyarrow as pa
    from pyarrow import csv

    arrow = {"text": pa.string(), "number": pa.float64(), "time": pa.timestamp("us", "UTC")}
    types = {name: arrow[kind] for name, kind in columns.items()}
    compiled = statement.compile(dialect=connection.dialect)
    copied = f"COPY ({compiled}) TO STDOUT (FORMAT {'binary' if in_blocks else 'csv'})"
    with (
        pa.BufferOutputStream() as sink,
        _driver(connection).cursor() as cursor,
        cursor.copy(copied, {**compiled.params, **parameters}) as copy,
    ):
        for block in (part for (lines,) in copy.rows() for part in (lines, b"\n")) if in_blocks else copy:
            sink.write(block)
        rows = sink.getvalue()
    options = csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    table = pa.schema(types.items()).empty_table()
    if rows.size:
        forms = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
        table = csv.read_csv(pa.BufferReader(rows), csv.ReadOptions(column_names=list(types)), forms, options)
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


def storable(value: str) -> str:
    """Give a text, or JSON, without the zero byte and half characters, which PostgreSQL refuses."""
    return value.replace("\x00", "�").replace("\\u0000", "�").encode("utf-8", "replace").decode("utf-8")


def copy_frame(
    connection: Connection, table: str, frame: "pd.DataFrame", constants: Mapping[str, str] | None = None
) -> None:
    """Append the rows of a frame to a table with COPY, in the connection's transaction; commit as ever.

    The frame's columns name the table's, and `constants` those that hold one text; the index is not written.
    Floats are written as their shortest exact text, NaN, NaT and None as NULL; write UUIDs and JSON as text.
    `table` may be `schema.table` or a temporary table.

    Raises psycopg.Error: a row is refused, none is stored; ValueError: naive times, durations, objects.
    """
    import pyarrow as pa
    from psycopg import sql as composed
    from pyarrow import compute as pc
    from pyarrow import csv

    # Each by itself, which costs less than `Table.from_pandas`.
    columns = {str(name): pa.array(values, from_pandas=True) for name, values in frame.items()}
    columns |= {name: pa.repeat(value, len(frame)) for name, value in (constants or {}).items()}
    for name, values in columns.items():
        if pa.types.is_timestamp(values.type) and values.type.tz:  # twenty times as quick without the zone
            plain = values.cast(pa.timestamp(values.type.unit)).cast(pa.string())
            columns[name] = pc.binary_join_element_wise(plain, "Z", "")
        elif pa.types.is_timestamp(values.type) or pa.types.is_duration(values.type):
            what = "durations" if pa.types.is_duration(values.type) else "times without a time zone"
            raise ValueError(f"the column {name} of the rows for {table} holds {what}")
    statement = composed.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        composed.Identifier(*table.split(".")), composed.SQL(", ").join(map(composed.Identifier, columns))
    )
    if not connection.in_transaction():
        connection.begin()  # SQLAlchemy does not see COPY, so it would not commit
    with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        for rows in pa.table(columns).to_batches(COPY_ROWS):
            csv.write_csv(rows, buffer := pa.BufferOutputStream(), csv.WriteOptions(include_header=False))
            copy.write(buffer.getvalue().to_pybytes())


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def migrate(url: str) -> list[str]:
    """Bring the database to the current schema, in one transaction; answer with a line for each step taken.

    Numbered migrations first, then functions and views whose file has changed, then grants. Called on a
    current database, it changes nothing and answers with no lines. A second migrator waits for the first.

    Raises DatabaseError: the database cannot be reached, or a migration failed; then nothing has changed.
    """
    return _run_migrations(url, "up", "head")


def downgrade(url: str, target: str) -> list[str]:
    """Take the schema back to a revision (`0002`, or `base` for nothing); answer with a line for each step.

    Drops the functions and views too: `migrate` of the code that fits the older schema brings its own.

    Raises DatabaseError: as `migrate`, or a table that would go holds rows.
    """
    return _run_migrations(url, "down", target)


def revision(url: str) -> str | None:
    """The number of the last migration that the database has, None when it has none."""
    from alembic.migration import MigrationContext

    engine = connect(url, application="tradeops migrations", pool_size=0)
    with engine.connect() as connection:
        return MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        ).get_current_revision()


def schema_revision(connection: Connection) -> str | None:
    """The number of the last migration, as `revision`, over a connection that is open already."""
    number: str | None = connection.execute(
        text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own constant
    ).scalar()
    return number


def _run_migrations(url: str, direction: str, target: str) -> list[str]:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from psycopg import Error as DriverError

    engine = connect(
        url,
        application="tradeops migrations",
        statement_timeout=timedelta(hours=1),
        lock_timeout=MIGRATION_LOCK_TIMEOUT,
        pool_size=0,
    )
    steps: list[str] = []
    config = Config()
    config.set_main_option("script_location", str(SQL / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes.update(connection=connection, direction=direction, say=steps.append)
            (command.upgrade if direction == "up" else command.downgrade)(config, target)
    except DatabaseError:
        raise
    except (DBAPIError, DriverError, CommandError, RuntimeError) as error:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        after = f" after '{steps[-1]}'" if steps else ""
        raise DatabaseError(f"The migration failed{after}; nothing has changed. It said: {said}") from error
    return steps


def main(arguments: list[str]) -> None:
    """Run the command line: print a line for each step, or leave with the reason."""
    url = os.environ.get("TRADEOPS_DATABASE_URL")
    if not url:
        sys.exit("Set TRADEOPS_DATABASE_URL to postgresql://role:password@host:port/database")
    try:
        match arguments:
            case ["migrate"]:
                lines = migrate(url) or [f"nothing to do: the schema is at {revision(url)}"]
            case ["downgrade", target]:
                lines = downgrade(url, target)
            case ["current"]:
                lines = [revision(url) or "no migration yet"]
            case _:
                sys.exit("usage: python -m include.database migrate | current | downgrade REVISION")
    except DatabaseError as error:
        sys.exit(str(error))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
