"""Claims are leases: each due trade is in one claim, whoever dies, overlaps or repeats."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from include.settings import Settings
from include.trades.claim import claim_due, read_batch
from include.trades.performance import refresh_performance
from tests.support.trades import SETTINGS, insert, rows, run


def claimed(database, claim_id):
    found = rows(
        database, "SELECT trade_signal_id::text FROM settlement_claims WHERE claim_id = :id", id=claim_id
    )
    return {row[0] for row in found}


def test_due_trades_are_claimed_in_batches_that_keep_symbols_together(database):
    ids = insert(database, *[{"symbol": symbol} for symbol in ("BTC", "ETH") * 5])
    settings = Settings(batch_size=5)
    assert claim_due(database, "run 1", settings).batches == {0: 5, 1: 5}
    assert claimed(database, "run 1") == set(ids)
    with database.begin() as connection:
        for batch in (0, 1):
            assert read_batch(connection, "run 1", batch, settings)["symbol"].nunique() == 1


@pytest.mark.parametrize(
    "trade",
    [
        {"expires_at": datetime.now(UTC) + timedelta(hours=1)},
        {"status": "completed_success"},
        {"status": "cancelled"},
    ],
)
def test_what_is_not_due_is_left_alone(database, trade):
    status = trade.pop("status", "active")
    insert(database, trade)
    run(database, "UPDATE trade_signals SET status = :status", status=status)
    assert claim_due(database, "run 1", SETTINGS).batches == {}


def test_the_longest_overdue_come_first_when_there_are_more_than_the_limit(database):
    late = datetime(2026, 1, 1, tzinfo=UTC)
    ids = insert(
        database,
        {},
        {"generated_at": late, "expires_at": late + timedelta(hours=2)},
        {"generated_at": late, "expires_at": late + timedelta(hours=1)},
    )
    claim_due(database, "run 1", Settings(claim_limit=2))
    assert claimed(database, "run 1") == set(ids[1:])


def test_a_repeated_claim_finds_its_own_batches_again(database):
    insert(database, {}, {}, {})
    first = claim_due(database, "run 1", SETTINGS)
    assert claim_due(database, "run 1", SETTINGS) == first
    assert rows(database, "SELECT DISTINCT attempts FROM settlement_claims") == [(1,)]


def test_another_sweep_gets_nothing_while_the_lease_holds_and_all_when_it_lapses(database):
    ids = insert(database, {}, {})
    claim_due(database, "run 1", SETTINGS)
    assert claim_due(database, "run 2", SETTINGS).batches == {}
    run(database, "UPDATE settlement_claims SET lease_expires_at = now() - interval '1 second'")
    assert claim_due(database, "run 2", SETTINGS).batches == {0: 2}
    assert claimed(database, "run 2") == set(ids)
    assert rows(database, "SELECT DISTINCT attempts FROM settlement_claims") == [(2,)]
    with database.begin() as connection:
        assert read_batch(connection, "run 1", 0, SETTINGS).empty, "the first sweep has lost its trades"


def test_a_trade_that_waits_is_not_due_before_its_time(database):
    insert(database, {})
    claim_due(database, "run 1", SETTINGS)
    run(
        database,
        "UPDATE settlement_claims SET lease_expires_at = now(), next_attempt_at = now() + interval '1 hour'",
    )
    assert claim_due(database, "run 2", SETTINGS).batches == {}
    run(database, "UPDATE settlement_claims SET next_attempt_at = now() - interval '1 second'")
    assert claim_due(database, "run 3", SETTINGS).batches == {0: 1}


def test_reading_a_batch_renews_its_lease(database):
    insert(database, {})
    claim_due(database, "run 1", SETTINGS)
    run(database, "UPDATE settlement_claims SET lease_expires_at = now() + interval '1 second'")
    with database.begin() as connection:
        read_batch(connection, "run 1", 0, SETTINGS)
    ((left,),) = rows(database, "SELECT lease_expires_at - now() FROM settlement_claims")
    assert left > timedelta(minutes=14)


def test_a_lease_that_is_almost_new_is_not_written_again(database):
    insert(database, {})
    claim_due(database, "run 1", SETTINGS)
    for used, renewed in (("30 seconds", False), ("2 minutes", True)):
        run(database, f"UPDATE settlement_claims SET lease_expires_at = lease_expires_at - interval '{used}'")
        before = rows(database, "SELECT xmin, lease_expires_at FROM settlement_claims")
        with database.begin() as connection:
            read_batch(connection, "run 1", 0, SETTINGS)
        after = rows(database, "SELECT xmin, lease_expires_at FROM settlement_claims")
        assert (before != after) is renewed


def test_sweeps_at_the_same_time_share_the_trades_without_a_double(database):
    ids = insert(database, *[{} for _ in range(300)])
    settings = Settings(claim_limit=100)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: claim_due(database, f"run {number}", settings), range(24)))
    assert rows(database, "SELECT count(*), max(attempts) FROM settlement_claims") == [(len(ids), 1)]


def test_other_work_is_seen_when_no_trade_is_due(database):
    assert claim_due(database, "run 1", SETTINGS).other_work is False
    run(database, "INSERT INTO performance_refreshes (user_id) VALUES (gen_random_uuid())")
    assert claim_due(database, "run 1", SETTINGS).other_work is True


def test_missing_analyses_are_other_work_unless_they_are_switched_off(database):
    (trade,) = insert(database, {})
    run(database, "UPDATE trade_signals SET status = 'completed_success'")
    run(database, "INSERT INTO trade_results (trade_signal_id) VALUES (CAST(:id AS uuid))", id=trade)
    refresh_performance(database)
    assert claim_due(database, "run 1", SETTINGS).other_work is True
    assert claim_due(database, "run 1", Settings(analysis_limit=0)).other_work is False
