"""The tasks of token access as a worker calls them, against the sandbox; without a token nothing is done."""

import json

import pytest
from sqlalchemy import text

from tests.support.dag_files import load_dag
from tests.support.notices import scalar
from tests.support.tasks import call

MINT = "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"
PATHS = {"jupiter": "jupiter", "geckoterminal": "geckoterminal/api/v2", "solana": "solana"}


@pytest.fixture
def run(database, database_url, sandbox, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    for name, path in PATHS.items():
        stored = {"conn_type": "http", "host": f"{sandbox.url}/{path}", "password": "key"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(stored))
    with database.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()

    def run_task(dag, task, *arguments, mint=MINT):
        monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps({"access_mint": mint} if mint else {}))
        return call(load_dag(dag), task, *arguments, run_after=now)

    return run_task


def test_the_hour_goes_from_prices_to_access(run, database, sandbox):
    assert "no token is set" in run("adjust_token_requirement", "adjust", mint=None)
    assert "nothing was read" in run("verify_balances", "check_balances", "run", mint=None)
    assert run("verify_balances", "judge_access", mint=None) == {}
    assert [sandbox.requests(name) for name in PATHS] == [[], [], []]
    sandbox.token("price", price="0.01")
    sandbox.token("balance", wallet=MINT, amounts=[2000 * 10**9])
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO token_holders (user_id, wallet, added_at)"
                " VALUES (gen_random_uuid(), :wallet, now() - interval '1 day')"
            ),
            {"wallet": MINT},
        )
    assert run("adjust_token_requirement", "adjust").startswith("first: 2000 tokens")
    assert run("verify_balances", "check_balances", "run") == "1 wallets read, 0 of them could not be"
    assert run("verify_balances", "judge_access") == {"full": 1, "grace": 0, "none": 0, "unknown": 0}
    assert scalar(database, "SELECT state FROM access_grants") == "full"


def test_holders_are_judged_whatever_became_of_the_check_and_both_wait_for_a_token(run):
    for dag in ("adjust_token_requirement", "verify_balances"):
        assert load_dag(dag).is_paused_upon_creation and load_dag(dag).max_active_runs == 1
    assert load_dag("verify_balances").get_task("judge_access").trigger_rule == "none_skipped"
