"""One local stack a test process: the real scheduler, the real DAGs, a folder of its own.

What has a schedule is paused in it, but for the sweep and the delivery of alerts: the first runs of all DAGs
cost as much CPU time as half a start, and those of every minute as much as the idle stack. A test that runs
a DAG or backfills it lets it run from then on; one that needs them all asks for `on_schedule`.
"""

import json
import os
import shutil
from collections.abc import Generator, Iterator

import pytest

from local.state import CHECKOUT
from tests.support.diagnosis import describe
from tests.support.running_stack import RunningStack, started

ALWAYS_ON_SCHEDULE = ("settle_trades", "deliver_alerts")
OPTIONS = {
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # to read all DAGs takes 10 s of a core
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: two stacks share the tests, and none should work alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure says what the stack knows: it is gone when somebody reads of it."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack is not None:
        report.sections.append(("what the stack knows", describe(stack)))
    return report


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """A healthy stack, taken down after the last test that uses it."""
    # Not in pytest's own folder: started by root, PostgreSQL runs as another user, who may not pass that.
    folder = CHECKOUT / ".stack" / "tests" / f"e2e-{os.getpid()}"
    with started(folder, TRADEOPS_AIRFLOW=json.dumps(OPTIONS)) as running:
        scheduled = running.scheduled()
        for dag in running.api("GET", "/dags?limit=500")["dags"]:
            if dag["dag_id"] not in scheduled or dag["dag_id"] in ALWAYS_ON_SCHEDULE:
                running.pause(dag["dag_id"], False)
        yield running
    shutil.rmtree(folder)  # not after a failed start: its message names a log in there


@pytest.fixture(scope="module")
def on_schedule(stack: RunningStack) -> Iterator[None]:
    """All DAGs run by their schedules, as `make up` begins them, and their first runs have ended."""
    resumed = [
        dag_id
        for dag_id, paused in stack.scheduled().items()
        if paused and not stack.api("GET", f"/dags/{dag_id}/details")["is_paused_upon_creation"]
    ]
    stack.resume(*resumed)
    yield
    for dag_id in resumed:
        stack.pause(dag_id)
