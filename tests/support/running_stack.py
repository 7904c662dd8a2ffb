"""What an end-to-end test says to a stack of its own, and how it waits for an answer."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from local.airflow_api import AirflowApi
from local.ports import PREFERRED, free_port, variable
from local.stack import Stack, find_stack
from local.state import CHECKOUT, State

# What the tests settle, roll up and report; all of it, for the stack outlives a test, and so would leftovers.
TABLES = (
    "trade_signals, market_candles, candle_fetches, replays, performance_refreshes, atge_performance_cache, "
    "daily_stats_due, daily_trade_stats, daily_kpis, atge_error_logs, alert_notices, alert_threads"
)
SETTINGS = "/variables/tradeops_settings"
ENDED = ("success", "failed")


@dataclass(frozen=True)
class RunningStack:
    """Where the stack answers; `api("GET", "/dags")` calls its REST API as the admin."""

    airflow_url: str
    user: str
    password: str = field(repr=False)  # a failing test shows its arguments
    database_url: str = field(repr=False)
    sandbox_url: str
    folder: Path
    api: AirflowApi
    environment: dict[str, str] = field(repr=False)  # for commands on this stack: `python -m local down`

    def local(self, *arguments: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """`python -m local` with these arguments, on this stack; its own deadline comes first."""
        return run_local(self.environment, *arguments, seconds=seconds)

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """One statement on the platform's database, in a transaction of its own; the rows it gives."""
        with psycopg.connect(self.database_url, connect_timeout=5) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def settings(self) -> dict[str, Any]:
        """The settings in the UI's variable."""
        settings: dict[str, Any] = json.loads(self.api("GET", SETTINGS)["value"])
        return settings

    def configure(self, **settings: object) -> None:
        """These settings and no others, in the UI's variable."""
        self.api("PATCH", SETTINGS, {"key": "tradeops_settings", "value": json.dumps(settings)})

    def pause(self, dag_id: str, paused: bool = True) -> None:
        """Whether the schedule starts the DAG, and its queued runs."""
        self.api("PATCH", f"/dags/{dag_id}", {"is_paused": paused})

    def resume(self, *dag_ids: str) -> None:
        """Let the schedules start these DAGs. What was due meanwhile is run at once, and has ended."""
        for dag_id in dag_ids:
            self.pause(dag_id, False)
        now = datetime.now(UTC)

        def begun() -> bool:
            """Nothing that was due before now is still to be made a run."""
            for dag in self.api("GET", "/dags?limit=500")["dags"]:
                due = dag["next_dagrun_run_after"]
                if dag["dag_id"] in dag_ids and due and datetime.fromisoformat(due) <= now:
                    return False
            return True

        def ended() -> bool:
            """No run of theirs that was due before now is under way."""
            unended = f"/dags/~/dagRuns?state=running&state=queued&run_after_lte={now:%Y-%m-%dT%H:%M:%SZ}"
            return not {run["dag_id"] for run in self.api("GET", unended)["dag_runs"]} & set(dag_ids)

        wait_for(begun, "the runs that were due to begin")
        wait_for(ended, "the runs that were due to end", 300)

    def trigger(self, dag_id: str, logical_date: str | None = None, **form: object) -> "DagRun":
        """Start a run with its form filled in."""
        body = {"logical_date": logical_date, "conf": form}
        return DagRun(self, dag_id, self.api("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, expected: str = "success", **form: object) -> "DagRun":
        """Start a run with its form filled in and wait for its end; the DAG is not paused from then on."""
        if self.scheduled().get(dag_id):
            self.resume(dag_id)
        run = self.trigger(dag_id, **form)
        run.finish(expected)
        return run

    def scheduled(self) -> dict[str, bool]:
        """The DAGs that have a schedule, and whether it is paused."""
        listed = self.api("GET", "/dags?limit=500")["dags"]
        return {dag["dag_id"]: dag["is_paused"] for dag in listed if dag["timetable_summary"]}

    def wait_for_sweeps(self) -> None:
        """Until no sweep is under way or queued."""
        unfinished = "/dags/settle_trades/dagRuns?state=running&state=queued"
        wait_for(lambda: not self.api("GET", unfinished)["dag_runs"], "all sweeps to end", 300)

    def empty(self) -> None:
        """No trades and nothing that came of any, once the sweeps under way have ended."""
        self.wait_for_sweeps()
        self.execute(f"TRUNCATE {TABLES} CASCADE")

    def backfill(self, dag_id: str, **request: object) -> list[dict[str, Any]]:
        """Let Airflow run the intervals again, also those that were run; all its backfilled runs, ended.

        The DAG is not paused from then on.
        """
        if self.scheduled().get(dag_id):
            self.resume(dag_id)
        body = {"dag_id": dag_id, "reprocess_behavior": "completed", **request}
        number = self.api("POST", "/backfills", body)["id"]
        wait_for(lambda: self.api("GET", f"/backfills/{number}")["completed_at"], "the backfill to end", 240)
        runs: list[dict[str, Any]] = self.api("GET", f"/dags/{dag_id}/dagRuns?run_type=backfill&limit=100")[
            "dag_runs"
        ]
        return runs


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG on a stack."""

    stack: RunningStack
    dag_id: str
    id: str

    @property
    def path(self) -> str:
        """Its place in the REST API."""
        return f"/dags/{self.dag_id}/dagRuns/{self.id.replace('+', '%2B')}"

    def state(self) -> str:
        """Its state now."""
        return str(self.stack.api("GET", self.path)["state"])

    def instances(self) -> list[dict[str, Any]]:
        """Its task instances as REST gives them."""
        found: list[dict[str, Any]] = self.stack.api("GET", f"{self.path}/taskInstances?limit=100")[
            "task_instances"
        ]
        return found

    def tasks(self) -> dict[str, str]:
        """The states of its tasks; one of a mapped task by `task_id[0]`."""
        return {
            task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""): task["state"]
            for task in self.instances()
        }

    def finish(self, expected: str = "success", seconds: float = 180) -> None:
        """Wait for its end, in this state."""
        wait_for(lambda: self.state() in ENDED, f"{self.dag_id} {self.id} to end", seconds)
        assert self.state() == expected, self.tasks()

    def returned(self, task_id: str, map_index: int = -1) -> Any:
        """What a task returned."""
        path = f"{self.path}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.stack.api("GET", f"{path}?map_index={map_index}&deserialize=true")["value"]


def new_environment(folder: Path) -> dict[str, str]:
    """The environment of a stack in that folder, on free ports, without what this process was given."""
    names = ("TRADEOPS_", "AIRFLOW_", "PG")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(names)},
        "TRADEOPS_STACK": str(folder),
        **{variable(component): str(free_port()) for component in PREFERRED},
    }


def run_local(
    environment: dict[str, str], *arguments: str, seconds: float = 900
) -> subprocess.CompletedProcess[str]:
    """`python -m local` with these arguments; the commands have deadlines of their own before that one."""
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@contextmanager
def started(folder: Path, **given: str) -> Iterator[RunningStack]:
    """A healthy stack in that folder, given this environment, taken down at the end.

    Starting it takes about half a minute.
    """
    environment = new_environment(folder) | given
    try:
        _do("up", environment)
        found: Stack = find_stack(State(folder))
        api = found.api()
        yield RunningStack(
            found.airflow_url,
            found.user,
            found.password,
            found.database_url,
            found.sandbox_url,
            folder,
            api,
            environment,
        )
        api.close()
    finally:
        _do("down", environment)


def _do(command: str, environment: dict[str, str]) -> None:
    done = run_local(environment, command)
    if done.returncode != 0:
        said = done.stdout + done.stderr
        pytest.fail(f"`{command}` of the local stack failed:\n{said}", pytrace=False)


T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, seconds: float = 120) -> T:
    """The first true value of the condition; fails after so many seconds, more on a busy machine."""
    seconds *= 1 + os.getloadavg()[0] / (os.cpu_count() or 1)
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.5)
    return value
