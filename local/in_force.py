"""What is in force in the stack's Airflow: the connection of the platform's database, and the settings.

An operator may have changed both in the UI. The environment of Airflow's processes comes first, as it does
for tasks; then Airflow's database, whose secrets the stack's own key opens.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import psutil

from include.database import compose_url
from include.settings.reader import SettingsError, read_object
from local import processes
from local.components import program_secrets
from local.ports import HOST
from local.postgres import Server
from local.state import StackError, State

DATABASE_CONNECTION = "tradeops_db"
OWN_DATABASE = "tradeops"


@dataclass(frozen=True)
class Database:
    """The platform's database, as the connection in force names it. `url` holds the password."""

    host: str
    port: int
    name: str
    login: str
    password: str = field(repr=False)
    options: Mapping[str, str]
    own: bool  # the stack's own

    @property
    def url(self) -> str:
        """`postgresql://login:password@host:port/name?options`."""
        return compose_url(self.host, self.port, self.name, self.login, self.password, self.options)

    @property
    def words(self) -> str:
        """Which one it is, for people."""
        whose = "the stack's own" if self.own else "not the stack's own"
        return f"database {self.name} at {self.host}:{self.port} (connection {DATABASE_CONNECTION}, {whose})"

    def environment(self) -> dict[str, str]:
        """The libpq variables for psql, so that no password is an argument.

        Raises StackError for an option that libpq has no variable for.
        """
        from psycopg.pq import Conninfo

        variables = {
            option.keyword.decode(): (option.envvar or b"").decode() for option in Conninfo.get_defaults()
        }
        made = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.name,
            "PGUSER": self.login,
            "PGPASSWORD": self.password,
        }
        for name, value in self.options.items():
            if not variables.get(name):
                raise StackError(
                    f"connection {DATABASE_CONNECTION}: its extra names {name}, which psql lacks"
                )
            made[variables[name]] = value
        return {name: value for name, value in made.items() if value}


def platform_database(state: State, server: Server) -> Database:
    """Find the platform's database. Raises StackError when there is no such connection, or it is broken."""
    connection = _from_environment(state) or _from_airflow(state, server)
    options = {key: str(value) for key, value in _extra(connection.get("extra")).items()}
    host, name = str(connection.get("host") or options.pop("host", "")), str(connection.get("schema") or "")
    host = host.removeprefix("[").removesuffix("]")  # around an address of IPv6
    port = int(str(connection.get("port") or options.pop("port", "") or 5432))
    own = host in (HOST, "localhost") and (port, name) == (server.port, OWN_DATABASE)
    return Database(
        host,
        port,
        name,
        str(connection.get("login") or ""),
        str(connection.get("password") or ""),
        options,
        own,
    )


def find_database_trouble(database: Database) -> str | None:
    """Look whether the platform's database lets its tasks in, within five seconds; say why not."""
    import psycopg

    try:
        with psycopg.connect(database.url, connect_timeout=5) as connection:
            ((table,),) = connection.execute("SELECT to_regclass('trade_signals')::text").fetchall()
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        return (
            f"the platform's {database.words} lets no task in: {said}. Mend the connection "
            f"{DATABASE_CONNECTION} in Admin > Connections"
        )
    if table is None:
        return f"the platform's {database.words} has no tables yet: docs/operating.md says how to migrate it"
    return None


def settings_text(state: State, server: Server, variable: str) -> tuple[str | None, str]:
    """The settings as they are written, and where; None when nobody has written any."""
    name = f"AIRFLOW_VAR_{variable.upper()}"
    given = _environment(state).get(name)
    if given is not None:
        return given, f"{name} in the environment"
    row = _row(server, "SELECT val, is_encrypted FROM variable WHERE key = %s", variable)
    return (_open(state, *row) if row else None), f"Variable {variable}"


def _from_environment(state: State) -> Mapping[str, object] | None:
    name = f"AIRFLOW_CONN_{DATABASE_CONNECTION.upper()}"
    given = _environment(state).get(name)
    if not given:
        return None
    try:
        return read_connection(given, name)
    except SettingsError as error:
        raise StackError(str(error)) from error


def program_secrets_in_force(state: State) -> dict[str, str]:
    """What programs present to the api-server: of its environment, which the operator may have given it."""
    process = processes.find(state, "api-server")
    try:
        environment = process.environ() if process else {}
    except psutil.Error:
        environment = {}
    found = {}
    for name, given in program_secrets(state).items():
        try:
            connection = read_connection(environment.get(name, given), name)
        except SettingsError as error:
            raise StackError(str(error)) from error
        found[name.removeprefix("AIRFLOW_CONN_").lower()] = str(connection.get("password") or "")
    return found


def read_connection(text: str, name: str) -> Mapping[str, object]:
    """Read a connection of the environment, a JSON object or a URL, in Airflow's names.

    Raises SettingsError: it is neither; Airflow would pass it over and look elsewhere, without a word.
    """
    if text.lstrip().startswith("{"):
        return read_object(text, name)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise SettingsError(f"{name} is no URL: {error}") from error
    if not url.scheme:
        raise SettingsError(f"{name} is neither a URL like type://login:password@host:port nor a JSON object")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return {
        "host": unquote(url.hostname or ""),
        "port": port,
        "schema": unquote(url.path.removeprefix("/")),
        "login": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "extra": query.get("__extra__") or query,
    }


def _from_airflow(state: State, server: Server) -> Mapping[str, object]:
    row = _row(
        server,
        "SELECT host, port, schema, login, password, is_encrypted, extra, is_extra_encrypted "
        "FROM connection WHERE conn_id = %s",
        DATABASE_CONNECTION,
    )
    if row is None:
        raise StackError(
            f"There is no connection {DATABASE_CONNECTION} in Airflow, so nobody knows the platform's "
            "database. Make it in Admin > Connections: docs/operating.md says what it holds."
        )
    host, port, schema, login, password, sealed, extra, extra_sealed = row
    return {
        "host": host,
        "port": port,
        "schema": schema,
        "login": login,
        "password": _open(state, password, sealed),
        "extra": _open(state, extra, extra_sealed),
    }


def _extra(extra: object) -> Mapping[str, object]:
    if not extra:
        return {}
    if isinstance(extra, Mapping):
        return extra
    try:
        return read_object(str(extra), f"the extra of connection {DATABASE_CONNECTION}")
    except SettingsError as error:
        raise StackError(str(error)) from error


def _environment(state: State) -> Mapping[str, str]:
    """The environment of the scheduler that runs, whose tasks have it too; ours when none does."""
    process = processes.find(state, "scheduler")
    try:
        return process.environ() if process else os.environ
    except psutil.Error:
        return os.environ


def _row(server: Server, statement: str, name: str) -> tuple[object, ...] | None:
    import psycopg

    try:
        with psycopg.connect(server.url("airflow", "airflow"), connect_timeout=10) as connection:
            found: tuple[object, ...] | None = connection.execute(statement, [name]).fetchone()
    except psycopg.errors.UndefinedTable as error:
        raise StackError("Airflow's database is not made yet. Start the stack with: make up") from error
    return found


def _open(state: State, value: object, sealed: object) -> str | None:
    """Open what Airflow has encrypted with the stack's key."""
    from cryptography.fernet import Fernet, InvalidToken

    if not value or not sealed:
        return None if value is None else str(value)
    try:
        return Fernet(state.secrets()["fernet_key"].encode()).decrypt(str(value).encode()).decode()
    except InvalidToken as error:
        raise StackError(
            f"What Airflow has stored cannot be opened with the key in {state.folder / 'secrets.json'}: put "
            "the right file back."
        ) from error
