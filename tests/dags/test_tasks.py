"""What each task states of itself, and that it is true: derived from what its source opens."""

import ast
import inspect
import textwrap
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
import yaml

from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import BULK_QUEUE, facts_of
from include.telemetry import ErrorType

ROOT = Path(__file__).parents[2]
CORNER = ROOT / "include" / "airflow"
DATABASES = {"database_url", "admin_url"}  # connections that lead to a database, not outside
EFFECT_OF_POOL = {"llm": Effect.SPENDS, "exports": Effect.SENDS, "alerts": Effect.SENDS}


def function_of(task):
    partial = getattr(task, "partial_kwargs", None) or {}
    return getattr(task, "python_callable", None) or partial.get("python_callable")


def names_in(node: ast.AST) -> set[str]:
    """Every name that a piece of source uses."""
    return {
        found.id if isinstance(found, ast.Name) else found.attr
        for found in ast.walk(node)
        if isinstance(found, ast.Name | ast.Attribute)
    }


@cache
def corner() -> dict[str, set[str]]:
    """Each function and constant of the corner that knows Airflow: its name, and the names that it uses."""
    found: dict[str, set[str]] = {}
    for path in CORNER.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, set()).update(names_in(node))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    found.setdefault(ast.unparse(target), set()).update(names_in(node.value))
    return found


def names_from_the_corner(source: str, file: str | None) -> set[str]:
    """The names that a function uses of the corner that knows Airflow.

    `file` is the source of its file; None: a file of the corner, which uses its own without importing them.
    """
    function = ast.parse(textwrap.dedent(source)).body[0]
    if file is None:
        return names_in(function)
    imports = [
        node
        for tree in (ast.parse(file), function)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("include.airflow")
    ]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    of_modules = {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in imported
    }
    return names_in(function) & imported | of_modules


def opens_something_outside(source: str, file: str | None) -> bool:
    """Whether a function asks Airflow for a connection, itself or by what it calls, that is no database's."""
    seen: set[str] = set()
    to_see = names_from_the_corner(source, file)
    while to_see:
        name = to_see.pop()
        if name == "Connection":
            return True
        if name not in seen and name not in DATABASES:
            to_see |= corner().get(name, set())
        seen.add(name)
    return False


def test_the_derivation_finds_what_is_opened():
    for call in ("endpoint('llm')", "open_sources(settings, engine)", "open_storage(place)"):
        name = call.partition("(")[0]
        file = f"from include.airflow.connections import {name}\n"
        assert opens_something_outside(f"def task():\n    return {call}", file), call
    file = "from include.airflow.connections import load_settings, open_database\n"
    source = "def task():\n    with open_database('x'):\n        load_settings()"
    assert not opens_something_outside(source, file)
    inside = "def task():\n    from include.airflow.connections import endpoint\n    endpoint(1)"
    assert opens_something_outside(inside, "")


def test_every_task_states_its_area(any_dag):
    for task in any_dag.tasks:
        facts = facts_of(task)
        assert facts and facts.area in get_args(ErrorType), f"{task.task_id}: include.airflow.task.task"


def test_a_task_that_calls_outside_says_so_and_queues(any_dag):
    for task in any_dag.tasks:
        if function := function_of(task):
            file = Path(inspect.getfile(function))
            text = None if file.parent == CORNER else file.read_text()
            found = opens_something_outside(inspect.getsource(function), text)
            assert facts_of(task).outside == found, f"{task.task_id}: outside={found}"
        queues = task.pool != "default_pool"
        if facts_of(task).outside:
            assert queues or task.max_active_tis_per_dagrun, f"{task.task_id} has no pool"
        else:
            assert not queues, f"{task.task_id} takes a place of those that call outside"


def test_every_task_is_bounded_owned_and_reported(any_dag):
    for task in any_dag.tasks:
        assert task.owner not in ("airflow", ""), task.task_id
        most = timedelta(hours=4 if facts_of(task).long else 1)
        assert timedelta(0) < task.execution_timeout <= most, task.task_id
        assert task.retries >= 1, task.task_id
        assert task.on_failure_callback, task.task_id


def test_a_dag_s_tags_say_what_it_is_about_and_what_its_tasks_do(any_dag):
    effects = {facts_of(task).effect for task in any_dag.tasks} - {None}
    assert set(any_dag.tags) & set(Effect) == effects
    assert len(set(any_dag.tags) & set(Subject)) == 1
    for task in any_dag.tasks:
        expected = EFFECT_OF_POOL.get(task.pool)
        assert expected is None or facts_of(task).effect == expected, task.task_id
    if any_dag.schedule is None:
        assert effects, "a DAG that people start states its effect"


def test_the_roles_that_may_start_a_dag_come_from_the_environment(monkeypatch):
    assert tagged(Subject.ALERTS, Effect.SENDS) == {
        "tags": ["alerts", "sends"]
    }  # the simple auth manager has none
    fab = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", fab)
    monkeypatch.setenv("TRADEOPS_DAG_STARTERS", '{"restores": ["Restorers", "Op"], "sends": []}')
    assert set(tagged(Subject.BACKUPS, Effect.RESTORES)["access_control"]) == {"Op", "Restorers"}
    assert set(tagged(Subject.BACKUPS, Effect.RESTORES, Effect.DESTROYS)["access_control"]) == {"Op"}
    assert tagged(Subject.ALERTS, Effect.SENDS) == {"tags": ["alerts", "sends"], "access_control": {}}
    assert tagged(Subject.QUALITY) == {"tags": ["quality"]}, "everybody may start it who may start something"
    ((role, rights),) = tagged(Subject.TRADES, Effect.SPENDS)["access_control"].items()
    assert (role, rights["DAG Runs"]) == ("Op", {"can_create"})


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


def test_the_instances_of_a_mapped_task_have_names(any_dag):
    """The UI shows `batch 1: 60 trades`; without a template it is 0."""
    given = {"batch": 0, "worker": 0, "due": {"table": "llm_calls", "rows": 5}, "channel": "mail"}
    for task in any_dag.tasks:
        expanded = getattr(task, "op_kwargs_expand_input", None)
        if not task.is_mapped and not task.get_closest_mapped_task_group():
            continue
        known = (
            {*(expanded.value if expanded else {}), *task.partial_kwargs.get("op_kwargs", {})}
            if (task.is_mapped)
            else set(task.op_kwargs)
        )
        context = {"task": SimpleNamespace(op_kwargs={name: given.get(name, "") for name in known})}
        template = any_dag.get_template_env().from_string(task.map_index_template)
        assert template.render(context) in ("batch 1", "worker 1", "llm_calls: 5 rows", "mail")
        assert template.render(context | {"done": "60 trades"}).endswith(
            ("1: 60 trades", "5 rows", "mail: 60 trades")
        )


def test_every_queue_has_workers_on_compose_and_on_a_cluster(bag):
    queues = {task.queue for dag in bag.dags.values() for task in dag.tasks}
    assert queues == {"default", BULK_QUEUE}
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    command = compose["services"]["worker"]["command"]
    assert set(command[command.index("--queues") + 1].split(",")) == queues
    celery = yaml.safe_load((ROOT / "deploy/kubernetes/values.yaml").read_text())["workers"]["celery"]
    assert {workers["queue"] for workers in (celery, *celery["sets"])} == queues
