"""What the tests of the pages share."""

from contextlib import nullcontext

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.web import build_app
from tests.support.web import FakeRuns, desk_host, find_person


@pytest.fixture(scope="session")
def kept_runs() -> FakeRuns:
    """The runs of `kept_desk`; ask for `runs`."""
    return FakeRuns()


@pytest.fixture(scope="session")
def kept_desk(worker_engine, kept_runs) -> FastAPI:
    """The pages of all tests; ask for `client`. To make them costs as much as ten requests."""
    server = FastAPI()
    desk = build_app(lambda: nullcontext(worker_engine), [], find_person, desk_host(runs=kept_runs))
    server.mount("/tradeops", desk)
    return server


@pytest.fixture
def runs(kept_runs) -> FakeRuns:
    """What the pages started, and what Airflow says of it; none yet."""
    kept_runs.forget()
    return kept_runs


@pytest.fixture
def client(database, kept_desk, runs) -> TestClient:
    """The application under a prefix, as Airflow mounts it, open to everybody; the database is empty."""
    return TestClient(kept_desk)
