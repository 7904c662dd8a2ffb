"""Debian's PostgreSQL 15 beside the embedded 18: another major version, with ICU and contrib.

The binaries alone are used; a cluster that the package may have made is left alone.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from include.database import migrate
from local import cluster

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
# The wheel of the embedded PostgreSQL brings 16 along, without ICU and contrib.
PROGRAMS_16, PROGRAMS_18 = (
    cluster.binary("psql").parents[2] / name / "bin" for name in ("pginstall", "pginstall18")
)
CONTRIB = Path("/usr/share/postgresql/15/extension/pg_stat_statements.control")
WHY_NOT = "Debian's packages postgresql-15 and postgresql-contrib are not installed"
INSTALLED = (PROGRAMS / "postgres").is_file() and CONTRIB.is_file()
PASSWORD = "of-the-tests"
# PostgreSQL refuses to run as root; the package brings this user.
USER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


@dataclass(frozen=True)
class Debian:
    """The running server."""

    port: int

    def make(self, name: str, *statements: str, options: str = "", migrated: bool = True) -> str:
        """A database of the role `tradeops`, migrated, where it has run some statements; gives its URL."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for (found,) in connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name]
            ).fetchall():
                connection.execute(f'DROP DATABASE "{found}" WITH (FORCE)')
            cloned = migrated and not options
            template = self._migrated(connection) if cloned else "template0"
            connection.execute(
                f"CREATE DATABASE {name} OWNER tradeops TEMPLATE {template} STRATEGY file_copy {options}"
            )
        if migrated and not cloned:
            migrate(self.url(name))
        self.run(name, *statements, role="tradeops")
        return self.url(name)

    def _migrated(self, connection: psycopg.Connection) -> str:
        """A migrated database to clone, made at its first use: migrating takes a second or two."""
        name = "migrated"
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f"CREATE DATABASE {name} OWNER tradeops TEMPLATE template0")
            migrate(self.url(name))
        return name

    def run(self, database: str, *statements: str, role: str = "postgres") -> None:
        """Run statements, each for itself."""
        with psycopg.connect(self.url(database, role), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def url(self, database: str, role: str = "tradeops") -> str:
        """Every role has the same password."""
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@contextmanager
def run_debian(place: Path, programs: Path = PROGRAMS) -> Iterator[Debian]:
    """Make a cluster in a new folder there, start it with the role `tradeops`, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="debian-", dir=place))
    data, secret = folder / "data", folder / "password"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret.write_text(PASSWORD)
    if USER:
        for path in (folder, secret):
            shutil.chown(path, "postgres")
    options = [
        "-A",
        "scram-sha-256",
        "-U",
        "postgres",
        f"--pwfile={secret}",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "''",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "shared_preload_libraries": "pg_stat_statements" if programs == PROGRAMS else "''",
    }
    flags = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        _run(programs / "initdb", "-D", data, "--no-sync", *options)
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", flags, "start")
        server = Debian(port)
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE tradeops LOGIN PASSWORD '{PASSWORD}'")
            # What docs/backups.md asks of postgres_admin, and no more.
            connection.execute(f"CREATE ROLE manager LOGIN CREATEDB PASSWORD '{PASSWORD}' IN ROLE tradeops")
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        yield server
    finally:
        if (data / "postmaster.pid").exists():
            _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _run(program: Path, *arguments: str | Path) -> None:
    # The server inherits what it is given: a pipe would never end.
    subprocess.run([*USER, program, *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=120)


def ask(url: str, query: str) -> list[tuple]:
    """The rows of a query."""
    with psycopg.connect(url, client_encoding="utf8") as connection:
        return connection.execute(query).fetchall()


def superuser(server: Debian) -> str:
    """The URL of postgres_admin, as a superuser."""
    return server.url("postgres", "postgres")


def manager(server: Debian) -> str:
    """The URL of postgres_admin with no more rights than docs/backups.md asks for."""
    return server.url("postgres", "manager")
