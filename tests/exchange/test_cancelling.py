"""Cancelling at the sandbox's exchange: entries alone, everything, and what the dead man's switch is for."""

import json
from decimal import Decimal

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.exchange.cancelling import cancel_entries, cancel_everything
from include.exchange.venue import ExchangeError, NewOrder
from sandbox.bingx_requests import KEY, SECRET
from tests.support.dag_files import load_dag
from tests.support.tasks import call

SYMBOL = "BTC/USDT:USDT"


def open_three(venue, sandbox):
    """A position with an exit, and two entries that wait."""
    for number, price in (("ours-1", 50_000), ("ours-2", 49_000), ("ours-3", 48_000)):
        venue.submit(
            NewOrder(
                number, SYMBOL, "buy", "limit", Decimal("0.01"), Decimal(price), stop_price=Decimal(45_000)
            )
        )
    sandbox.exchange("fill", order="ours-1", quantity="0.01", price=50_000)
    return {order.client_order_id for order in venue.list_open_orders() if not order.reduce_only}


def dead_man_calls(sandbox):
    return [one for one in sandbox.requests("bingx") if one["path"].endswith("cancelAllAfter")]


def test_entries_are_cancelled_and_exits_stay(venue, sandbox):
    assert open_three(venue, sandbox) == {"ours-2", "ours-3"}
    done = cancel_entries(venue)
    left = venue.list_open_orders()
    assert (done.found, done.refused, done.left) == (2, 0, len(left))
    assert left and all(order.reduce_only for order in left)
    assert dead_man_calls(sandbox) == [], "it would cancel the exits too"
    assert "left alone" in done.words


def test_everything_is_cancelled_under_the_dead_man_s_switch_which_is_closed_afterwards(venue, sandbox):
    open_three(venue, sandbox)
    done = cancel_everything(venue)
    assert venue.list_open_orders() == []
    assert (done.found, done.dead_man) == (3, True)
    assert len(dead_man_calls(sandbox)) == 2
    cancel_everything(venue)  # again, with nothing open


def test_the_form_cancels_what_it_says_after_the_switch(venue, sandbox, database_url, monkeypatch):
    host, port = sandbox.url.removeprefix("http://").split(":")
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", "{}")
    stored = {"conn_type": "http", "login": KEY, "password": SECRET, "host": f"http://{host}:{port}/bingx"}
    monkeypatch.setenv("AIRFLOW_CONN_BINGX", json.dumps(stored))
    open_three(venue, sandbox)
    dag = load_dag("switch_trading")
    assert dag.get_task("cancel").upstream_task_ids == {"turn"}
    with pytest.raises(AirflowSkipException):
        call(dag, "cancel", reason="a test")
    assert "exits stay open" in call(dag, "cancel", reason="a test", cancel="entries")
    assert "dead man's switch was renewed" in call(dag, "cancel", reason="a test", cancel="all")
    assert venue.list_open_orders() == []


def test_an_exchange_that_fails_half_way_leaves_the_dead_man_s_switch_running(venue, sandbox):
    open_three(venue, sandbox)
    sandbox.fail("bingx", "status", status=503, match={"path": "allOpenOrders"})
    with pytest.raises(ExchangeError):
        cancel_everything(venue)
    assert len(dead_man_calls(sandbox)) == 1, "renewed, and not closed"
