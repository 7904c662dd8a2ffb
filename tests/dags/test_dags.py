"""Every DAG, as Airflow loads it: it parses without a warning and keeps the house rules."""

import ast
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from include.airflow.areas import area_of
from include.telemetry import ErrorType

ROOT = Path(__file__).parents[2]
DAGS = sorted((ROOT / "dags").glob("*.py"))

# Modules that cost a noticeable time to import: they belong into the task that needs them.
HEAVY = {"pandas", "numpy", "great_expectations", "openai", "ccxt", "pyarrow", "uvicorn", "boto3", "altair"}
HEAVY |= {"pyrage", "zstandard"}

# Tasks that call a service outside must queue in a pool.
CALLS_OUTSIDE = {
    "collect_candles": "market_data",
    "collect": "market_data",
    "audit_candles": "market_data",
    "export": "exports",
    "fetch_again": "market_data",
    "analyse": "llm",
    "analyse_batch": "llm",
    "take_snapshot": "market_data",
    "propose": "llm",
    "ask_government": "probes",
    "ask_platform": "probes",
    "deliver": "alerts",
    "create_backup": "backups",
    "verify_backup": "backups",
    "apply_retention": "backups",
    "look_after": "backups",
    "plan": "backups",
    "back_up_first": "backups",
    "restore": "backups",
    "take_over": "backups",
    "drill": "backups",
}

# Tasks that may last longer than an hour: they move a whole database.
LONG = {
    task_id: timedelta(hours=4)
    for task_id in (
        "create_backup",
        "verify_backup",
        "look_after",
        "plan",
        "back_up_first",
        "restore",
        "drill",
    )
}


@pytest.fixture(scope="module")
def bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(ROOT / "dags"), load_op_links=False)


@pytest.fixture(scope="module", params=[path.stem for path in DAGS])
def dag(request, bag):
    return bag.dags[request.param]


def test_dags_load_without_errors_or_warnings(bag):
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert set(bag.dags) == {path.stem for path in DAGS}, "a file is named like the DAG that it holds"


def test_a_dag_explains_itself_and_reports_its_failure(dag):
    assert dag.doc_md and dag.doc_md.lstrip().startswith("###")
    assert dag.on_failure_callback
    assert dag.dagrun_timeout
    assert dag.tags
    assert dag.catchup is False


def test_every_task_is_bounded_owned_and_reported(dag):
    for task in dag.tasks:
        assert task.owner not in ("airflow", ""), task.task_id
        assert timedelta(0) < task.execution_timeout <= LONG.get(task.task_id, timedelta(hours=1)), (
            task.task_id
        )
        assert task.retries >= 1, task.task_id
        assert task.on_failure_callback, task.task_id
        pool = CALLS_OUTSIDE.get(task.task_id.rpartition(".")[2])
        if pool:
            assert task.pool == pool, task.task_id


def test_every_task_states_its_area(dag):
    for task in dag.tasks:
        assert area_of(task) in get_args(ErrorType), f"{task.task_id}: @area(…) below @task says where it is"


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_is_thin_and_imports_nothing_heavy(path):
    source = path.read_text()
    explanation = ast.get_docstring(ast.parse(source), clean=False) or ""
    lines = [line for line in source.replace(explanation, "").splitlines() if line.strip()]
    assert len(lines) <= 100
    # Airflow's own imports first: what it brings along is not the DAG's doing.
    program = (
        "import sys, airflow.sdk, airflow.models.dag, airflow.dag_processing.processor\n"
        "before = set(sys.modules)\n"
        f"import runpy; runpy.run_path({str(path)!r})\n"
        "print(' '.join(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert not HEAVY & set(done.stdout.split()), "import it inside the task"


@pytest.mark.parametrize(
    ("dag_id", "severity"),
    [("settle_trades", "critical"), ("deliver_alerts", "critical"), ("collect_candles", "warning")],
)
def test_a_task_s_callbacks_say_how_bad_its_failure_is(bag, dag_id, severity):
    (task, *_) = bag.dags[dag_id].tasks
    (report,) = task.on_failure_callback
    assert severity in [cell.cell_contents for cell in report.__closure__]
    assert task.on_retry_callback
    assert task.on_success_callback
