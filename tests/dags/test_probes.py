"""The functions behind the tasks of both DAGs, with connections and settings from the environment."""

import json

import pytest
from sqlalchemy import text

from include.airflow.connections import broker_url, endpoint, open_storage_if_any
from tests.probes.conftest import CONTACT, KEY, PATHS
from tests.support.dag_files import load_dag

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


def test_a_round_of_the_platform(connect, sandbox):
    ask_platform = load_dag("probe_platform").get_task("ask_platform").python_callable
    ask_platform(RUN)  # in a first round, what does not answer would be asked again for a minute
    connect("llm", "solana", "ibkr", "market_sandbox")
    sandbox.fail("ibkr", "logged_out")
    summary = ask_platform(RUN)
    assert summary == {
        "healthy": ["postgres", "storage", "llm", "sandbox", "solana"],
        "degraded": [],
        "down": ["ibkr"],
        "unknown": ["broker", "bingx"],
    }


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
