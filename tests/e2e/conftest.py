"""One local stack for all end-to-end tests: the real scheduler, the real DAGs, a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator

import pytest

from local.ports import PREFERRED, free_port, variable
from local.stack import Stack, find_stack
from local.state import CHECKOUT, State
from tests.e2e.diagnosis import describe
from tests.e2e.running_stack import RunningStack


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
    """A healthy stack, taken down after the last test that uses it. Starting it takes about half a minute."""
    # Not in pytest's own folder: started by root, PostgreSQL runs as another user, who may not pass that.
    folder = CHECKOUT / ".stack" / "tests" / f"e2e-{os.getpid()}"
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TRADEOPS_", "AIRFLOW_"))
        },
        "TRADEOPS_STACK": str(folder),
        **{variable(component): str(free_port()) for component in PREFERRED},
    }
    try:
        _run("up", environment)
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
        _run("down", environment)
    shutil.rmtree(folder)  # not after a failed start: its message names a log in there


def _run(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", command],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,  # the command has a deadline of its own, and says what it waited for
    )
    if done.returncode != 0:
        pytest.fail(f"`{command}` of the local stack failed:\n{done.stdout}{done.stderr}", pytrace=False)
