"""What a stack knows at the moment when an end-to-end test fails: appended to the failure, without secrets.

Read from the databases and the files, not from the API, which may be what is broken. Each part stands for
itself: one that cannot be read says so, and the others follow.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

from include.telemetry import redact
from local import postgres
from local.state import State
from tests.support.running_stack import RunningStack

WIDTH = 300  # characters of a line
LINES = 50  # of a log
TASK_LOGS = 4
# What the scheduler's log says of each task, and of each run twice; what tasks say is in their own logs.
CHATTER = ("ti_id=", "next_dagrun", "next dagrun", "Secrets backends loaded", "::group::", "up for execution")

RUNS = """
SELECT dag_id, state, run_id, to_char(start_date, 'HH24:MI:SS'), to_char(end_date, 'HH24:MI:SS')
FROM dag_run
WHERE state IN ('queued', 'running') OR state = 'failed' OR dag_id = 'settle_trades'
ORDER BY state IN ('queued', 'running') DESC, coalesce(end_date, start_date) DESC LIMIT 30
"""
TASKS = """
SELECT dag_id, task_id, map_index, coalesce(state, 'none'), 'try ' || try_number, run_id,
  to_char(queued_dttm, 'HH24:MI:SS'), to_char(start_date, 'HH24:MI:SS'), to_char(end_date, 'HH24:MI:SS')
FROM task_instance
WHERE state IN ('queued', 'running', 'restarting', 'up_for_retry', 'failed', 'deferred', 'scheduled')
ORDER BY state = 'failed', coalesce(end_date, start_date, queued_dttm) DESC NULLS FIRST LIMIT 40
"""
UNWELL = """
SELECT dag_id, run_id, task_id, map_index, try_number FROM task_instance
WHERE state IN ('failed', 'up_for_retry', 'running') AND start_date IS NOT NULL
ORDER BY start_date DESC LIMIT 40
"""
CLAIMS = """
SELECT symbol, status, claim_id, batch, attempts, count(*), to_char(min(lease_expires_at), 'HH24:MI:SS'),
  min(reason)
FROM trade_signals LEFT JOIN settlement_claims ON id = trade_signal_id
GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 1, 3, 4 LIMIT 30
"""
ERRORS = """
SELECT to_char(timestamp, 'HH24:MI:SS'), severity, error_type, error_message FROM atge_error_logs
ORDER BY timestamp DESC LIMIT 10
"""


def describe(stack: RunningStack) -> str:
    """Runs, tasks, claims, errors, processes and logs of the stack, as text."""
    state = State(stack.folder)
    parts: dict[str, Callable[[], Iterable[object]]] = {
        "runs: under way, failed, of the sweep": lambda: _airflow(state, RUNS),
        "tasks that are not done or failed": lambda: _airflow(state, TASKS),
        "trades and who holds them": lambda: stack.execute(CLAIMS),
        "newest rows of atge_error_logs": lambda: stack.execute(ERRORS),
        "processes": lambda: _processes(state),
        "scheduler.log, without what it says of each task": lambda: _scheduler_log(state),
        "logs of tasks that failed or run": lambda: _task_logs(state),
    }
    lines = [f"at {datetime.now(UTC):%H:%M:%S} UTC"]
    for title, read in parts.items():
        lines.append(f"-- {title}")
        try:
            lines += [_line(row) for row in read()] or ["(none)"]
        except Exception as error:
            lines.append(f"cannot be read: {error!r}"[:WIDTH])
    return redact("\n".join(lines), *state.secrets().values(), stack.password)


def _line(row: object) -> str:
    text = "  ".join(str(value) for value in row if value is not None) if isinstance(row, tuple) else str(row)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"


def _airflow(state: State, statement: str) -> list[tuple[Any, ...]]:
    server = postgres.find(state.postgres)
    if server is None:
        raise RuntimeError("PostgreSQL is down")
    with psycopg.connect(server.url("airflow", "airflow"), connect_timeout=5) as connection:
        return connection.execute(statement).fetchall()


def _processes(state: State) -> list[str]:
    """The components and what they started: whom the executor has at work, and who is gone."""
    found = []
    for record in sorted(state.record("x").parent.glob("*.json")):
        pid = json.loads(record.read_text())["pid"]
        if not psutil.pid_exists(pid):
            found.append(f"{record.stem} ({pid}) is gone")
            continue
        process = psutil.Process(pid)
        found.append(f"{record.stem} ({pid}) {process.status()}")
        found += [_child(child) for child in process.children(recursive=True)]
    return found


def _child(process: psutil.Process) -> str:
    """One line. A process may end while it is looked at, and is then a zombie until its parent asks."""
    try:
        return f"  {process.pid} of {process.ppid()} {process.status()} {' '.join(process.cmdline())[:90]}"
    except psutil.NoSuchProcess as error:  # a zombie is one too
        return f"  {process.pid} has ended: {type(error).__name__}"


def _scheduler_log(state: State) -> list[str]:
    lines = state.log("scheduler").read_text(errors="replace").splitlines()
    return [line for line in lines if not any(word in line for word in CHATTER)][-LINES:]


def _task_logs(state: State) -> list[str]:
    found: list[str] = []
    shown = 0
    for dag_id, run_id, task_id, map_index, try_number in _airflow(state, UNWELL):
        folder = state.airflow_home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        if map_index >= 0:
            folder /= f"map_index={map_index}"
        log = folder / f"attempt={try_number}.log"
        if not log.exists():
            continue
        found += [f"{dag_id}.{task_id}[{map_index}] {run_id} try {try_number}", *_said(log)]
        shown += 1
        if shown == TASK_LOGS:
            break
    return found


def _said(log: Path) -> list[str]:
    """The last lines of a task's log: level, event and error of each."""
    said = []
    for line in log.read_text(errors="replace").splitlines()[-25:]:
        try:
            entry = json.loads(line)
            errors = [f"{one['exc_type']}: {one['exc_value']}" for one in entry.get("error_detail") or []]
            said.append("  " + " ".join([str(entry.get("level")), str(entry.get("event")), *errors]))
        except (ValueError, KeyError, TypeError, AttributeError):
            said.append(f"  {line}")
    return said
