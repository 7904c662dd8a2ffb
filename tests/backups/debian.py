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

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
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

    def url(self, database: str, role: str = "tradeops") -> str:
        """Every role has the same password."""
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@contextmanager
def run_debian() -> Iterator[Debian]:
    """Make a cluster in a temporary folder, start it with the role `tradeops`, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tradeops-test-debian-"))
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
        "shared_preload_libraries": "pg_stat_statements",
    }
    flags = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        _run("initdb", "-D", data, "--no-sync", *options)
        _run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", flags, "start")
        server = Debian(port)
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE tradeops LOGIN PASSWORD '{PASSWORD}'")
        yield server
    finally:
        if (data / "postmaster.pid").exists():
            _run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _run(program: str, *arguments: str | Path) -> None:
    # The server inherits what it is given: a pipe would never end.
    subprocess.run(
        [*USER, PROGRAMS / program, *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=120
    )
