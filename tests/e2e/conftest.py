"""One local stack a test process: the real scheduler, the real DAGs, a folder of its own."""

import os
import shutil
from collections.abc import Generator, Iterator

import pytest

from local.state import CHECKOUT
from tests.support.diagnosis import describe
from tests.support.running_stack import RunningStack, started


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
    with started(folder) as running:
        yield running
    shutil.rmtree(folder)  # not after a failed start: its message names a log in there
