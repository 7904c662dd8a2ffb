"""docs/api.md: each example is true, and each route has one."""

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from include.web.api.cron import router as api_cron
from tests.support.rows import NOW, insert_settled, insert_signal
from tests.support.web import describe_api, listening
from tests.web.test_root import SECRET, Server, bearer

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
ROWS = re.findall(r"^\| `(GET|POST) (/[^ `]+)(?: (\{[^`]*\}))?` \|", PAGE, re.MULTILINE)
CURLS = re.findall(r"^curl .*$", PAGE, re.MULTILINE)
USER = "0f8fad5b-d9cb-469f-a165-70867728950e"
SETTLED = "52a11ee9-e186-46f2-b128-ee0e9848ff1d"
DUE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ROOT_PATHS = {"/health", "/status", "/config", "/metrics"}
RUN = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"


@pytest.fixture
def documented(api):
    """The API over the rows that the page speaks of."""
    api.secrets["cron"] = "the-cron-secret"
    past = {"user_id": USER, "generated_at": NOW - timedelta(hours=3), "expires_at": NOW - timedelta(hours=1)}
    with api.engine.begin() as connection:
        insert_settled(connection, "completed_success", 12.5, id=SETTLED, **past)
        insert_signal(connection, id=DUE, **past)
        connection.execute(
            text(
                "INSERT INTO api_runs (id, dag_id, user_id, started_by, conf, started_at) "
                "VALUES (:id, 'generate_signals', :user, 'key:x', '{}', now() - interval '1 hour')"
            ),
            {"id": RUN, "user": USER},
        )
        connection.execute(
            text("INSERT INTO token_holders (user_id, wallet) VALUES (:user, :wallet)"),
            {"user": USER, "wallet": "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"},
        )
        connection.execute(text("UPDATE api_runs SET asked_at = asked_at - interval '1 hour'"))
    return api


@pytest.mark.parametrize(("method", "path", "body"), ROWS, ids=lambda part: str(part)[:60])
def test_an_example_is_true(documented, method, path, body):
    if path in ROOT_PATHS:
        answer = Server(documented.engine).client.get(path, headers=bearer(SECRET))
        assert answer.status_code == 200, answer.text
        return
    cron = path.startswith("/api/cron/")
    scopes = ("operate",) if path.startswith(("/api/atge/signals", "/api/risk/")) else ("read", "write")
    client = documented.client("the-cron-secret" if cron else documented.key(*scopes, user=USER))
    answer = client.request(method, path, json=json.loads(body) if body else None)
    work = method == "POST" and not cron and not path.endswith(("feedback", "/debug/signal"))
    assert answer.status_code == (202 if work else 200), answer.text
    if "json" in answer.headers["Content-Type"] and not path.endswith("openapi.json"):
        assert answer.json()["success"] is True


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_curl_works_as_it_stands(documented):
    """Typed into a shell, with the variables that the page speaks of, at a server that listens."""
    key = documented.key("read", "write", user=USER)
    with listening(documented.server) as url:
        known = {**os.environ, "KEY": key, "CRON_SECRET": "the-cron-secret", "AIRFLOW_URL": url}
        for typed in CURLS:
            done = subprocess.run(
                ["sh", "-c", f"{typed} --silent --show-error --fail-with-body"],
                env=known, capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert json.loads(done.stdout)["success"] is True
    assert len(CURLS) >= 4


def test_every_route_has_an_example(api, database):
    """Those of the OpenAPI document, those of /api/cron, and those at the root of the server."""
    shown = [(method, path.partition("?")[0]) for method, path, _ in ROWS]
    there = {(method.upper(), path) for path, item in describe_api()["paths"].items() for method in item} | {
        ("POST", f"/api/cron{route.path}") for route in api_cron.routes
    }
    there |= {("GET", route.path) for route in Server(database).client.app.routes}
    for method, path in there:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        assert [one for one in shown if one[0] == method and pattern.fullmatch(one[1])], f"{method} {path}"
    assert len(shown) == len(there)
