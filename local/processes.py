"""Starting, finding again and ending the stack's background processes.

A process is known by its pid and its creation time: a pid alone may be another's by now. Every process
carries a mark in its environment, which all that it starts inherits: so workers are found also after their
parent has died.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from local.state import CHECKOUT, StackError, State, read_json, write_json

MARK = "TRADEOPS_PROCESS_OF"
STOP_TIMEOUT = (
    5.0  # seconds for an orderly end; a scheduler with a running task would take as long as the task
)
KILL_TIMEOUT = 5.0
CLOCK_SHIFT = 5.0  # seconds by which a creation time may move when the machine's clock is set


@dataclass(frozen=True)
class Component:
    """A background process of the stack and how it is started."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]  # what we set, on top of what it inherits

    @property
    def digest(self) -> str:
        """Changes when the command or its settings change: the running process is then out of date."""
        lock = (CHECKOUT / "requirements.txt").read_text()  # new versions: the running process is old
        started = json.dumps([list(self.command), sorted(self.environment.items()), lock])
        return hashlib.sha256(started.encode()).hexdigest()


def start(state: State, component: Component) -> psutil.Process:
    """Start a component in a session of its own, its output in its log; write down which process it is."""
    log = state.log(component.name)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:  # appending, so that the file may be emptied under the process
        child = subprocess.Popen(
            list(component.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env={**inherited_environment(), **component.environment, **marked_environment(state)},
            start_new_session=True,
        )
    child.returncode = 0  # it outlives us: Popen must not complain that nobody waited for it
    process = psutil.Process(child.pid)
    write_json(
        state.record(component.name),
        {"pid": child.pid, "created": process.create_time(), "digest": component.digest},
    )
    return process


def find(state: State, name: str, digest: str | None = None) -> psutil.Process | None:
    """The living process of a component, or None; with `digest`, only one that was started just so."""
    if not state.record(name).exists():
        return None
    record = read_record(state, name)
    try:
        process = psutil.Process(int(record["pid"]))
        same = abs(process.create_time() - record["created"]) < CLOCK_SHIFT
        if not same or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process if digest in (None, record["digest"]) else None


def read_record(state: State, name: str) -> dict[str, Any]:
    """Read which process a component was started as: `pid`, `created`, `digest`.

    Raises:
        StackError: the file is damaged.
    """
    return read_json(state.record(name))


def clear_away(state: State, missing: Sequence[str], names: Sequence[str]) -> None:
    """End those of `missing` that are out of date, and what crashed ones of `names` left behind."""
    stop([old for name in missing if (old := find(state, name))])
    alive = {found.pid for name in names if (found := find(state, name))}
    orphans = [
        process
        for process in find_marked(state)
        if process.pid not in alive and alive.isdisjoint(ancestors(process))
    ]
    stop(orphans, patience=1.0)  # a worker whose scheduler died waits for work for ever


def find_marked(state: State) -> list[psutil.Process]:
    """Every process of this stack, save PostgreSQL's and the calling one, however it came to be."""
    mark, found = str(state.folder), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # gone meanwhile, or of another user, so none of ours
    return found


def ancestors(process: psutil.Process) -> set[int]:
    """The pids of a process's parents, theirs, and so on."""
    try:
        return {parent.pid for parent in process.parents()}
    except psutil.NoSuchProcess:
        return set()


def stop(processes: Sequence[psutil.Process], patience: float = STOP_TIMEOUT) -> None:
    """Ask processes to end, wait up to `patience` seconds, then kill what is left.

    Raises:
        psutil.AccessDenied: one belongs to another user.
    """
    for deadly, timeout in ((False, patience), (True, KILL_TIMEOUT)):
        for process in processes:
            try:
                process.kill() if deadly else process.terminate()
            except psutil.NoSuchProcess:
                continue
        _, processes = psutil.wait_procs(processes, timeout=timeout)
        if not processes:
            return


def stop_marked(state: State) -> bool:
    """End every process of the stack but PostgreSQL's; True when there was one.

    Looks several times: an ending process may start another, and one that starts just now shows its
    environment a moment later.

    Raises:
        StackError: some do not end.
    """
    ran = False
    for _ in range(5):
        left = find_marked(state)
        ran = ran or bool(left)
        stop(left, patience=1.0)
    if left := find_marked(state):
        raise StackError(f"These do not end: {', '.join(str(process.pid) for process in left)}")
    return ran


def inherited_environment() -> dict[str, str]:
    """What a process of the stack takes over from the terminal.

    Nothing that would turn Python, Airflow or libpq elsewhere; but connections and variables given through
    the environment (`AIRFLOW_CONN_*`, `AIRFLOW_VAR_*`) are Airflow's own way to hand in secrets, and stay.
    """
    unwanted = ("AIRFLOW_", "MAKE", "MFLAGS", "PG", "PYTHON", "VIRTUAL_ENV")
    wanted = ("AIRFLOW_CONN_", "AIRFLOW_VAR_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(wanted) or not name.startswith(unwanted)
    }
    # Behind a proxy, the stack's parts still talk to each other directly.
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name), "127.0.0.1,localhost")))
    return kept


def marked_environment(state: State) -> dict[str, str]:
    """The mark, and what keeps it readable: setproctitle, which Airflow uses, would write over it."""
    return {MARK: str(state.folder), "SPT_NOENV": "1"}
