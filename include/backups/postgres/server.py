"""The databases of a server: made beside each other, swapped by renaming, dropped only by name.

All of it needs a role that may create databases and may act for the owner of the old one; a platform's own
role usually may not. Names are quoted.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Error as DriverError
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from include.backups.manifest import BackupError
from include.backups.postgres.sessions import end_sessions
from include.database import DatabaseError, connect, sql

# CREATE DATABASE waits for a checkpoint, DROP DATABASE removes every file.
ADMIN_TIMEOUT = timedelta(minutes=10)
MAX_NAME_LENGTH = 63  # bytes of an identifier
# Settings that PostgreSQL keeps as a list of quoted names (GUC_LIST_QUOTE; the list is pg_dump's own).
LIST_SETTINGS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
LOCALE_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}  # who sorts, in pg_database and in SQL
LIST_ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Named:
    """A database of the server; the size is 0 where this login may not look into it."""

    name: str
    owner: str
    size: int


def with_database(url: str, name: str) -> str:
    """The same login at the same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def database_of(url: str) -> str:
    """The name of the database that a URL names."""
    return make_url(url).database or ""


def host_of(url: str) -> str:
    """The host that a URL names; empty: a local socket."""
    return make_url(url).host or str(make_url(url).query.get("host", ""))


def derived_name(name: str, word: str, at: datetime) -> str:
    """A name for a database beside another one: `tradeops_before_20261121T040000Z`."""
    return _with_ending(name, f"_{word}_{at.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def is_derived(name: str, original: str, word: str) -> bool:
    """Whether a name was made by `derived_name` from this original and word.

    The whole original counts: `tradeops_before_…` is not of `tradeops_staging`, its neighbour on the server.
    """
    found = re.fullmatch(rf".+(_{word}_\d{{8}}T\d{{6}}Z)", name)
    return found is not None and name == _with_ending(original, found[1])


def _with_ending(name: str, ending: str) -> str:
    """The name cut so that both fit into an identifier."""
    return name.encode()[: MAX_NAME_LENGTH - len(ending)].decode("utf-8", "ignore") + ending


def connection_role(url: str) -> str:
    """The role that a URL logs in as.

    Raises:
        BackupError: it names none.
    """
    role = make_url(url).username
    if not role:
        raise BackupError("The database connection names no login, which would own the restored database.")
    return role


@contextmanager
def administer(admin_url: str) -> Iterator[Connection]:
    """Open a connection on which databases can be made and renamed.

    Raises:
        DatabaseError: the server cannot be reached.
    """
    engine: Engine = connect(
        admin_url, application="tradeops:restore", statement_timeout=ADMIN_TIMEOUT, pool_size=0
    )
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection
    finally:
        engine.dispose()


def list_databases(connection: Connection) -> dict[str, Named]:
    """Every database that may be connected to or was kept, by name."""
    rows = connection.execute(sql("backups/list_databases"))
    return {row.datname: Named(row.datname, row.owner, row.size) for row in rows}


def server_major(connection: Connection) -> int:
    """18 of 18.4."""
    number: int = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
    return number // 10_000


def may_create(connection: Connection) -> bool:
    """Whether this role may make databases."""
    found: bool = connection.execute(
        text("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
    ).scalar_one()
    return found


def read_shape(connection: Connection, name: str) -> dict[str, str]:
    """What a database has from its birth: encoding, who sorts and how; empty: there is no such database."""
    row = connection.execute(
        sql("backups/describe_shape"),
        {"name": name},
    ).one_or_none()
    return {} if row is None else {key: value for key, value in row._mapping.items() if value is not None}


def create_beside(
    connection: Connection, name: str, owner: str, like: str | None, shape: Mapping[str, str] | None = None
) -> None:
    """Make an empty database; encoding and sorting order are those of `shape`, or else of database `like`.

    Settings, grants, tablespace and the limit of connections are those of `like`, if there is one.

    Raises:
        BackupError: there is a database of this name already, or the server cannot make one of this shape.
    """
    there = list_databases(connection)
    if name in there:
        raise BackupError(f"There is a database {name} already. Drop it, or wait for its restore to end.")
    parts = [
        SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(Identifier(name), Identifier(owner))
    ]
    shape = shape or (read_shape(connection, like) if like is not None else {})
    parts += [SQL(f"{word} {{}}").format(Literal(value)) for word, value in _in_sql(shape)]
    if like in there:
        row = connection.execute(
            sql("backups/read_limits"),
            {"name": like},
        ).one()
        if row.spcname != "pg_default":  # whose name alone would ask for a right that nobody else has
            parts.append(SQL("TABLESPACE {}").format(Identifier(row.spcname)))
        parts.append(SQL("CONNECTION LIMIT {}").format(Literal(row.datconnlimit)))
    try:
        _run(connection, SQL(" ").join(parts))
    except DriverError as error:
        raise BackupError(
            f"The server cannot make a database of the role {owner}, with the encoding and the sorting order "
            f"of the backup ({', '.join(f'{word} {value}' for word, value in shape.items()) or 'its own'}). "
            f"It said: {_said(error)}"
        ) from error
    if like in there:
        try:
            _copy_settings(connection, str(like), name)
        except DriverError as error:
            raise BackupError(
                f"The login of postgres_admin cannot give the settings and grants of {like} to another "
                f"database. It said: {_said(error)}. Let a superuser be postgres_admin for the restore."
            ) from error


def _in_sql(shape: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The options of CREATE DATABASE; without a shape UTF8, sorted as the server does."""
    yield "ENCODING", shape.get("encoding", "UTF8")
    if "collate" in shape:
        yield "LC_COLLATE", shape["collate"]
        yield "LC_CTYPE", shape["ctype"]
    provider = LOCALE_PROVIDERS.get(shape.get("provider", ""))
    if provider:
        yield "LOCALE_PROVIDER", provider
    if "locale" in shape:
        yield ("BUILTIN_LOCALE" if provider == "builtin" else "ICU_LOCALE"), shape["locale"]
    if "rules" in shape:
        yield "ICU_RULES", shape["rules"]


def connection_limit(connection: Connection, name: str) -> int:
    """How many sessions a database takes; -1: any number."""
    found: int = connection.execute(
        text("SELECT datconnlimit FROM pg_database WHERE datname = :name"), {"name": name}
    ).scalar_one()
    return found


def limit_connections(connection: Connection, name: str, limit: int) -> None:
    """Let a database take so many sessions; -1: any number."""
    _run(connection, SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(Identifier(name), Literal(limit)))


def check_same_server(connection: Connection, url: str) -> None:
    """Refuse when the database of a URL is of another server than this connection; one that is gone passes.

    Raises:
        BackupError: they are two servers.
    """
    try:
        with administer(url) as other:
            there = identity_of(other)
    except DatabaseError:
        return  # it may be what is to be restored; a database that is made beside it will be looked for
    here = identity_of(connection)
    if here and there and here != there:
        raise BackupError(
            f"the connection postgres_admin leads to another server than {database_of(url)} at "
            f"{host_of(url)}: a restore needs a login of the very server that the database is on. Correct "
            "postgres_admin."
        )


def identity_of(connection: Connection) -> str | None:
    """What tells one cluster from another; None where this login may not ask."""
    try:
        found = connection.execute(text("SELECT system_identifier::text FROM pg_control_system()"))
        return str(found.scalar_one())
    except DBAPIError:
        return None


def drop(connection: Connection, name: str) -> None:
    """Drop a database and end the sessions in it; one that is not there is no error."""
    _run(connection, SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def swap(connection: Connection, current: str, fresh: str, kept: str) -> None:
    """Give `fresh` the name `current`, and what had it the name `kept`; both or neither.

    New sessions are kept out and those in `current` are ended before it; afterwards `kept` lets nobody in but
    superusers, so that nobody goes on writing into the past unnoticed. Without a database `current`, `fresh`
    just takes its name.

    Raises:
        BackupError: sessions would not end, and which; then all is as it was.
    """
    if current not in list_databases(connection):
        _run(connection, SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(fresh), Identifier(current)))
        return
    _allow(connection, current, allow=False)
    try:
        end_sessions(connection, [current, fresh])
        _run(  # one message is one transaction: there is no moment without a database of this name
            connection,
            SQL("ALTER DATABASE {} RENAME TO {}; ALTER DATABASE {} RENAME TO {}").format(
                Identifier(current), Identifier(kept), Identifier(fresh), Identifier(current)
            ),
        )
    except DriverError as error:
        _allow(connection, current, allow=True)
        raise BackupError(
            f"{current} was not renamed, and is as it was. The server said: {_said(error)}"
        ) from error
    except BaseException:
        _allow(connection, current, allow=True)
        raise


def _allow(connection: Connection, name: str, *, allow: bool) -> None:
    _run(
        connection,
        SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(Identifier(name), Literal(allow)),
    )


def _copy_settings(connection: Connection, source: str, target: str) -> None:
    settings = connection.execute(
        sql("backups/list_settings"),
        {"name": source},
    )
    for row in settings.all():
        name, _, value = row.setting.partition("=")
        change = SQL("SET {} = {}").format(Identifier(name), _setting_value(name, value))
        if row.role is None:
            _run(connection, SQL("ALTER DATABASE {} {}").format(Identifier(target), change))
            continue
        command = SQL("ALTER ROLE {} IN DATABASE {} {}").format(
            Identifier(row.role), Identifier(target), change
        )
        try:
            _run(connection, command)
        except InsufficientPrivilege:  # it takes CREATEROLE; a restore must not fail for want of it
            logger.warning("not allowed, so do it by hand after the restore: %s", command.as_string())
    _copy_grants(connection, source, target)


def _setting_value(name: str, value: str) -> Composable:
    """What stands behind SET. A list keeps its elements apart: as one literal it would be one odd name."""
    if name.lower() not in LIST_SETTINGS:
        return Literal(value)
    elements = [
        quoted.replace('""', '"') if quoted else plain for quoted, plain in LIST_ELEMENT.findall(value)
    ]
    return SQL(", ").join(map(Literal, elements or [""]))


def _copy_grants(connection: Connection, source: str, target: str) -> None:
    """Give the target the grants of the source, also where PUBLIC has fewer than in a new database.

    Without an access list (null) the source is as new ones are.
    """
    grants = connection.execute(
        sql("backups/list_grants"),
        {"name": source},
    )
    listed: bool = connection.execute(
        text("SELECT datacl IS NOT NULL FROM pg_database WHERE datname = :name"), {"name": source}
    ).scalar_one()
    if listed:
        _run(connection, SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(target)))
    for grant in grants.all():
        _run(
            connection,
            SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                SQL(grant.privilege),
                Identifier(target),
                SQL("PUBLIC") if grant.role is None else Identifier(grant.role),
                SQL(" WITH GRANT OPTION" if grant.is_grantable else ""),
            ),
        )


def _said(error: DriverError) -> str:
    return " ".join(str(error).split())


def _run(connection: Connection, command: Composable) -> None:
    connection.connection.driver_connection.execute(command)  # type: ignore[union-attr]
