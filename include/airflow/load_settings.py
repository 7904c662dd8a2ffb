"""Load `airflow_settings.yaml` into Airflow's metadata: `python -m include.airflow.load_settings FILE`.

The file has the Astro CLI's format and calls services by their name in docker-compose.yaml. Where a service
is elsewhere, the environment says so: `TRADEOPS_SERVICE_SANDBOX=http://127.0.0.1:8090`,
`TRADEOPS_SERVICE_POSTGRES=postgresql://role:password@127.0.0.1:54329/tradeops`.

What is absent is created. What is there belongs to the operator and stays, with one exception: a connection
that still points where this stack's own service was last time, as
`TRADEOPS_SERVICE_SANDBOX_BEFORE=127.0.0.1:8090` says, follows the service.

Two connections are of the local stack alone, and stand in no file: `postgres_admin` and `airflow_db`. They
are made when the environment says where they lead (`TRADEOPS_SERVICE_POSTGRES_ADMIN`,
`TRADEOPS_SERVICE_AIRFLOW_DB`), and are the operator's from then on like the others.

Runs outside tasks, for it uses Airflow's models.
"""

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.settings.reader import VARIABLE, SettingsError
from include.settings_check import read_checked_settings
from include.values_in_words import complaints
from include.yaml_lines import line_of

logger = logging.getLogger(__name__)

PREFIX = "TRADEOPS_SERVICE_"
BEFORE = "_BEFORE"
OWN = ("postgres_admin", "airflow_db")  # services that are a connection of the same name

Name = Annotated[str, Field(min_length=1)]


class SettingsFileError(ValueError):
    """The settings file cannot be used; the message gives file, line and reason."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ConnectionEntry(_Entry):
    """One connection, in the Astro CLI's names."""

    conn_id: Name
    conn_type: Name
    conn_host: str | None = None
    conn_schema: str | None = None
    conn_login: str | None = None
    conn_password: str | None = None
    conn_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    conn_extra: dict[str, Any] | None = None


class PoolEntry(_Entry):
    """One pool."""

    pool_name: Name
    pool_slot: Annotated[int, Field(ge=1)]
    pool_description: str = ""


class VariableEntry(_Entry):
    """One variable; a JSON value is a string that holds JSON."""

    variable_name: Name
    variable_value: str


class Objects(_Entry):
    """What the file may hold."""

    connections: list[ConnectionEntry] = []
    pools: list[PoolEntry] = []
    variables: list[VariableEntry] = []


class _Document(_Entry):
    airflow: Objects


@dataclass(frozen=True)
class DeclaredService:
    """Where a service of the stack answers, and where it answered when the file was loaded before."""

    host: str
    port: int
    login: str | None = None
    password: str | None = None
    database: str | None = None
    before: tuple[str, int] | None = None


