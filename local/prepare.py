"""What must be true of both databases before Airflow starts: migrated, and the settings file loaded.

What was done to the Airflow database is written down in that database, as its comment, so that the note lives
and dies with what it speaks of.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from local import processes
from local.components import SANDBOX, airflow_environment
from local.health import last_line
from local.ports import HOST, http_url
from local.postgres import Server
from local.state import CHECKOUT, StackError, State

SETTINGS_FILE = CHECKOUT / "airflow_settings.yaml"
JOB_TIMEOUT = 300.0  # seconds; 10 are normal


@dataclass(frozen=True)
class Job:
    """A command that runs to its end beside us."""

    name: str
    child: "subprocess.Popen[bytes]"
    log: Path

    def finish(self) -> None:
        """Wait for its end.

        Raises:
            StackError: it failed, or takes longer than five minutes.
        """
        try:
            code = self.child.wait(JOB_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise StackError(f"{self.name} did not end in {JOB_TIMEOUT:.0f} s. Log: {self.log}") from None
        if code != 0:
            raise StackError(f"{self.name} failed: {last_line(self.log)} Log: {self.log}")


def migrate_platform(server: Server) -> None:
    """Bring the platform's database to the version of the code.

    Raises:
        StackError: a migration failed.
    """
    from include.database import DatabaseError, migrate

    try:
        migrate(server.url("tradeops", "tradeops"))
    except DatabaseError as error:
        raise StackError(f"{error} Log: {server.log}") from error


def begin_migrating_airflow(state: State, server: Server, ports: Mapping[str, int]) -> Job | None:
    """Begin to bring Airflow's database to the installed version; None when it is there already."""
    if read_note(server).get("airflow") == version("apache-airflow"):
        return None
    return _begin(state, server, ports, "airflow-migrate", ["airflow", "db", "migrate"])


def begin_loading_settings(state: State, server: Server, ports: Mapping[str, int]) -> Job | None:
    """Begin to load airflow_settings.yaml; None when neither it nor an address in it has changed."""
    before = read_note(server)
    if prepared(server, ports).items() <= before.items():
        return None
    services = {
        "TRADEOPS_SERVICE_POSTGRES": server.url("tradeops", "tradeops"),
        "TRADEOPS_SERVICE_SANDBOX": http_url(ports[SANDBOX]),
        # Connections of this stack alone, which the settings file does not know: restores make databases, and
        # backups read Airflow's own.
        "TRADEOPS_SERVICE_POSTGRES_ADMIN": server.url("postgres", "postgres"),
        "TRADEOPS_SERVICE_AIRFLOW_DB": server.url("airflow", "airflow"),
    }
    services |= {f"{name}_BEFORE": before[name] for name in services if name in before}
    command = ["include.airflow.load_settings", str(SETTINGS_FILE)]
    return _begin(state, server, ports, "load-settings", command, services)


def prepared(server: Server, ports: Mapping[str, int]) -> dict[str, str]:
    """The note of an Airflow database that is ready: Airflow's version, the settings file, the addresses."""
    return {
        "airflow": version("apache-airflow"),
        "settings": hashlib.sha256(SETTINGS_FILE.read_bytes()).hexdigest(),
        **dict.fromkeys(
            ("TRADEOPS_SERVICE_POSTGRES", "TRADEOPS_SERVICE_POSTGRES_ADMIN", "TRADEOPS_SERVICE_AIRFLOW_DB"),
            f"{HOST}:{server.port}",
        ),
        "TRADEOPS_SERVICE_SANDBOX": f"{HOST}:{ports[SANDBOX]}",
    }


def read_note(server: Server) -> dict[str, str]:
    """What was done to the Airflow database; empty for a new one."""
    import psycopg

    with psycopg.connect(server.url("airflow", "airflow"), connect_timeout=10) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    note: dict[str, str] = json.loads(row[0]) if row and row[0] else {}
    return note


def write_note(server: Server, done: Mapping[str, str]) -> None:
    """Add to the note what was done to the Airflow database."""
    import psycopg
    from psycopg import sql

    note = json.dumps({**read_note(server), **done})
    comment = sql.SQL("COMMENT ON DATABASE airflow IS {}").format(sql.Literal(note))
    with psycopg.connect(server.url("airflow", "airflow"), connect_timeout=10) as connection:
        connection.execute(comment)


def _begin(
    state: State,
    server: Server,
    ports: Mapping[str, int],
    name: str,
    module: Sequence[str],
    services: Mapping[str, str] | None = None,
) -> Job:
    log = state.log(name)
    environment = {
        **processes.inherited_environment(),
        **airflow_environment(state, server, ports["airflow"]),
        **processes.marked_environment(state),
        **(services or {}),
    }
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env=environment,
        )
    return Job(name, child, log)
