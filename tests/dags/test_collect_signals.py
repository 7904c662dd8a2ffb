"""The tasks of collect_signals, against the sandbox's Telegram and exchange."""

import json

import pytest

from tests.support.dag_files import load_dag
from tests.support.notices import scalar
from tests.support.tasks import call


@pytest.fixture
def run(database, database_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", "{}")
    dag = load_dag("collect_signals")
    return lambda task: call(dag, task)


def test_messages_are_collected_and_judged_and_without_a_bot_nothing_is(run, database, sandbox, monkeypatch):
    assert "no connection telegram" in run("collect_messages")
    assert run("judge_messages") == {}  # and the exchange is not asked for nothing
    for name in ("telegram", "bingx"):
        stored = {"conn_type": "http", "host": f"{sandbox.url}/{name}", "password": "7:a-bots-token"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(stored))
    update = {
        "message": {"message_id": 1, "chat": {"id": 5}, "text": "LONG BTC/USDT 65000 SL 64000 TP 66000"}
    }
    sandbox.http.post("/telegram/_updates", json=update).raise_for_status()
    assert run("collect_messages") == "1 updates taken, 1 messages stored"
    assert run("judge_messages") == {"rejected": 1}
    assert "telegram_chats" in scalar(database, "SELECT reason FROM signals")
