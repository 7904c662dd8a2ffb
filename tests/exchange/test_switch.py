"""The trading switch: the newest change counts, each has a reason and an author, and people are notified."""

import pytest
from sqlalchemy import text

from include.exchange.switch import SwitchError, read_changes, turn_switch
from tests.support.dag_files import load_dag
from tests.support.tasks import call


def changes(engine, **chosen):
    with engine.connect() as connection:
        return read_changes(connection, **chosen)


def notices(engine):
    with engine.connect() as connection:
        statement = "SELECT severity, title, body ->> 'reason' FROM alert_notices ORDER BY notice_key"
        return [tuple(row) for row in connection.execute(text(statement))]


def test_each_change_is_kept_in_its_order_and_people_are_notified(database):
    assert changes(database) == []
    first = turn_switch(database, "trading", reason=" tested ", changed_by="ann")
    second = turn_switch(database, "frozen", reason="strange\x00fills" + "x" * 600, changed_by="bob")
    assert (first.state, first.reason, first.changed_by) == ("trading", "tested", "ann")
    assert len(second.reason) == 500
    assert changes(database) == [second, first]
    assert changes(database, before=second.id) == [first]
    assert notices(database) == [
        ("info", "Trading is on", "ann: tested"),
        ("info", "Trading is frozen: only cancels go to the exchange", f"bob: {second.reason}"),
    ]


def test_what_makes_no_sense_is_refused_and_changes_nothing(database):
    for state, reason, who, words in (
        ("on", "a test", "ann", "there are trading, exits_only, frozen"),
        ("trading", " \x0b ", "ann", "a reason"),
        ("trading", "a test", "", "an author"),
    ):
        with pytest.raises(SwitchError, match=words):
            turn_switch(database, state, reason=reason, changed_by=who)
    assert changes(database) == [] and notices(database) == []


def test_the_form_turns_it_in_the_name_of_who_triggered_it(database, database_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    said = call(load_dag("switch_trading"), "turn", state="exits_only", reason="the market is odd")
    assert said == "exits_only, by ann: the market is odd"
    (change,) = changes(database)
    assert (change.state, change.changed_by) == ("exits_only", "ann")
