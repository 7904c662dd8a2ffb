"""What the tests of the pages share."""

from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.web import build_app
from tests.support.web import desk_host, find_person


@pytest.fixture
def client(database) -> TestClient:
    """The application under a prefix, as Airflow mounts it, open to everybody."""

    @contextmanager
    def open_database():
        yield database

    server = FastAPI()
    server.mount("/tradeops", build_app(open_database, [], find_person, desk_host()))
    return TestClient(server)
