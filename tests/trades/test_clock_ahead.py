"""Leases and waits that were written while the clock was ahead hold no trade, replay or analysis up."""

from datetime import timedelta

import pytest

from include.analysis import analyse_settled
from include.settings import Endpoint, Settings
from include.trades.claim import claim_due
from include.trades.replay import replay_batches
from include.trades.replay_report import report_replay
from tests.support.replays import begin, settle
from tests.support.settled import settled
from tests.support.trades import SETTINGS, insert, rising, rows, run, store

AHEAD = ["2 hours", "400 days"]


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("column", ["lease_expires_at", "next_attempt_at", "claimed_at"])
def test_a_trade_that_was_claimed_in_the_future_is_due(database, column, ahead):
    insert(database, {})
    assert claim_due(database, "run 1", SETTINGS).batches == {0: 1}
    run(database, "UPDATE settlement_claims SET lease_expires_at = now()")
    run(
        database,
        f"UPDATE settlement_claims SET {column} = now() + CAST(:ahead AS interval) + interval '16 minutes'",
        ahead=ahead,
    )
    assert claim_due(database, "run 2", SETTINGS).batches == {0: 1}


def test_a_lease_and_a_wait_as_long_as_they_may_be_hold(database):
    insert(database, {}, {})
    claim_due(database, "run 1", SETTINGS)
    run(
        database,
        "UPDATE settlement_claims SET lease_expires_at = now() + interval '15 minutes' WHERE batch = 0",
    )
    assert claim_due(database, "run 2", SETTINGS).batches == {}
    run(
        database,
        "UPDATE settlement_claims SET attempts = 9, lease_expires_at = now(), "
        "next_attempt_at = now() + interval '2 hours'",
    )
    assert claim_due(database, "run 2", SETTINGS).batches == {}


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_batch_of_a_replay_that_was_taken_in_the_future_is_taken_again(database, ahead):
    store(database, rising())
    insert(database, {}, {})
    settle(database)
    replay = begin(database)
    run(
        database,
        "UPDATE replay_batches SET worker = 'dead', lease_expires_at = now() + CAST(:ahead AS interval)",
        ahead=ahead,
    )
    replay_batches(database, replay, "worker 1")
    assert report_replay(database, "replay 1")["trades"] == 2


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("column", ["lease_expires_at", "next_attempt_at"])
def test_an_analysis_that_was_claimed_in_the_future_is_written(database, sandbox, column, ahead):
    settled(database, 2)
    run(
        database,
        "INSERT INTO analysis_claims (trade_signal_id, claim_id, lease_expires_at, failures) "
        "SELECT id, 'dead', now(), 1 FROM trade_signals",
    )
    run(
        database,
        f"UPDATE analysis_claims SET {column} = now() + CAST(:ahead AS interval) + interval '16 minutes'",
        ahead=ahead,
    )
    assert claim_due(database, "run 1", SETTINGS).other_work
    settings = Settings(analysis_timeout=timedelta(seconds=5))
    assert (
        analyse_settled(database, Endpoint(f"{sandbox.url}/llm/v1", "sandbox"), "run 1", settings).stored == 2
    )
    assert rows(database, "SELECT count(*) FROM analysis_claims") == [(0,)]
