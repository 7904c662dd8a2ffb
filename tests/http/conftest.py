"""A local server for the tests of the HTTP client, and services that lose patience quickly."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from include.http import Breaker, Retry, Service, Timeout
from include.http.client import Client
from include.settings import Endpoint
from tests.support.http_server import Server

QUICK = Service(
    "testing",
    timeout=Timeout(connect=5, read=5, total=10),  # a busy machine is slow to answer, and no failure
    retry=Retry(attempts=3, budget=5.0, wait_initial=0.01, wait_max=0.02, jitter=0.01),
    breaker=Breaker(threshold=1000, recovery=60.0),
)

# For servers that do not answer at all.
IMPATIENT = Timeout(connect=2, read=0.5, total=0.7)

Open = Callable[..., Client]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def client_of(server: Server, database: Engine) -> Iterator[Open]:
    """Makes a client of the local server: `client_of(secret=…, engine=…, **changes of the service)`."""
    clients = []

    def make(*, secret: str | None = None, engine: Engine = database, **changes: object) -> Client:
        client = Client(replace(QUICK, **changes), Endpoint(server.url, secret), engine)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def metrics(database):
    """The measurements that the database holds."""
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_performance_metrics ORDER BY timestamp")).all()


def state_of_service(database):
    """What is kept of the service of these tests: its breaker and its pause."""
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM http_services WHERE service = 'testing'")).one()


@pytest.fixture
def pauses(monkeypatch):
    """Nobody really sleeps; the list holds the pauses that were asked for."""
    asked = []
    monkeypatch.setattr(time, "sleep", lambda seconds: asked.append(seconds) if seconds else None)
    return asked
