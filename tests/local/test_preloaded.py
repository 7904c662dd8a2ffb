"""What tasks and the reading of DAG files need not import, because their parent has: counted in modules."""

import json
import subprocess
import sys

import pytest

from local import preloaded
from local.state import CHECKOUT

DAGS = sorted((CHECKOUT / "dags").glob("*.py"))
FREE = {"include", *sys.stdlib_module_names}

# As a worker does: import, fork, read the file, import what every task uses around its own work.
PROGRAM = """
import json, multiprocessing, runpy, sys

from local.preloaded import import_for

component, paths = sys.argv[1], sys.argv[2:]
import_for(component)
before = set(sys.modules)


def new_modules(path):
    runpy.run_path(path)
    if component == "scheduler":
        import include.alerts.failures, include.database, include.settings_check, include.telemetry
        import include.signals.attempts, include.signals.generate
        import include.trades.claim, include.trades.collect, include.trades.gate, include.trades.settle
    return sorted(set(sys.modules) - before)


with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    found = dict(zip(paths, pool.map(new_modules, paths, chunksize=1)))
print(json.dumps({"before": sorted(before), "found": found}))
"""


def imported(component, paths):
    program = [sys.executable, "-c", PROGRAM, component, *map(str, paths)]
    done = subprocess.run(program, cwd=CHECKOUT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def foreign(modules):
    return [name for name in modules if name.split(".")[0] not in FREE]


@pytest.fixture(scope="module")
def parsed():
    return imported("dag-processor", DAGS)


@pytest.fixture(scope="module")
def run():
    names = ("generate_signals", "settle_trades", "deliver_alerts")
    return imported("scheduler", [CHECKOUT / "dags" / f"{name}.py" for name in names])


@pytest.mark.parametrize("component", preloaded.MODULES)
def test_nothing_of_the_project_is_kept_from_an_earlier_version(component, parsed, run):
    """A task must run the code that is on disk now, not what the stack was started with."""
    before = (parsed if component == "dag-processor" else run)["before"]
    assert [name for name in before if name.split(".")[0] in ("include", "dags")] == []


def test_a_dag_file_imports_the_project_alone(parsed):
    assert len(parsed["found"]) == len(DAGS)
    for path, modules in parsed["found"].items():
        assert foreign(modules) == [], f"{path}: name it in local/preloaded.py"


def test_a_task_imports_the_project_alone(run):
    for path, modules in run["found"].items():
        assert "include.database" in modules
        assert foreign(modules) == [], f"{path}: name it in local/preloaded.py"


def test_a_parser_of_dag_files_stays_small(parsed):
    heavy = {"pandas", "great_expectations", "openai"}
    assert heavy.isdisjoint(parsed["before"])
