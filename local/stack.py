"""The local stack as a whole: start it, stop it, say how it is.

Every step looks at what is there and does what is missing, so `up` is also the repair.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from local import postgres, prepare, processes
from local.airflow_api import AirflowApi
from local.components import AIRFLOW, SANDBOX, TRADEOPS, describe_components
from local.deaths import begin_anew, given_up_lines, read_ledger
from local.health import await_healthy, component_states
from local.in_force import (
    Database,
    find_database_trouble,
    platform_database,
    program_secrets_in_force,
)
from local.ports import HOST, PREFERRED, choose_port, fixed_port, http_url
from local.processes import Component
from local.settings_check import check_environment, find_troubles
from local.state import ADMIN, StackError, State
from local.supervisor import NAME as SUPERVISOR
from local.supervisor import POSTGRES, describe_supervisor

TASK_LOGS_KEPT = 7 * 86400.0  # seconds
LARGEST_LOG = 50_000_000  # bytes, of a component


@dataclass(frozen=True)
class Stack:
    """A running stack: its addresses and its login."""

    folder: Path
    airflow_url: str
    user: str
    password: str
    database: Database
    sandbox_url: str
    program_secrets: Mapping[str, str] = field(repr=False)  # those in force, by connection

    @property
    def database_url(self) -> str:
        """The platform's database, as the connection in force names it; it holds the password."""
        return self.database.url

    def variables(self) -> dict[str, str]:
        """The values that scripts need, by the names that `make env` prints."""
        return {
            "DATABASE_URL": self.database_url,
            "AIRFLOW_URL": self.airflow_url,
            "AIRFLOW_USER": self.user,
            "AIRFLOW_PASSWORD": self.password,
            "SANDBOX_URL": self.sandbox_url,
            "SCRAPE_SECRET": self.program_secrets["api_scrape"],
            "CRON_SECRET": self.program_secrets["api_cron"],
        }

    def api(self, say: Callable[[str], None] | None = None) -> AirflowApi:
        """A client of this stack's Airflow, which tells `say` what it waits for; close it after use."""
        return AirflowApi(self.airflow_url, self.user, self.password, say=say)


