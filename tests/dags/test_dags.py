"""Every DAG, as Airflow loads it: it parses without a warning and keeps the house rules."""

import ast
import json
import re
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from airflow.sdk.exceptions import AirflowFailException
from markdown_it import MarkdownIt

from include.airflow.access import Effect, may_start
from include.airflow.areas import area_of
from include.airflow.forms import refuse_unknown_names
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


# What a task or its pool does that not everybody should be able to start.
EFFECT_OF_POOL = {"llm": Effect.SPENDS, "exports": Effect.SENDS, "alerts": Effect.SENDS}
EFFECT_OF_TASK = {
    "clean": Effect.DESTROYS,
    "drop": Effect.DESTROYS,
    "apply_retention": Effect.DESTROYS,
    "look_after": Effect.DESTROYS,
    "take_over": Effect.DESTROYS,
    "replay": Effect.DESTROYS,
    "restore": Effect.RESTORES,
    "drill": Effect.RESTORES,
    "silence": Effect.SILENCES,
    "acknowledge": Effect.SILENCES,
}


def test_a_dag_that_destroys_restores_spends_sends_or_silences_says_who_may_start_it(dag):
    ids = {task.task_id.rpartition(".")[2] for task in dag.tasks}
    expected = {EFFECT_OF_TASK[name] for name in ids & EFFECT_OF_TASK.keys()}
    expected |= {EFFECT_OF_POOL[task.pool] for task in dag.tasks if task.pool in EFFECT_OF_POOL}
    assert expected <= set(dag.tags)
    stated = set(dag.tags) & set(Effect)
    if dag.schedule is None:
        assert stated, "a DAG that people start states its effect"


def test_the_roles_that_may_start_a_dag_come_from_the_environment(monkeypatch):
    assert may_start("alerts", Effect.SENDS) == {
        "tags": ["alerts", "sends"]
    }  # the simple auth manager has none
    fab = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", fab)
    monkeypatch.setenv("TRADEOPS_DAG_STARTERS", '{"restores": ["Restorers", "Op"], "sends": []}')
    assert set(may_start("backups", Effect.RESTORES)["access_control"]) == {"Op", "Restorers"}
    assert set(may_start("backups", Effect.RESTORES, Effect.DESTROYS)["access_control"]) == {"Op"}
    assert may_start("alerts", Effect.SENDS) == {"tags": ["alerts", "sends"], "access_control": {}}
    ((role, rights),) = may_start("trades", Effect.SPENDS)["access_control"].items()
    assert (role, rights["DAG Runs"]) == ("Op", {"can_create"})


def test_its_description_is_what_its_doc_begins_with(dag):
    assert dag.description == dag.doc_md.splitlines()[0].removeprefix("### ")
    assert 10 < len(dag.description) < 100


def test_its_doc_renders_as_it_was_written(dag):
    """A table whose lines were wrapped into one paragraph is a paragraph with pipes."""
    rendered = MarkdownIt("commonmark").enable("table").parse(dag.doc_md)
    kinds = [token.type for token in rendered]
    rows = [line for line in dag.doc_md.splitlines() if line.startswith("|") and "---" not in line]
    items = [line for line in dag.doc_md.splitlines() if line.startswith("- ")]
    assert kinds.count("tr_open") == len(rows)
    assert kinds.count("list_item_open") == len(items)
    for opened, token in pairwise(rendered):
        if opened.type == "paragraph_open":
            bare = re.sub(r"`[^`]*`", "", token.content)
            assert "|" not in bare, f"a broken table: {token.content[:80]}"
            assert not re.search(r"\s[-*] \*\*", bare), f"a broken list: {token.content[:80]}"


def test_names_that_its_form_lacks_are_refused_by_its_first_task(dag):
    (first, *others) = dag.roots
    context = {"dag": dag, "dag_run": SimpleNamespace(conf={"no_such_name": 1})}
    for task in (first, *others):
        assert task._pre_execute_hook is refuse_unknown_names, task.task_id
    if not dag.params:
        first._pre_execute_hook(context)
        return
    with pytest.raises(AirflowFailException, match="no_such_name") as caught:
        first._pre_execute_hook(context)
    for name in dag.params:
        assert name in str(caught.value)
    first._pre_execute_hook({**context, "dag_run": SimpleNamespace(conf=dict.fromkeys(dag.params))})
    first._pre_execute_hook({**context, "dag_run": SimpleNamespace(conf=None)})


def test_the_names_of_every_form_are_documented(bag):
    """What REST takes under `conf`: people must not have to read the code for it."""
    expected = [
        f"| `{name}` | {', '.join(f'`{field}`' for field in dag.params)} |"
        for name, dag in sorted(bag.dags.items())
        if dag.params
    ]
    page = (ROOT / "docs" / "operating.md").read_text()
    section = page.split("## Starting a DAG over REST", 1)[1].split("\n## ", 1)[0]
    found = [line for line in section.splitlines() if line.startswith("| `")]
    assert found == expected, "paste this into docs/operating.md:\n" + "\n".join(expected)


@pytest.mark.parametrize(
    ("dag_id", "given", "meant"),
    [("export_trades", "user", "users"), ("replay_trades", "symbol", "symbols")],
)
def test_a_name_that_is_nearly_right_is_offered(bag, dag_id, given, meant):
    context = {"dag": bag.dags[dag_id], "dag_run": SimpleNamespace(conf={given: ["x"]})}
    with pytest.raises(AirflowFailException, match=f"{given}; did you mean {meant}\\?"):
        refuse_unknown_names(context)


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


# Airflow's own imports first: what it brings along is not the DAG's doing. Each file has its own process.
IMPORTER = """
import json, multiprocessing, runpy, sys
import airflow.sdk, airflow.models.dag, airflow.dag_processing.processor

before = set(sys.modules)

def imported(path):
    runpy.run_path(path)
    return sorted({name.split(".")[0] for name in set(sys.modules) - before})

with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    print(json.dumps(dict(zip(sys.argv[1:], pool.map(imported, sys.argv[1:], chunksize=1)))))
"""


@pytest.fixture(scope="module")
def brought_along():
    """What each DAG file imports besides Airflow, by top-level package."""
    program = [sys.executable, "-c", IMPORTER, *map(str, DAGS)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_is_thin_and_imports_nothing_heavy(path, brought_along):
    source = path.read_text()
    explanation = ast.get_docstring(ast.parse(source), clean=False) or ""
    lines = [line for line in source.replace(explanation, "").splitlines() if line.strip()]
    assert len(lines) <= 100
    assert "include" in brought_along[str(path)], "it was imported"
    assert not HEAVY & set(brought_along[str(path)]), "import it inside the task"


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
    assert task.on_skipped_callback, (
        "a sweep that finds nothing to do works too: what failed before is healed"
    )
