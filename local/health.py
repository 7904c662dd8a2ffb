"""Whether each part of the stack does its work: the only judge is the part itself."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from local import processes
from local.airflow_api import AirflowApi, ApiError
from local.components import AIRFLOW, SANDBOX, dags_folder
from local.state import StackError, State

MAIN_DAG = "settle_trades"
HEALTHY_TIMEOUT = 600.0  # seconds; about 20 are normal, and a busy machine takes many times that
SAY_AGAIN = 10.0  # seconds between two lines while waiting


def await_healthy(
    state: State, sandbox: str, api: AirflowApi, began: datetime, say: Callable[[str], None]
) -> None:
    """Wait until every part answers for itself and every file of DAGs was read since its reader's start.

    `began` is when the start of the parts began: what was read since holds.

    Raises:
        StackError: a part ended, the main DAG cannot be imported, or ten minutes were not enough.
    """
    said = time.monotonic()
    deadline = said + HEALTHY_TIMEOUT
    while True:
        states = component_states(state, sandbox, api)
        for name, found in states.items():
            if found == "stopped":
                raise StackError(f"{name} ended: {last_line(state.log(name))} Log: {state.log(name)}")
        waiting = [name for name, found in states.items() if found != "healthy"]
        if not {"api-server", "dag-processor"} & set(waiting):
            waiting += _not_read(state, api, began)
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise StackError(
                f"Not healthy after {HEALTHY_TIMEOUT:.0f} s: {', '.join(waiting)}. Logs: {state.log('*')}"
            )
        if time.monotonic() - said > SAY_AGAIN:
            say(f"waiting for {', '.join(waiting)}")
            said = time.monotonic()
        time.sleep(0.5)  # what is asked for costs Airflow CPU time that it needs for its start


def component_states(state: State, sandbox: str, api: AirflowApi) -> dict[str, str]:
    """Say of each component but PostgreSQL whether it is `healthy`, `starting` or `stopped`.

    Airflow calls a part healthy for half a minute after its death, so only a heartbeat since the start of
    the process that now runs counts.
    """
    found = {name: processes.find(state, name) for name in (SANDBOX, *AIRFLOW)}
    states = {name: "starting" if process else "stopped" for name, process in found.items()}
    if found[SANDBOX] and _answers(f"{sandbox}/health"):
        states[SANDBOX] = "healthy"
    if not found["api-server"]:
        return states
    try:
        health = api.health()
    except ApiError:
        return states  # not yet: the others cannot be asked either
    states["api-server"] = "healthy"
    for name in ("scheduler", "dag-processor", "triggerer"):
        process, key = found[name], name.replace("-", "_")
        beat = health[key][f"latest_{key}_heartbeat"]
        alive = process and beat and datetime.fromisoformat(beat).timestamp() >= process.create_time()
        if alive and health[key]["status"] == "healthy":
            states[name] = "healthy"
    return states


def import_errors(api: AirflowApi) -> dict[str, tuple[datetime, str]]:
    """The DAG files that Airflow cannot import: path to (when it last tried, the last line of the error)."""
    errors = api("GET", "/importErrors?limit=100")["import_errors"]
    return {
        error["filename"]: (
            datetime.fromisoformat(error["timestamp"]),
            error["stack_trace"].strip().splitlines()[-1],
        )
        for error in errors
    }


def last_line(log: Path) -> str:
    """The last thing that a log says."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing."


def _not_read(state: State, api: AirflowApi, began: datetime) -> list[str]:
    """What of the DAGs is still waited for, in words; a new import error of the main one is raised."""
    try:
        if not _main_dag_is_parsed(api, began):
            return [f"DAG {MAIN_DAG}"]
        files = _files_not_read(state, api)
    except ApiError as error:
        if error.status is not None:
            raise
        return [f"Airflow's API ({error})"]  # it answered a moment ago: the machine is busy
    return [f"the DAG files {', '.join(files)}"] if files else []


def _main_dag_is_parsed(api: AirflowApi, began: datetime) -> bool:
    """Whether the main DAG is there, if there is a file for it; an import error since `began` is raised."""
    file = dags_folder() / f"{MAIN_DAG}.py"
    if not file.exists():
        return True
    for name, (when, reason) in import_errors(api).items():
        if Path(name).name == file.name:
            if when > began:
                raise StackError(f"{file} cannot be imported: {reason}")
            return False  # an older verdict: the file is read again every few seconds
    try:
        return not api("GET", f"/dags/{MAIN_DAG}")["is_stale"]
    except ApiError as error:
        if error.status == 404:
            return False
        raise


def _files_not_read(state: State, api: AirflowApi) -> list[str]:
    """The files of DAGs of which the dag-processor that runs has neither read a DAG nor told an error."""
    process = processes.find(state, "dag-processor")
    since = datetime.fromtimestamp(process.create_time() if process else 0, UTC)
    read = {Path(name).name for name, (when, _) in import_errors(api).items() if when >= since}
    for dag in api("GET", "/dags?limit=500")["dags"]:
        if dag["last_parsed_time"] and datetime.fromisoformat(dag["last_parsed_time"]) >= since:
            read.add(Path(dag["fileloc"]).name)
    return [
        file.name for file in sorted(dags_folder().glob("*.py")) if file.name not in read and _has_dag(file)
    ]


def _has_dag(file: Path) -> bool:
    """As Airflow decides which files it reads."""
    text = file.read_bytes().lower()
    return b"dag" in text and b"airflow" in text


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
