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
    for added in plugin.fastapi_root_middlewares:
        server.add_middleware(added["middleware"])
    for mounted in plugin.fastapi_apps:
        server.mount(mounted["url_prefix"], mounted["app"])
    server.get("/{rest:path}")(lambda rest: "Airflow's own")
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


@pytest.fixture
def scrape_secret(monkeypatch) -> str:
    """The secret of the connection, in a server that has Airflow's logins."""
    from airflow.api_fastapi.app import create_auth_manager

    create_auth_manager()
    monkeypatch.setenv("AIRFLOW_CONN_API_SCRAPE", '{"conn_type": "generic", "password": "of a monitor"}')
    return "of a monitor"


STRANGERS = [{}, {"Cookie": "_token=x.y.z"}, {"Authorization": "Bearer x.y.z"}]


@pytest.mark.parametrize("headers", STRANGERS, ids=str)
def test_strangers_are_turned_away_at_the_root_and_elsewhere_airflow_answers(client, headers, scrape_secret):
    answer = client.get("/config", headers=headers)
    assert (answer.status_code, answer.json()["success"]) == (401, False)
    for path in ("/", "/health/", "/healthy", "/config/x", "/tradeopsx"):
        assert client.get(path, headers=headers).json() == "Airflow's own"


def test_the_scrape_secret_is_the_password_of_a_connection(client, scrape_secret, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", '{"batch_size": 7}')
    answer = client.get("/config", headers={"Authorization": f"Bearer {scrape_secret}"})
    assert answer.status_code == 200
    assert scrape_secret not in answer.text
    (batch_size,) = [one for one in answer.json()["settings"] if one["name"] == "batch_size"]
    assert (batch_size["value"], batch_size["source"]) == (7, "Variable")
    assert {"name": "api_scrape", "present": True} in answer.json()["connections"]
    monkeypatch.delenv("AIRFLOW_CONN_API_SCRAPE")
    assert client.get("/config", headers={"Authorization": f"Bearer {scrape_secret}"}).status_code == 401


def test_with_airflows_database_away_all_is_said_in_words(client, scrape_secret):
    """Airflow's database, which holds connections and Variables, has no tables here."""
    assert (client.get("/health").status_code, client.get("/health").json()) == (503, {"status": "down"})
    for path in ("/status", "/config", "/metrics"):
        answer = client.get(path, headers={"Authorization": f"Bearer {scrape_secret}"})
        assert (answer.status_code, answer.json()["success"]) == (503, False), path
        assert "tradeops" in answer.json()["error"]


def test_a_secret_holds_on_while_nobody_knows_whether_it_is_still_there(monkeypatch):
    from include.airflow.server import ProgramSecret

    answers = [True]
    secret = ProgramSecret("api_scrape", lambda: answers[0])
    assert secret() is None
    monkeypatch.setenv("AIRFLOW_CONN_API_SCRAPE", '{"conn_type": "generic", "password": "first"}')
    assert secret() == "first"
    monkeypatch.setenv("AIRFLOW_CONN_API_SCRAPE", '{"conn_type": "generic", "password": "second"}')
    assert secret() == "second"
    monkeypatch.delenv("AIRFLOW_CONN_API_SCRAPE")
    answers[0] = False
    assert secret() == "second"
    answers[0] = True
    assert secret() is None


def test_the_plugin_takes_the_paths_that_its_application_has(plugin, client):
    from plugins.tradeops import ROOT_PATHS, make

    assert {route.path for route in make("root").routes} == ROOT_PATHS


def test_every_view_leads_into_an_application_of_the_plugin(plugin):
    prefixes = tuple(mounted["url_prefix"] + "/" for mounted in plugin.fastapi_apps)
    for view in plugin.external_views:
        assert view["href"].startswith(prefixes)
        assert view["icon"].startswith(prefixes)
    assert [view["destination"] for view in plugin.external_views] == ["nav", "dag", "dag_run"]
    assert plugin.external_views[0]["nav_top_level"] is True


def test_there_is_one_thin_entry_file_that_costs_a_task_nothing():
    (path,) = (ROOT / "plugins").glob("**/*.py")
    assert len(path.read_text().splitlines()) <= 80
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