class Progress:
    """Lines for the person who waits, each with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line at once, also into a pipe."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)


def up(state: State) -> Stack:
    """Start what does not run, restart what is out of date, wait until all of it is healthy.

    Raises:
        StackError, PostgresError: it cannot; the message names the part, the reason and the log.
    """
    check_environment()
    progress, began = Progress(), datetime.now(UTC)
    with state.locked():
        state.prepare()
        _stop_supervisor(state)
        begin_anew(state)
        _bound_logs(state)
        ports = _settle_ports(state)
        running = postgres.find(state.postgres)
        if running and (running.port != ports["postgres"] or not postgres.is_as_written(running)):
            postgres.stop(state.postgres)
            running = None
        server = postgres.start(state.postgres, port=ports["postgres"])
        state.keep_ports(ports)
        progress.say(f"PostgreSQL runs on port {server.port}")

        parts = describe_components(state, server, ports)
        # A part of Airflow that has lost its database may live for a while yet, and then end: start it anew.
        lost = AIRFLOW if running is None else ()
        missing = {
            part.name: part
            for part in parts
            if part.name in lost or not processes.find(state, part.name, part.digest)
        }
        if missing:
            processes.clear_away(state, list(missing), (SANDBOX, *AIRFLOW))

        _launch(state, [part for name, part in missing.items() if name == SANDBOX], progress)
        migrating = prepare.begin_migrating_airflow(state, server, ports)
        prepare.migrate_platform(server)
        if migrating:
            progress.say("the platform's database is migrated; Airflow's takes a little longer")
            migrating.finish()
            prepare.write_note(server, {"airflow": prepare.prepared(server, ports)["airflow"]})
            progress.say("Airflow's database is migrated")
        loading = prepare.begin_loading_settings(state, server, ports)
        # The scheduler comes last: no task may run before its connections are there.
        early = [part for name, part in missing.items() if name not in (SANDBOX, "scheduler")]
        _launch(state, early, progress)
        if loading:
            loading.finish()
            prepare.write_note(server, prepare.prepared(server, ports))
            progress.say("connections, pools and variables are loaded from airflow_settings.yaml")
        _launch(state, [part for name, part in missing.items() if name == "scheduler"], progress)
        processes.start(state, describe_supervisor(state))  # it waits for the lock, which we hold

        stack = _describe(state, server, ports)
        with contextlib.closing(stack.api(progress.say)) as api:
            await_healthy(state, stack.sandbox_url, api, began, progress.say)
            troubles = find_troubles(state, server, api)
        if trouble := find_database_trouble(stack.database):
            troubles.append(trouble)
        if not stack.database.own:
            progress.say(f"the platform's database is elsewhere: {stack.database.words}")
    if troubles:
        raise StackError(
            "\n".join(
                [*troubles, f"The stack runs at {stack.airflow_url}, but tasks will fail: mend the above."]
            )
        )
    progress.say(f"all is healthy: {stack.airflow_url}")
    return stack


def down(state: State) -> bool:
    """Stop every process of the stack, PostgreSQL last; True when something ran.

    Raises:
        StackError, PostgresError: something does not end.
    """
    if not state.folder.exists():
        return False
    with state.locked():
        _stop_supervisor(state)
        # First the parts, which end their own workers; then whatever still carries the stack's mark.
        parts = [found for name in (*AIRFLOW, SANDBOX) if (found := processes.find(state, name))]
        processes.stop(parts)
        more = processes.stop_marked(state)
        for name in (*AIRFLOW, SANDBOX):
            state.record(name).unlink(missing_ok=True)
        return postgres.stop(state.postgres) or bool(parts) or more


def find_stack(state: State) -> Stack:
    """The addresses of the stack that runs.

    Raises:
        StackError: none does.
    """
    server, ports = postgres.find(state.postgres), state.ports()
    if server is None or not {"airflow", SANDBOX} <= ports.keys():
        raise StackError("The local stack does not run. Start it with: make up")
    return _describe(state, server, ports)


def print_status(state: State) -> None:
    """Print what runs, where, where it logs, and the login."""
    server, ports = postgres.find(state.postgres), state.ports()
    ledger = read_ledger(state)

    def restarts(name: str) -> str:
        """How many deaths it had since the last `make up`, each but that which ended it restarted."""
        known = ledger.deaths.get(name)
        return str(len(known.times) - known.given_up) if known else "0"

    rows = [("component", "state", "restarts", "pid", "address", "log")]
    if server:
        where = (str(server.pid), f"{HOST}:{server.port}", str(server.log))
        rows.append((POSTGRES, "running", restarts(POSTGRES), *where))
    else:
        rows.append((POSTGRES, "stopped", restarts(POSTGRES), "-", "-", "-"))
    states = dict.fromkeys((SANDBOX, *AIRFLOW), "stopped")
    addresses = {SANDBOX: "", "api-server": ""}
    if ports:
        addresses = {SANDBOX: http_url(ports[SANDBOX]), "api-server": http_url(ports["airflow"])}
        password = state.secrets()["admin_password"]
        with contextlib.closing(AirflowApi(addresses["api-server"], ADMIN, password)) as api:
            states = component_states(state, addresses[SANDBOX], api)
    for name, found in states.items():
        process, log = processes.find(state, name), state.log(name)
        pid, address = (str(process.pid), addresses.get(name, "-")) if process else ("-", "-")
        rows.append((name, found, restarts(name), pid, address, str(log) if log.exists() else "-"))
    watcher, log = processes.find(state, SUPERVISOR), state.log(SUPERVISOR)
    alive = ("running", "-", str(watcher.pid)) if watcher else ("stopped", "-", "-")
    rows.append((SUPERVISOR, *alive, "-", str(log) if log.exists() else "-"))
    print_table(rows)
    for line in given_up_lines(ledger, (POSTGRES, SANDBOX, *AIRFLOW)):
        print(f"\n{line}")
    if "stopped" in (row[1] for row in rows):
        print("\nStart what is stopped with: make up")
    if states["api-server"] == "healthy":
        print(f"\nAirflow: {addresses['api-server']}   user: {ADMIN}   password: {password}")
    if server and ports:
        _say_where_the_database_is(state, server)


def _say_where_the_database_is(state: State, server: postgres.Server) -> None:
    try:
        database = platform_database(state, server)
    except StackError as error:
        print(f"\nThe platform's database is not known: {error}")
        return
    if not database.own:
        print(f"\nThe platform's database is elsewhere: {database.words}")
    if trouble := find_database_trouble(database):
        print(f"\nTasks will fail: {trouble}")


def _stop_supervisor(state: State) -> None:
    """Before anything is stopped or replaced: it would be restarted, but for the lock."""
    if found := processes.find(state, SUPERVISOR):
        processes.stop([found])
    state.record(SUPERVISOR).unlink(missing_ok=True)


def _settle_ports(state: State) -> dict[str, int]:
    """Keep the port of what runs, unless the user fixed another one; choose one for what does not run."""
    last = state.ports()
    server = postgres.find(state.postgres)
    in_use = {
        "postgres": server.port if server else None,
        "sandbox": last.get("sandbox") if processes.find(state, SANDBOX) else None,
        "airflow": last.get("airflow") if processes.find(state, "api-server") else None,
    }
    ports = {}
    for component in PREFERRED:
        current = in_use[component]
        if current and fixed_port(component) in (None, current):
            ports[component] = current
        else:
            ports[component] = choose_port(component, last.get(component))
    return ports


def _launch(state: State, parts: Sequence[Component], progress: Progress) -> None:
    for part in parts:
        processes.start(state, part)
    if parts:
        progress.say(f"started {', '.join(part.name for part in parts)}")


def _describe(state: State, server: postgres.Server, ports: Mapping[str, int]) -> Stack:
    return Stack(
        state.folder,
        http_url(ports["airflow"]),
        ADMIN,
        state.secrets()["admin_password"],
        platform_database(state, server),
        http_url(ports[SANDBOX]),
        program_secrets_in_force(state),
    )


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells in columns; the first row is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _bound_logs(state: State) -> None:
    """Delete task logs of more than a week ago; empty a component's log that has grown too large."""
    limit = time.time() - TASK_LOGS_KEPT
    for folder, _, names in os.walk(state.airflow_home / "logs", topdown=False):
        for name in names:
            path = Path(folder, name)
            if path.lstat().st_mtime < limit:
                path.unlink()
        if Path(folder).stat().st_mtime < limit and not any(Path(folder).iterdir()):
            Path(folder).rmdir()
    for log in (state.log(name) for name in (SANDBOX, TRADEOPS, SUPERVISOR, *AIRFLOW)):
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            os.truncate(log, 0)