def read_settings_file(path: Path) -> Objects:
    """Read and check the file.

    Raises:
        SettingsFileError: it is not there, no YAML, or not of the expected form.
    """
    try:
        root = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
        content = yaml.safe_load(path.read_text())
        _refuse_repeated_names(path, root)
    except OSError as error:
        raise SettingsFileError(f"{path}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsFileError(f"{path}, line {line}: {error.problem}") from error
    try:
        objects = _Document.model_validate(content).airflow
    except ValidationError as error:
        logger.info("%s: %s", path, error)
        first = error.errors()[0]
        line = line_of(root, first["loc"])
        (complaint,) = complaints(_Document, [first])
        raise SettingsFileError(f"{path}, line {line}: {complaint.sentence}") from error
    for kind, key, entries in (
        ("connections", "conn_id", objects.connections),
        ("pools", "pool_name", objects.pools),
        ("variables", "variable_name", objects.variables),
    ):
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            name = getattr(entry, key)
            if name in seen:
                line = line_of(root, ("airflow", kind, number, key))
                raise SettingsFileError(f"{path}, line {line}: {key} {name} is there twice")
            seen.add(name)
    _check_settings(path, root, objects)
    return objects


def _refuse_repeated_names(path: Path, node: yaml.Node | None) -> None:
    """Refuse a name that stands twice in one object: YAML's reader keeps the last and says nothing."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise SettingsFileError(f"{path}, line {line}: {key.value} is there twice")
            seen.add(key.value)
            _refuse_repeated_names(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_names(path, value)


def _check_settings(path: Path, root: yaml.Node | None, objects: Objects) -> None:
    for number, entry in enumerate(objects.variables):
        if entry.variable_name == VARIABLE:
            try:
                read_checked_settings(entry.variable_value)
            except SettingsError as error:
                line = line_of(root, ("airflow", "variables", number, "variable_value"))
                raise SettingsFileError(f"{path}, line {line}: {error}") from error


def read_services(environment: Mapping[str, str]) -> dict[str, DeclaredService]:
    """Read from the environment where the services are that are not at their compose name.

    Raises:
        SettingsFileError: an address is no URL with host and port.
    """
    services = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or variable.endswith(BEFORE):
            continue
        url = urlsplit(value)
        try:
            name, number = url.hostname, url.port
        except ValueError:  # a port that is none
            name, number = None, None
        if not name or not number:
            raise SettingsFileError(f"{variable} should be a URL with host and port")
        host, _, port = environment.get(variable + BEFORE, "").rpartition(":")
        if host and not port.isdecimal():
            raise SettingsFileError(f"{variable}{BEFORE} should be host:port")
        services[variable.removeprefix(PREFIX).lower()] = DeclaredService(
            name,
            number,
            unquote(url.username) if url.username else None,
            unquote(url.password) if url.password else None,
            unquote(url.path[1:]) or None,
            (host, int(port)) if host else None,
        )
    return services


def with_own_connections(objects: Objects, services: Mapping[str, DeclaredService]) -> Objects:
    """Add the connections of the local stack alone, unless the file has them."""
    known = {entry.conn_id for entry in objects.connections}
    own = [
        ConnectionEntry(
            conn_id=name, conn_type="postgres", conn_host=name, conn_schema=services[name].database
        )
        for name in OWN
        if name in services and name not in known
    ]
    return objects.model_copy(update={"connections": [*objects.connections, *own]})


def load(objects: Objects, services: Mapping[str, DeclaredService]) -> list[str]:
    """Bring the objects into Airflow's metadata in one transaction; say what was done, a line a kind."""
    from airflow.models.connection import Connection
    from airflow.models.pool import Pool
    from airflow.models.variable import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    done: dict[str, list[str]] = {"created": [], "moved": [], "kept": []}
    with create_session() as session:
        connections = {row.conn_id: row for row in session.scalars(select(Connection))}
        for entry in objects.connections:
            service = services.get(_split_address(entry.conn_host, entry.conn_port)[0])
            connection = connections.get(entry.conn_id)
            if connection is None:
                session.add(_make_connection(Connection, entry, service))
                done["created"].append(entry.conn_id)
            elif service and _follows(connection, service):
                done["moved"].append(entry.conn_id)
            else:
                done["kept"].append(entry.conn_id)
        pools = set(session.scalars(select(Pool.pool)))
        for pool in objects.pools:
            if pool.pool_name not in pools:
                session.add(
                    Pool(
                        pool=pool.pool_name,
                        slots=pool.pool_slot,
                        description=pool.pool_description,
                        include_deferred=False,
                    )
                )
            done["kept" if pool.pool_name in pools else "created"].append(f"pool {pool.pool_name}")
        variables = set(session.scalars(select(Variable.key)))
        for variable in objects.variables:
            name = variable.variable_name
            if name not in variables:
                session.add(Variable(key=name, val=variable.variable_value))
            done["kept" if name in variables else "created"].append(f"variable {name}")
    return [f"{verb}: {', '.join(names)}" for verb, names in done.items() if names]


def _make_connection(model: Any, entry: ConnectionEntry, service: DeclaredService | None) -> Any:
    connection = model(
        conn_id=entry.conn_id,
        conn_type=entry.conn_type,
        host=entry.conn_host,
        schema=entry.conn_schema,
        login=entry.conn_login,
        password=entry.conn_password,
        port=entry.conn_port or None,
        extra=entry.conn_extra,
    )
    if service:
        _point_at(connection, service)
    return connection


def _follows(connection: Any, service: DeclaredService) -> bool:
    """Move a connection to its service when it points where the service was; True when that changed it."""
    if service.before is None or _split_address(connection.host, connection.port) != service.before:
        return False
    old = (connection.host, connection.port, connection.login, connection.password)
    _point_at(connection, service)
    return old != (connection.host, connection.port, connection.login, connection.password)


def _point_at(connection: Any, service: DeclaredService) -> None:
    """Replace host and port, inside a URL where the host is one; login and password when they are known."""
    if "://" in (connection.host or ""):
        url = urlsplit(connection.host)
        connection.host = url._replace(netloc=f"{service.host}:{service.port}").geturl()
        connection.port = None  # it is in the URL now, and hooks would append a second one
    else:
        connection.host, connection.port = service.host, service.port
    if service.login:
        connection.login = service.login
    if service.password:
        connection.password = service.password


def _split_address(host: str | None, port: int | None) -> tuple[str, int | None]:
    if host and "://" in host:
        url = urlsplit(host)
        return url.hostname or "", url.port or port
    return host or "", port


def main(arguments: list[str]) -> int:
    """Load the file named on the command line; 0 done, 2 the file or an address cannot be used."""
    if len(arguments) != 1:
        print("usage: python -m include.airflow.load_settings FILE", file=sys.stderr)  # noqa: T201
        return 2
    try:
        objects = read_settings_file(Path(arguments[0]))
        services = read_services(os.environ)
    except SettingsFileError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    for line in load(with_own_connections(objects, services), services):
        print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
