"""Settled trades with times and figures of no calendar and no scale: each is its own affair."""

import json
import logging
from datetime import datetime

import pytest

from include.analysis import analyse_settled, writing
from include.analysis.facts import read_facts
from include.settings import Endpoint, Settings
from tests.support.settled import settled
from tests.support.trades import rising, rows, run, store

SETTINGS = Settings(analysis_attempts=2)

ODD = [
    "UPDATE trade_signals SET expires_at = 'infinity'",
    "UPDATE trade_signals SET generated_at = '-infinity'",
    "UPDATE trade_signals SET generated_at = '0753-04-21 09:00Z BC'",
    "UPDATE trade_signals SET expires_at = '20777-12-31 00:00Z'",
    "UPDATE trade_signals SET generated_at = '-infinity', expires_at = 'infinity'",
    "UPDATE trade_results SET entry_at = 'infinity'",
    "UPDATE trade_results SET exit_at = '-infinity'",
    "UPDATE trade_results SET tp1_hit_at = '0001-01-01 00:00Z BC'",
    "UPDATE trade_results SET net_profit_loss = 'NaN'",
    "UPDATE trade_results SET net_profit_loss = '-Infinity', gross_profit_loss = 'Infinity'",
    "UPDATE trade_signals SET entry_price = 'NaN', stop_loss = 'Infinity'",
    "UPDATE trade_signals SET completed_at = 'infinity'",
]


@pytest.fixture
def model(sandbox, monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    return Endpoint(f"{sandbox.url}/llm/v1", "sandbox")


def odd_one(database, change):
    """Five settled trades with candles; the one that comes first is odd."""
    store(database, rising())
    ids = settled(database, 5)
    run(
        database,
        "UPDATE trade_signals SET completed_at = now() + interval '1 minute' WHERE id = CAST(:id AS uuid)",
        id=ids[0],
    )
    key = "id" if "trade_signals" in change else "trade_signal_id"
    run(database, f"{change} WHERE {key} = CAST(:id AS uuid)", id=ids[0])
    return ids


@pytest.mark.parametrize("change", ODD)
def test_an_odd_trade_is_explained_without_what_is_odd_and_the_others_as_ever(database, model, change):
    odd_one(database, change)
    done = analyse_settled(database, model, "run 1", SETTINGS)
    assert (done.stored, dict(done.put_off)) == (5, {})
    assert rows(database, "SELECT DISTINCT outcome FROM llm_calls") == [("answered",)]


@pytest.mark.parametrize("change", ODD[:-1])
def test_the_facts_hold_only_what_is_a_number_or_a_time(database, change, caplog):
    ids = odd_one(database, change)
    with caplog.at_level(logging.WARNING):
        facts = {trade.id: trade.facts for trade in read_facts(database, ids)}
    assert set(facts) == set(ids)
    for held in facts.values():
        text = json.dumps(held)
        assert not any(word in text for word in ("NaN", "nfinity", " BC"))
        for part in ("signal", "result"):
            for name, value in held[part].items():
                if name.endswith("_at"):
                    datetime.fromisoformat(value)


def test_a_figure_that_was_left_out_is_said(database, caplog):
    ids = odd_one(database, "UPDATE trade_results SET net_profit_loss = 'NaN'")
    with caplog.at_level(logging.WARNING):
        read_facts(database, ids)
    assert f"trade {ids[0]} is explained without net_profit_loss_usd: no number or time" in caplog.messages


def test_facts_that_cannot_be_read_put_their_trade_off_and_no_other(database, model):
    # A number that the statement's arithmetic cannot take, nor anybody foresee.
    ids = odd_one(database, "UPDATE trade_signals SET entry_price = 1e-16000, stop_loss = 1e120000")
    done = analyse_settled(database, model, "run 1", SETTINGS)
    assert (done.stored, dict(done.put_off)) == (4, {"unreadable_facts": 1})
    ((trade, state, attempts, reason),) = rows(
        database, "SELECT trade_signal_id::text, state, attempts, reason FROM missing_analyses"
    )
    assert (trade, state, attempts) == (ids[0], "waiting", 1)
    assert "its facts cannot be read" in reason
    assert len(rows(database, "SELECT 1 FROM llm_calls")) == 4


def test_a_check_that_trips_puts_its_trade_off_and_books_what_was_paid(database, model, monkeypatch):
    ids = settled(database, 4)
    run(database, "UPDATE trade_signals SET symbol = 'ODD' WHERE id = CAST(:id AS uuid)", id=ids[2])

    def trip(postmortem, facts):
        if facts["symbol"] == "ODD":
            raise ValueError("a fact that nobody foresaw")

    monkeypatch.setattr(writing, "check", trip)
    done = analyse_settled(database, model, "run 1", SETTINGS)
    assert (done.stored, dict(done.put_off)) == (3, {"unchecked": 1})
    assert rows(database, "SELECT outcome, cost_usd IS NULL FROM llm_calls WHERE outcome <> 'answered'") == [
        ("unchecked", False)
    ]
