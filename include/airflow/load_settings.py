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

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from include.airflow.settings_file import ConnectionEntry, Objects, SettingsFileError, read_settings_file

SERVICE_PREFIX = "TRADEOPS_SERVICE_"
BEFORE_SUFFIX = "_BEFORE"
OWN_CONNECTIONS = ("postgres_admin", "airflow_db")  # services that are a connection of the same name


@dataclass(frozen=True)
class DeclaredService:
    """Where a service of the stack answers, and where it answered when the file was loaded before."""

    host: str
    port: int
    login: str | None = None
    password: str | None = None
    database: str | None = None
    before: tuple[str, int] | None = None


def read_services(environment: Mapping[str, str]) -> dict[str, DeclaredService]:
    """Read from the environment where the services are that are not at their compose name.

    Raises:
        SettingsFileError: an address is no URL with host and port.
    """
    services = {}
    for variable, value in environment.items():
        if not variable.startswith(SERVICE_PREFIX) or variable.endswith(BEFORE_SUFFIX):
            continue
        url = urlsplit(value)
        try:
            name, number = url.hostname, url.port
        except ValueError:  # a port that is none
            name, number = None, None
        if not name or not number:
            raise SettingsFileError(f"{variable} should be a URL with host and port")
        host, _, port = environment.get(variable + BEFORE_SUFFIX, "").rpartition(":")
        if host and not port.isdecimal():
            raise SettingsFileError(f"{variable}{BEFORE_SUFFIX} should be host:port")
        services[variable.removeprefix(SERVICE_PREFIX).lower()] = DeclaredService(
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
        for name in OWN_CONNECTIONS
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
