"""The paths at the root: who may ask, what `/health` says and how soon, what errors look like."""

import time
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.database import DatabaseError, connect
from include.telemetry.exporters import EndedRuns
from include.web.root import build_root

SECRET = "scrape-sécret-of-a-program"
GUARDED = ("/config", "/metrics")
AWAY = "postgresql://nobody@127.0.0.1:9/nothing"


class Server:
    """What the application is made of, to be changed by a test."""

    def __init__(self, database):
        self.database = database
        self.parts = {"scheduler": "healthy", "triggerer": None}
        self.secret = SECRET
        self.person = None
        self.last_runs = {"sweep": None, "rollup": None}
        self.settings = "{}"
        self.connections = {"llm"}

    @contextmanager
    def open_database(self):
        yield self.database

    async def find_person(self, request):
        return self.person

    @property
    def client(self) -> TestClient:
        return TestClient(
            build_root(
                self.open_database,
                lambda: self.parts,
                lambda: self.last_runs,
                lambda: self.settings,
                self.connections.__contains__,
                lambda since: EndedRuns([], []),
                self.find_person,
                lambda: self.secret,
            )
        )


@pytest.fixture
def server(database):
    return Server(database)


def bearer(secret):
    return {"Authorization": b"Bearer " + secret.encode()}


def is_problem(answer, status):
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and (answer.status_code, body["status"], body["success"]) == (status, status, False)
        and body["error"] == body["detail"] != ""
    )


@pytest.mark.parametrize("path", GUARDED)
def test_who_presents_the_secret_or_is_logged_in_may_look(server, path):
    assert server.client.get(path, headers=bearer(SECRET)).status_code == 200
    assert server.client.get(path, headers={"Authorization": "bearer " + "x"}).status_code == 401
    server.person = "somebody"
    assert server.client.get(path).status_code == 200


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer(SECRET + "x"),
        bearer(SECRET[:-1]),
        bearer("é\x01"),
        {"Authorization": f"Basic {1}"},
    ],
    ids=str,
)
def test_nobody_and_a_wrong_secret_are_turned_away_with_a_challenge(server, path, headers):
    answer = server.client.get(path, headers=headers)
    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_only_people_may_look(server, path, secret):
    server.secret = secret
    for given in ("", "None", SECRET):
        assert server.client.get(path, headers=bearer(given)).status_code == 401
    server.person = "somebody"
    assert server.client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/health", *GUARDED])
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(server, path, method):
    answer = server.client.request(method, path, headers=bearer(SECRET))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/health", *GUARDED])
def test_answers_are_not_kept_and_run_nothing(server, path):
    answer = server.client.get(path, headers=bearer(SECRET))
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_there_are_no_other_paths(server):
    for path in ("/", "/docs", "/openapi.json", "/health/", "/status/x"):
        assert is_problem(server.client.get(path), 404)


def look(database, **services):
    """Store a look at each service, five seconds ago or as long ago as a number says."""
    with database.begin() as connection:
        for service, (status, seconds) in services.items():
            connection.execute(
                text(
                    "INSERT INTO probe_results"
                    " (service, kind, status, reason, checked_at, check_every, run_url) "
                    "VALUES (:service, 'platform', :status, 'as it is', "
                    "now() - make_interval(secs => :seconds), '1 minute', 'x')"
                ),
                {"service": service, "status": status, "seconds": seconds},
            )


@pytest.mark.parametrize(
    ("services", "parts", "word"),
    [
        ({}, {}, "healthy"),
        ({"kraken": ("healthy", 5), "storage": (None, 5)}, {"scheduler": "healthy"}, "healthy"),
        ({}, {"scheduler": "healthy", "triggerer": None}, "healthy"),
        ({"kraken": ("degraded", 5)}, {}, "degraded"),
        ({"kraken": ("down", 5)}, {}, "degraded"),
        ({"kraken": ("healthy", 200)}, {}, "degraded"),  # three looks in a row are missing
        ({}, {"scheduler": "down"}, "degraded"),
    ],
    ids=str,
)  # fmt: skip
def test_health_is_one_word_for_all(server, services, parts, word):
    look(server.database, **services)
    server.parts = parts
    answer = server.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": word})


def test_health_is_down_without_the_database(server):
    server.database = connect(AWAY, application="tests")
    answer = server.client.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "down"})


def test_health_does_not_wait_for_a_database_that_hangs_and_asks_it_once(server):
    asked = []

    @contextmanager
    def hang():
        asked.append(1)
        time.sleep(2.5)
        raise DatabaseError("it hung")
        yield

    server.open_database = hang
    client = server.client
    began = time.monotonic()
    assert [client.get("/health").status_code for _ in range(2)] == [503, 503]
    assert time.monotonic() - began < 4
    assert len(asked) == 1
