"""The tasks of sync_portfolio and assess_risk, against the sandbox's gateway."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from include.portfolio.snapshot import PortfolioError
from tests.support.dag_files import load_dag
from tests.support.notices import scalar
from tests.support.tasks import call


@pytest.fixture
def run(database, database_url, sandbox, monkeypatch):
    gateway = {"conn_type": "http", "host": f"{sandbox.url}/ibkr"}
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_CONN_IBKR", json.dumps(gateway))

    def run(dag, task, settings, **params):
        monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(settings))
        return call(load_dag(dag), task, **params)

    return run


def test_an_account_is_read_and_assessed(run, database, sandbox):
    assert run("sync_portfolio", "sync", {}) == []
    with pytest.raises(PortfolioError, match="portfolio_file"):  # the other source is read all the same
        run("sync_portfolio", "sync", {"portfolio_sources": ["file", "ibkr"]})
    assert scalar(database, "SELECT count(*) FROM portfolio_positions") == 39
    first, last = (str(datetime.now(UTC).date() - timedelta(days=back)) for back in (9, 1))
    said = run("assess_risk", "assess", {}, first_day=first, last_day=last)
    assert len(said) == 9 and "1 portfolios, 15 forecasts, 0 with insufficient data" in said[0]
    assert scalar(database, "SELECT count(*) FROM risk_forecasts") == 9 * 15
    assert scalar(database, "SELECT count(DISTINCT day) FROM risk_outcomes") >= 4  # business days
