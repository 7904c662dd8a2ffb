"""What tasks and the reading of DAG files need not import, because their parent has: counted in modules."""

import json
import subprocess
import sys

import pytest

from local import preloaded
from local.state import CHECKOUT

DAGS = sorted((CHECKOUT / "dags").glob("*.py"))
FREE = {"include", *sys.stdlib_module_names}
# What costs a noticeable time or memory to import, and Airflow itself does without.
HEAVY = {"pandas", "numpy", "great_expectations", "openai", "ccxt", "pyarrow", "uvicorn", "boto3", "altair"}
HEAVY |= {"pyrage"}

# As a worker does: import, fork, read the file, import what every task uses around its own work. The
# scheduler imports what the DAG processor does, and more: one process is first the one, then the other.
PROGRAM = """
import json, multiprocessing, runpy, sys

from local.preloaded import import_for


def new_modules(path, task):
    runpy.run_path(path)
    if task:
        import include.alerts.failures, include.database, include.settings_check, include.telemetry
        import include.signals.attempts, include.signals.generate
        import include.trades.claim, include.trades.collect, include.trades.gate, include.trades.settle
    return sorted(set(sys.modules) - before)


told = {}
for component, paths in json.loads(sys.argv[1]).items():
    import_for(component)
    before = set(sys.modules)
    asked = [(path, component == "scheduler") for path in paths]
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        found = dict(zip(paths, pool.starmap(new_modules, asked, chunksize=1)))
    told[component] = {"before": sorted(before), "found": found}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def imported():
    """What a component imports before it forks, and what its forks import besides: by component."""
    tasks = ("generate_signals", "settle_trades", "deliver_alerts")
    paths = {
        "dag-processor": [str(path) for path in DAGS],
        "scheduler": [str(CHECKOUT / "dags" / f"{name}.py") for name in tasks],
    }
    assert set(preloaded.MODULES["dag-processor"]) < set(preloaded.MODULES["scheduler"])
    program = [sys.executable, "-c", PROGRAM, json.dumps(paths)]
    done = subprocess.run(program, cwd=CHECKOUT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def foreign(modules):
    return [name for name in modules if name.split(".")[0] not in FREE]


@pytest.mark.parametrize("component", sorted({*preloaded.MODULES} - {"api-server"}))  # it forks nothing
def test_nothing_of_the_project_is_kept_from_an_earlier_version(component, imported):
    """A task must run the code that is on disk now, not what the stack was started with."""
    before = imported[component]["before"]
    assert [name for name in before if name.split(".")[0] in ("include", "dags")] == []


def test_a_dag_file_imports_the_project_alone(imported):
    """What is heavy belongs into the task that needs it."""
    found = imported["dag-processor"]["found"]
    assert len(found) == len(DAGS)
    for path, modules in found.items():
        assert "include" in modules
        assert foreign(modules) == [], f"{path}: import it inside the task, or name it in local/preloaded.py"


def test_a_task_imports_the_project_alone(imported):
    for path, modules in imported["scheduler"]["found"].items():
        assert "include.database" in modules
        assert foreign(modules) == [], f"{path}: name it in local/preloaded.py"


def test_a_parser_of_dag_files_stays_small(imported):
    assert HEAVY & set(imported["dag-processor"]["before"]) == set()
