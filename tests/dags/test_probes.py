"""The functions behind the tasks of both DAGs, with connections and settings from the environment."""

import json

import pytest
from sqlalchemy import text

from include.airflow.connections import airflow_url, broker_url, endpoint, open_storage_if_any
from tests.probes.conftest import CONTACT, KEY, PATHS
from tests.probes.test_own_parts import WELL
from tests.support.dag_files import load_dag
from tests.support.http_server import Server, reply

RUN = "scheduled__2026-11-20T12:00:00+00:00"


@pytest.fixture
def connect(monkeypatch, database_url, database, sandbox, tmp_path):
    """Writes connections to the sandbox, the settings and the database into the environment."""

    def connect(*names):
        for name in names:
            host = {"conn_type": "http", "host": sandbox.url + PATHS[name], "password": KEY}
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(host))

    chosen = {"contact": CONTACT, "candle_sources": ["sandbox"], "probe_storage": str(tmp_path)}
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(chosen))
    return connect


def test_a_round_of_government(connect, database, caplog):
    connect("sec", "fred", "bls")
    task = load_dag("probe_government").get_task("ask_government")
    with caplog.at_level("INFO"):
        summary = task.python_callable(RUN)
    assert summary == {
        "healthy": ["sec", "fred", "bls"],
        "degraded": [],
        "down": [],
        "unknown": ["census"],
    }
    assert "there is no connection `census`" in caplog.text
    assert KEY not in caplog.text
    with database.connect() as connection:
        (url, kinds) = connection.execute(
            text("SELECT max(run_url), array_agg(DISTINCT kind) FROM probe_results")
        ).one()
    assert url.endswith("/dags/probe_government/runs/scheduled__2026-11-20T12%3A00%3A00%2B00%3A00")
    assert kinds == ["government"]


def test_a_round_of_the_platform(connect, monkeypatch):
    """All of it answers: who does not would be asked again after a quarter of a minute."""
    ask_platform = load_dag("probe_platform").get_task("ask_platform").python_callable
    connect("llm", "solana", "ibkr", "market_sandbox")
    with Server([reply(WELL)]) as api_server:
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{api_server.url}/execution/")
        summary = ask_platform(RUN)
    assert summary == {
        "healthy": [
            *("postgres", "api-server", "scheduler", "dag-processor", "triggerer", "workers", "storage"),
            *("llm", "sandbox", "ibkr", "solana"),
        ],
        "degraded": [],
        "down": [],
        "unknown": ["broker", "bingx"],
    }


def test_the_api_server_is_where_tasks_find_it(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    monkeypatch.delenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", raising=False)
    assert airflow_url() == "https://airflow.example.com"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://api-server:8080/execution/")
    assert airflow_url() == "http://api-server:8080"


def test_a_connection_without_a_host_is_the_vendors_own_address(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_FRED", json.dumps({"conn_type": "http", "password": KEY}))
    assert (endpoint("fred").base_url, endpoint("fred").secret) == ("", KEY)


def test_the_broker_is_asked_about_only_with_celery(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert broker_url() is None
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL", "redis://:word@valkey:6379/0")
    assert broker_url() == "redis://:word@valkey:6379/0"


def test_a_store_without_its_connection_is_none(tmp_path):
    assert open_storage_if_any("s3://bucket/prefix") is None
    assert open_storage_if_any(str(tmp_path)).location
