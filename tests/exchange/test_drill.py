"""The drill of the kill switch: what it practises, what it leaves alone, and that it says what fails."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException
from sqlalchemy import text

from include.exchange.bingx import BingX
from include.exchange.drill import DRILL_SERVICE, drill_kill_switch
from include.exchange.switch import turn_switch
from sandbox.bingx_requests import DRILL_KEY, DRILL_SECRET, KEY, SECRET
from tests.support.dag_files import load_dag
from tests.support.tasks import call

STEPS = [
    "account", "turn the switch", "open orders", "cancel entries", "cancel everything", "dead man's switch",
    "clear up",
]  # fmt: skip
REAL = ("orders", "fills", "exchange_balances", "reconciliations", "alert_notices")


@pytest.fixture
def account(sandbox, database):
    """The drill's own account."""
    address = f"{sandbox.url}/bingx"
    with BingX(
        database, key=DRILL_KEY, secret=DRILL_SECRET, demo=True, base_url=address, service=DRILL_SERVICE
    ) as opened:
        yield opened


def rows(database, statement):
    with database.connect() as connection:
        return connection.execute(text(statement)).all()


def test_it_practises_every_step_and_nothing_real_is_touched(database, sandbox, venue, account):
    turn_switch(database, "trading", reason="a test", changed_by="ann")
    before = {table: rows(database, f"SELECT * FROM {table}") for table in (*REAL, "trading_switch")}
    theirs = sandbox.http.get("/_exchange/book").json()
    waits = []

    def wait(seconds):
        waits.append(seconds)
        sandbox.exchange("pass", seconds=seconds)

    done = drill_kill_switch(database, account, run_url="https://desk/run", wait=wait)
    assert done.success and [step.name for step in done.steps] == STEPS, done.words
    assert 10 < waits[0] < 20, "longer than the exchange's own switch waits"
    assert (account.list_open_orders(), account.list_positions()) == ([], [])
    assert before == {table: rows(database, f"SELECT * FROM {table}") for table in before}
    assert sandbox.http.get("/_exchange/book").json() == theirs, "the other account is another one"
    assert {row.service for row in rows(database, "SELECT service FROM http_services")} >= {"bingx-drill"}

    silent = drill_kill_switch(database, account, wait=lambda seconds: None)  # its time has not come
    assert [step.name for step in silent.steps if not step.worked] == ["dead man's switch"], silent.words
    assert (account.list_open_orders(), account.list_positions()) == ([], [])
    kept = rows(database, "SELECT success, steps, run_url FROM trading_drills ORDER BY id")
    assert [row.success for row in kept] == [True, False] and kept[0].run_url == "https://desk/run"
    assert [step["name"] for step in kept[0].steps] == STEPS

    for fault, where, failing in (
        ("status", "allOpenOrders", "account"),
        ("busy", "user/positions", "account"),
        ("accepted_then_timeout", "trade/order", "open orders"),
    ):
        options = {"status": {"status": 503}, "accepted_then_timeout": {"seconds": 0.01}}.get(fault, {})
        sandbox.fail("bingx", fault, times=1, match={"path": where}, **options)
        failed = drill_kill_switch(database, account, wait=wait)
        assert next(step.name for step in failed.steps if not step.worked) == failing, failed.words
        assert account.list_positions() == [], "also what was accepted without an answer"


def test_without_play_money_or_an_account_of_its_own_nothing_is_practised(
    database, sandbox, account, database_url, monkeypatch
):
    monkeypatch.setattr(BingX, "in_sandbox", False)  # it says USDT, as real money does
    refused = drill_kill_switch(database, account)
    assert [step.name for step in refused.steps] == ["account"] and "real money" in refused.words
    assert [one["method"] for one in sandbox.requests("bingx")] == ["GET"] * len(sandbox.requests("bingx"))

    dag = load_dag("drill_kill_switch")
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", "{}")
    stored = {"conn_type": "http", "host": f"{sandbox.url}/bingx"}
    monkeypatch.setenv("AIRFLOW_CONN_BINGX", json.dumps(stored | {"login": KEY, "password": SECRET}))
    with pytest.raises(AirflowFailException, match="nothing was practised"):
        call(dag, "drill", "run")
    monkeypatch.setenv("AIRFLOW_CONN_BINGX_DRILL", json.dumps(stored | {"login": KEY, "password": SECRET}))
    with pytest.raises(AirflowFailException, match="an account of its own"):
        call(dag, "drill", "run")
    drills = stored | {"login": DRILL_KEY, "password": DRILL_SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_BINGX_DRILL", json.dumps(drills))
    with pytest.raises(AirflowFailException, match="FAILED"):
        call(dag, "drill", "run")
