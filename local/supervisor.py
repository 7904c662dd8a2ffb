"""`python -m local.supervisor`: restarts what dies of the stack, PostgreSQL too, and says so.

`make up` starts it last, `make down` stops it first. It acts under the stack's lock, which both hold: what
they end is not restarted. What dies is restarted after a second, then after ten; a third death in ten minutes
ends that. Each death is a notice of the platform, as soon as its database lives, and a line in `make status`.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import psutil

from local import postgres, processes
from local.cluster import PostgresError, tail
from local.components import AIRFLOW, SANDBOX, describe_components
from local.deaths import Ledger, read_ledger, write_ledger
from local.health import last_line
from local.in_force import platform_database
from local.processes import Component, clear_away
from local.state import StackError, State, find_state

NAME = "supervisor"
POSTGRES = "postgres"
LOOK_EVERY = 1.0  # seconds
WAITS = (1.0, 10.0)  # seconds before the first restart and the second


def describe_supervisor(state: State) -> Component:
    """Describe it as a process of the stack."""
    return Component(NAME, [sys.executable, "-m", "local.supervisor"], {"TRADEOPS_STACK": str(state.folder)})


class Supervisor:
    """Looks at the stack's components, and restarts those that have died.

    Args:
        state: whose components.
        start_postgres: starts PostgreSQL where it ran; `find_postgres` says whether it lives.
        describe: how the other components are started.
        tell: writes a notice; raises what is raised while the database is away.
        waits: seconds before the first restart and the next ones.
    """

    def __init__(
        self,
        state: State,
        *,
        find_postgres: Callable[[], object | None],
        start_postgres: Callable[[], object],
        describe: Callable[[], Sequence[Component]],
        tell: Callable[[dict[str, str]], None],
        waits: Sequence[float] = WAITS,
    ) -> None:
        self._state = state
        self._find_postgres = find_postgres
        self._start_postgres = start_postgres
        self._describe = describe
        self._tell = tell
        self._waits = waits
        self._due: dict[str, float] = {}  # when the dead are restarted, by the monotonic clock

    def look(self) -> None:
        """Enter who has died, restart who is due; else tell what is untold.

        Nobody is restarted while `up` or `down` work.
        """
        ledger, dead = read_ledger(self._state), self._dead()
        for name in self._due.keys() - set(dead):
            del self._due[name]
        if any(not self._given_up(ledger, name) for name in dead):
            with self._state.locked_if_free() as locked:
                if locked:
                    self._treat_dead()
        elif ledger.untold and self._find_postgres():
            self._tell_one(ledger.untold[0])

    def _treat_dead(self) -> None:
        """Treat those who are dead now that nobody else starts or stops anything."""
        ledger = read_ledger(self._state)
        for name in self._dead():
            if self._given_up(ledger, name):
                continue
            if name not in self._due:
                self._enter(ledger, name, self._last_words(name))
            elif time.monotonic() >= self._due[name]:
                del self._due[name]
                try:
                    self._restart(name)
                except (StackError, PostgresError, OSError, psutil.Error) as error:
                    self._enter(ledger, name, f"it could not be started: {error}")
                else:
                    say(f"{name} is restarted")

    def _dead(self) -> list[str]:
        """Components that were started and do not live. What PostgreSQL takes with it comes back with it."""
        alone = () if self._find_postgres() else AIRFLOW
        started = [name for name in (SANDBOX, *AIRFLOW) if self._state.record(name).exists()]
        dead = [name for name in started if name not in alone and not processes.find(self._state, name)]
        return [POSTGRES, *dead] if alone else dead

    def _given_up(self, ledger: Ledger, name: str) -> bool:
        known = ledger.deaths.get(name)
        return known is not None and known.given_up

    def _enter(self, ledger: Ledger, name: str, words: str) -> None:
        known = ledger.add(name, words, datetime.now(UTC))
        write_ledger(self._state, ledger)
        if known.given_up:
            say(f"{name} has died for the third time in ten minutes and is left alone: {known.last_words}")
            return
        wait = self._waits[min(known.recent(datetime.now(UTC)), len(self._waits)) - 1]
        self._due[name] = time.monotonic() + wait
        say(f"{name} has died and is restarted in {wait:g} s: {known.last_words}")

    def _last_words(self, name: str) -> str:
        if name == POSTGRES:
            return tail(self._state.postgres / "server.log").rpartition("\n")[2]
        with contextlib.suppress(ChildProcessError):  # it may be a child of `make up`
            os.waitpid(int(processes.read_record(self._state, name)["pid"]), os.WNOHANG)
        log = self._state.log(name)
        return last_line(log) if log.exists() else "its log is gone."

    def _restart(self, name: str) -> None:
        """Start it. With PostgreSQL all of Airflow: a part that has lost it may live for a while, and end."""
        names = [name]
        if name == POSTGRES:
            self._start_postgres()
            names = list(AIRFLOW)
        clear_away(self._state, names, (SANDBOX, *AIRFLOW))
        for part in self._describe():
            if part.name in names:
                processes.start(self._state, part)
                self._due.pop(part.name, None)

    def _tell_one(self, notice: dict[str, str]) -> None:
        try:
            self._tell(notice)
        except Exception as error:  # whatever it is, the next look tries again, and it is said
            say(f"a notice waits: {error}")
            return
        with self._state.locked_if_free() as locked:
            if locked:  # else it is told again, which changes nothing: its key is there
                ledger = read_ledger(self._state)
                ledger.untold = [each for each in ledger.untold if each != notice]
                write_ledger(self._state, ledger)


def say(text: str) -> None:
    """Write a line into the log, with the time."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {text}", flush=True)


def write_notice(state: State, notice: dict[str, str]) -> None:
    """Write a notice into the platform's database, from where it is delivered like all others."""
    from include.database import connect, sql

    server = postgres.find(state.postgres)
    if server is None:
        raise StackError("PostgreSQL does not run")
    engine = connect(platform_database(state, server).url, application="tradeops:supervisor")
    try:
        with engine.begin() as connection:
            connection.execute(
                sql("alerts/note_at_once"),
                {
                    "key": notice["key"],
                    "subject": "local stack",
                    "severity": notice["severity"],
                    "owner": "platform",
                    "title": notice["title"],
                    "body": json.dumps({"reason": notice["reason"], "since": notice["since"]}),
                },
            )
    finally:
        engine.dispose()


def main() -> None:
    """Watch the stack of this environment until somebody stops it."""
    state = find_state()

    def describe() -> list[Component]:
        server = postgres.find(state.postgres)
        if server is None:
            raise StackError("PostgreSQL does not run")
        return describe_components(state, server, state.ports())

    supervisor = Supervisor(
        state,
        find_postgres=lambda: postgres.find(state.postgres),
        start_postgres=lambda: postgres.start(state.postgres, port=state.ports()["postgres"]),
        describe=describe,
        tell=lambda notice: write_notice(state, notice),
    )
    say("it watches")
    while True:
        try:
            supervisor.look()
        except (StackError, PostgresError, OSError, psutil.Error) as error:
            say(f"it could not look: {error}")
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main()
