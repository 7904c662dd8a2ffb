"""The plugin as Airflow loads it: thin, cheap, and closed to strangers."""

import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plugin():
    from plugins.tradeops import TradeopsPlugin

    return TradeopsPlugin


@pytest.fixture
def client(plugin) -> TestClient:
    server = FastAPI()
    for mounted in plugin.fastapi_apps:
        server.mount(mounted["url_prefix"], mounted["app"])
    return TestClient(server)


@pytest.mark.parametrize(
    "path",
    [
        "/tradeops/data-docs",
        "/tradeops/data-docs/6f1c9d5e-0000-4000-8000-000000000001",
        "/tradeops/probes",
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Cookie": "_token="}, {"Authorization": "Basic eDp5"}], ids=str)
def test_strangers_are_turned_away(client, path, headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}


def test_whoever_airflow_knows_is_let_in(plugin, client, database, database_url, monkeypatch):
    from airflow.api_fastapi.core_api.security import get_user

    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    pages = plugin.fastapi_apps[0]["app"].app
    pages.dependency_overrides[get_user] = lambda: "somebody"
    try:
        assert "Nothing has been audited yet" in client.get("/tradeops/data-docs").text
    finally:
        pages.dependency_overrides.clear()


def test_every_view_leads_into_an_application_of_the_plugin(plugin):
    prefixes = tuple(mounted["url_prefix"] + "/" for mounted in plugin.fastapi_apps)
    for view in plugin.external_views:
        assert view["href"].startswith(prefixes)
        assert view["destination"] == "nav"


def test_there_is_one_thin_entry_file_that_costs_a_task_nothing():
    (path,) = (ROOT / "plugins").glob("**/*.py")
    assert len(path.read_text().splitlines()) <= 60
    program = (
        "import sys, airflow.sdk, airflow.sdk.execution_time.task_runner\n"
        "before = set(sys.modules)\n"
        f"import runpy; runpy.run_path({str(path)!r})\n"
        "print(' '.join(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"fastapi", "pandas", "sqlalchemy", "include"} & set(done.stdout.split())
