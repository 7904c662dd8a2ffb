"""Submitting through ccxt to the sandbox: once, by the switch, whatever it answers and whoever dies."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from include.exchange.bingx import TRADING, BingX
from include.exchange.planning import plan_accepted
from include.exchange.reconcile import NOT_FOUND_AFTER, reconcile
from include.exchange.submission import (
    HAND_OVER_WITHIN,
    HOLD_LIMIT,
    SubmissionStoppedError,
    note_lapsed,
    submit_planned,
)
from include.exchange.switch import LOCK_TIMEOUT, hold_trading_state, turn_switch
from include.exchange.venue import ExchangeError
from include.settings import Settings
from sandbox.bingx_requests import KEY, RECEIVE_WINDOW_MS, SECRET
from tests.support.rows import insert, insert_signal

SETTINGS = Settings(order_value_usd=600, order_leverage_max=3)
LEVELS = {"entry_price": 59_000, "stop_loss": 57_000, "symbol": "BTC"} | {
    f"take_profit_{rank}": 60_000 + 1_000 * rank for rank in (1, 2, 3)
}


def accept(database, name, **changes):
    """An accepted signal with its trade."""
    values = {"symbol": "BTC/USDT", "entries": '["59000"]', "order_type": "limit", "leverage": 20}
    with database.begin() as connection:
        trade = insert_signal(connection, **LEVELS)
        insert(
            connection,
            "signals",
            **{
                "source": "telegram",
                "chat_id": "1",
                "message_id": name,
                "message": name,
                "kind": "signal",
                "status": "accepted",
                "direction": "LONG",
                "trade_signal_id": trade,
            }
            | values
            | changes,
        )


def rows(database, statement):
    with database.connect() as connection:
        return connection.execute(text(statement)).all()


def statuses(database):
    return [row.status for row in rows(database, "SELECT status FROM orders ORDER BY created_at, id")]


def test_a_signal_becomes_orders_that_are_handed_over_once_when_both_switches_allow_it(
    database, venue, sandbox
):
    accept(database, "one")
    accept(database, "breakout", order_type="stop")
    accept(database, "unknown", symbol="NOSUCH/USDT")
    accept(database, "old", created_at="2026-01-01Z")
    accept(database, "edited")
    accept(database, "edited", edit_number=1, kind="notice", status="rejected", reason="deleted", message="")
    assert plan_accepted(database, venue, SETTINGS) == {"planned": 3, "refused": 4}
    assert plan_accepted(database, venue, SETTINGS) == {"planned": 0, "refused": 0}
    said = rows(database, "SELECT message, status, reason FROM signals WHERE reason IS NOT NULL ORDER BY 1")
    assert [(row.message, row.status) for row in said if row.message] == [
        ("breakout", "rejected"),
        ("edited", "expired"),
        ("old", "expired"),
        ("unknown", "rejected"),
    ]

    assert submit_planned(database, venue, SETTINGS)["held"] == 3, "frozen until somebody turns it"
    turn_switch(database, "exits_only", reason="a test", changed_by="ann")
    assert submit_planned(database, venue, SETTINGS)["held"] == 3, "none of them is an exit"
    turn_switch(database, "trading", reason="a test", changed_by="ann")
    assert submit_planned(database, venue, SETTINGS)["open"] == 3
    assert "open" not in submit_planned(database, venue, SETTINGS)
    orders = rows(database, "SELECT * FROM orders ORDER BY client_order_id")
    assert sum(order.quantity for order in orders) == Decimal("0.01016"), "600 dollars, rounded down"
    assert {(order.leverage, order.stop_price, order.exchange) for order in orders} == {
        (3, 57_000, "bingx-demo")
    }
    theirs = {one.client_order_id: one for one in venue.list_open_orders()}
    assert theirs.keys() == {order.client_order_id for order in orders}
    assert all(theirs[one.client_order_id].exchange_order_id == one.exchange_order_id for one in orders)
    assert rows(database, "SELECT status FROM signals WHERE message = 'one'") == [("executed",)]


def test_whatever_the_exchange_answers_nothing_is_submitted_twice_or_called_failed(database, venue, sandbox):
    accept(database, "one")
    plan_accepted(database, venue, SETTINGS)
    turn_switch(database, "trading", reason="a test", changed_by="ann")
    with pytest.raises(ExchangeError):
        sandbox.fail("bingx", "clock_skew", times=1, seconds=60, match={"path": "balance"})
        submit_planned(database, venue, SETTINGS)
    assert statuses(database) == ["planned"] * 3, "a wrong clock costs no order"

    order = {"match": {"path": "trade/order"}, "times": 1}
    sandbox.fail("bingx", "accepted_then_timeout", seconds=0.01, **order)
    with pytest.raises(SubmissionStoppedError, match="unknown"):
        submit_planned(database, venue, SETTINGS)
    sandbox.fail("bingx", "duplicate_client_id", **order)
    submit_planned(database, venue, SETTINGS)
    assert sorted(statuses(database)) == ["open", "open", "unknown"], "there already is success"
    for _ in range(2):
        submit_planned(database, venue, SETTINGS)
    assert len(venue.list_open_orders()) == 3
    posts = [one for one in sandbox.requests("bingx") if one["method"] == "POST"]
    ids = [dict(one["query"])["clientOrderID"] for one in posts if one["path"].endswith("/trade/order")]
    assert len(ids) == len(set(ids)) == 3


def test_a_submission_that_dies_is_unknown_after_a_while_and_whoever_turns_the_switch_waits_for_it(
    database, venue, sandbox
):
    accept(database, "one")
    plan_accepted(database, venue, SETTINGS)
    turn_switch(database, "trading", reason="a test", changed_by="ann")

    class Killed(BaseException):
        pass

    def die(order, *, until):
        with database.begin() as connection, pytest.raises(OperationalError, match="lock timeout"):
            connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
            connection.execute(
                text("INSERT INTO trading_switch (state, reason, changed_by) VALUES ('frozen', 'r', 'ann')")
            )
        raise Killed

    submit, venue.submit = venue.submit, die
    with pytest.raises(Killed):
        submit_planned(database, venue, SETTINGS)
    venue.submit = submit
    assert sorted(statuses(database)) == ["planned", "planned", "submitting"], "written before the call"
    assert note_lapsed(database, venue.name, SETTINGS) == 0, "somebody may be at it"
    with database.begin() as connection:
        assert hold_trading_state(connection, longest=HOLD_LIMIT) == "trading", "several may hold it"
        connection.execute(
            text("UPDATE orders SET submitted_at = now() - interval '3 minutes' WHERE status = 'submitting'")
        )
        connection.execute(
            text(
                "UPDATE orders SET created_at = now() - interval '1 hour' WHERE id = "
                "(SELECT id FROM orders WHERE status = 'planned' LIMIT 1)"
            )
        )
    counts = submit_planned(database, venue, SETTINGS)
    assert (counts["lapsed"], counts["withdrawn"], counts["open"]) == (1, 1, 1)
    assert sorted(statuses(database)) == ["cancelled", "open", "unknown"]
    (unknown,) = rows(database, "SELECT * FROM orders WHERE status = 'unknown'")
    assert unknown.unknown_since is not None
    assert len(venue.list_open_orders()) == 1


def test_a_submitter_that_sleeps_past_the_end_of_its_order_sends_it_no_more(database, venue, sandbox):
    """It sleeps as late as it can: the order is marked, stamped and signed, and not on its way yet."""
    accept(database, "one")
    plan_accepted(database, venue, SETTINGS)
    turn_switch(database, "trading", reason="a test", changed_by="ann")
    sign = venue._exchange.sign

    def sleep_after(path, api, method, *rest):
        request = sign(path, api, method, *rest)
        if "trade/order" in path and method == "POST":
            with BingX(database, key=KEY, secret=SECRET, demo=True, base_url=f"{sandbox.url}/bingx") as other:
                reconcile(database, other, not_found_after=timedelta(0))  # so much time goes by meanwhile
            assert sorted(statuses(database)) == ["planned", "planned", "rejected"]
        return request

    venue._exchange.sign = sleep_after
    with pytest.raises(SubmissionStoppedError, match="rejected"):
        submit_planned(database, venue, SETTINGS, hand_over_within=timedelta(0))
    assert venue.list_open_orders() == []
    posts = [one["path"] for one in sandbox.requests("bingx") if one["method"] == "POST"]
    assert not any(path.endswith("/trade/order") for path in posts)
    assert sorted(statuses(database)) == ["planned", "planned", "rejected"]


def test_what_ends_an_order_and_who_turns_the_switch_wait_longer_than_one_may_be_sent():
    sent = HAND_OVER_WITHIN + 2 * timedelta(milliseconds=RECEIVE_WINDOW_MS)  # clocks may differ by a window
    answered = sent + 2 * timedelta(seconds=TRADING.retry.budget)  # the call, and the question after it
    assert answered < HOLD_LIMIT < LOCK_TIMEOUT < NOT_FOUND_AFTER
