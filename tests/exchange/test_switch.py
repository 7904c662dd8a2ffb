"""The trading switch: the newest change counts, each has a reason and an author, and people are notified."""

import re
from typing import get_args, get_type_hints

import pytest
from sqlalchemy import text

from include.database import sql
from include.exchange.messages import OutsideMessage
from include.exchange.order_states import OrderStatus
from include.exchange.switch import STATES, TITLES, SwitchError, read_changes, turn_switch
from include.exchange.text_signals import Kind
from include.telemetry.exporters import families
from tests.support.dag_files import load_dag
from tests.support.tasks import call

# What a column may be, by the check that names it alone.
CHECKS = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c' AND conrelid = CAST(:table AS regclass)
  AND pg_get_constraintdef(oid) LIKE 'CHECK ((' || :column || ' = ANY%'
"""


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


def test_states_statuses_and_sources_are_the_same_wherever_they_are_listed(database):
    """The tables' checks, the form, the metrics and their statement, each against the type."""
    listed = {
        "trading_switch.state": STATES,
        "orders.status": get_args(OrderStatus),
        "signals.source": get_args(get_type_hints(OutsideMessage)["source"]),
        "signals.kind": get_args(Kind),
    }
    with database.connect() as connection:
        for name, known in listed.items():
            table, column = name.split(".")
            checks = connection.execute(text(CHECKS), {"table": table, "column": column}).scalars().all()
            assert {*re.findall(r"'([a-z_]+)'::text", checks[0])} == {*known}, name
        gauges = connection.execute(sql("telemetry/measure_gauges")).all()
    shown = {
        row.labels[label]
        for row in gauges
        for metric, label in (("tradeops_trading_state", "state"), ("signals_by_source", "source"))
        if row.metric == metric
    }
    assert shown == {*STATES, *listed["signals.source"]}
    assert {*families.TRADING_STATES} == {*TITLES} == {*STATES}
    assert {*load_dag("switch_trading").params.get_param("state").schema["enum"]} == {*STATES}
    assert {*families.ORDER_STATUSES} == {*listed["orders.status"]}
    assert {*families.MESSAGE_SOURCES} == {*listed["signals.source"]}


def test_the_form_turns_it_in_the_name_of_who_triggered_it(database, database_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    said = call(load_dag("switch_trading"), "turn", state="exits_only", reason="the market is odd")
    assert said == "exits_only, by ann: the market is odd"
    (change,) = changes(database)
    assert (change.state, change.changed_by) == ("exits_only", "ann")
