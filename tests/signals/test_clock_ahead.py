"""Attempts, minutes and kept answers of the future keep no user from a signal."""

import pytest
from sqlalchemy import text

from include.database import sql
from include.settings import Settings, SignalRequest
from include.signals.attempts import open_attempts
from tests.signals.generation import URL, USER
from tests.sql.test_signal_slots import generate
from tests.support.rows import insert_signal
from tests.support.trades import rows, run

AHEAD = ["2 hours", "600 days"]
REQUESTS = (SignalRequest(user_id=USER, symbol="BTC", timeframe="1h"),)


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("column", ["lease_expires_at", "requested_at"])
def test_an_attempt_of_the_future_is_abandoned(database, column, ahead):
    assert open_attempts(database, REQUESTS, "run 1", URL, Settings()).batches == [0]
    run(database, f"UPDATE signal_attempts SET {column} = now() + CAST(:ahead AS interval)", ahead=ahead)
    assert open_attempts(database, REQUESTS, "run 2", URL, Settings()).batches == [0]
    assert rows(database, "SELECT outcome FROM signal_attempts WHERE run_id = 'run 1'") == [("abandoned",)]


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_minute_of_the_future_is_nobodys_minute(database, ahead):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO signal_slots (user_id, taken_at, trade_signal_id) "
                "VALUES (:user, now() + CAST(:ahead AS interval), :signal)"
            ),
            {"user": USER, "ahead": ahead, "signal": insert_signal(connection)},
        )
    generate(database, USER)
    assert rows(database, "SELECT taken_at <= now() FROM signal_slots") == [(True,)]


@pytest.mark.parametrize("ahead", AHEAD)
def test_an_answer_of_the_future_is_not_used_again(database, ahead):
    run(
        database,
        "INSERT INTO snapshot_parts (source, symbol, part, observed_at, fetched_at) "
        "VALUES ('fng', '', '{}', now(), now() + CAST(:ahead AS interval))",
        ahead=ahead,
    )
    with database.connect() as connection:
        found = connection.execute(
            sql("signals/recall_snapshot"), {"source": "fng", "symbol": "", "kept": "5 minutes"}
        ).all()
    assert found == []
