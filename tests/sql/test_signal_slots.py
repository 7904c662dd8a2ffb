"""One generated signal a minute for each user, whatever programs do: the database says no."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.rows import USER, insert_signal

TIE = text("UPDATE signal_attempts SET trade_signal_id = :signal WHERE id = :attempt")
OTHER = uuid.UUID(int=2)


def attempt(connection, user=USER, outcome="no_trade"):
    return connection.execute(
        text(
            """
            INSERT INTO signal_attempts (request_key, run_id, run_url, batch, user_id, symbol, timeframe,
              outcome, reason, lease_expires_at, finished_at)
            VALUES (gen_random_uuid(), 'run', 'url', 0, :user, 'BTC', '1h',
              :outcome, 'a test', now(), CASE WHEN :outcome <> 'working' THEN now() END)
            RETURNING id
            """
        ),
        {"user": user, "outcome": outcome},
    ).scalar_one()


def generate(database, user=USER):
    """What storing does: a signal, and an attempt tied to it, in one transaction."""
    with database.begin() as connection:
        signal = insert_signal(connection, user_id=user)
        connection.execute(TIE, {"signal": signal, "attempt": attempt(connection, user)})
    return signal


def count(database, table="trade_signals"):
    with database.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def wind_back(database, seconds):
    with database.begin() as connection:
        connection.execute(
            text("UPDATE signal_slots SET taken_at = taken_at - make_interval(secs => :seconds)"),
            {"seconds": seconds},
        )


def test_the_second_signal_of_a_minute_is_refused_and_leaves_nothing(database):
    generate(database)
    with pytest.raises(IntegrityError, match="less than a minute ago") as refused:
        generate(database)
    assert refused.value.orig.sqlstate == psycopg.errors.ExclusionViolation.sqlstate
    assert count(database) == count(database, "signal_attempts") == 1
    generate(database, OTHER)
    assert count(database) == 2


def test_the_minute_rolls(database):
    generate(database)
    wind_back(database, 58)
    with pytest.raises(IntegrityError, match="less than a minute ago"):
        generate(database)
    wind_back(database, 2)
    generate(database)
    with pytest.raises(IntegrityError, match="less than a minute ago"):
        generate(database)
    assert count(database) == 2


def test_of_many_at_once_one_gets_the_minute(database_url, database):
    """Ten sessions that have all inserted their signal before one of them takes the minute."""
    ready = Barrier(10)

    def compete(_):
        with psycopg.connect(database_url) as connection:
            signal = connection.execute(
                """
                INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
                  take_profit_1, take_profit_2, take_profit_3, expires_at)
                VALUES (%s, 'BTC', '1h', 100, 95, 105, 110, 115, now() + interval '1 hour') RETURNING id
                """,
                [USER],
            ).fetchone()[0]
            ready.wait(20)
            try:
                connection.execute(
                    "INSERT INTO signal_attempts (request_key, run_id, run_url, batch, user_id, symbol, "
                    "timeframe, outcome, lease_expires_at, finished_at, trade_signal_id) "
                    "VALUES (%s, 'run', 'url', 0, %s, 'BTC', '1h', 'stored', now(), now(), %s)",
                    [str(signal), USER, signal],
                )
            except psycopg.errors.ExclusionViolation:
                connection.rollback()
                return False
        return True

    with ThreadPoolExecutor(10) as threads:
        won = list(threads.map(compete, range(10)))
    assert sum(won) == 1
    assert count(database) == count(database, "signal_attempts") == 1


def test_a_user_has_one_attempt_under_way(database):
    with database.begin() as connection:
        attempt(connection, outcome="working")
    with pytest.raises(IntegrityError, match="signal_attempts_one_at_a_time"), database.begin() as connection:
        attempt(connection, outcome="working")


def test_signals_that_nobody_generated_are_not_limited(database):
    with database.begin() as connection:
        for _ in range(20):
            insert_signal(connection)
    assert count(database) == 20


def test_writing_an_attempt_again_takes_no_second_minute(database):
    generate(database)
    with database.begin() as connection:
        connection.execute(text("UPDATE signal_attempts SET trade_signal_id = trade_signal_id"))


def test_deleting_a_signal_leaves_its_attempt(database):
    generate(database)
    with database.begin() as connection:
        connection.execute(text("DELETE FROM trade_signals"))
    with database.connect() as connection:
        assert connection.execute(text("SELECT trade_signal_id FROM signal_attempts")).scalar_one() is None


def test_an_end_without_a_signal_needs_a_reason(database):
    with database.begin() as connection:
        attempt(connection)
    with pytest.raises(IntegrityError, match="check"), database.begin() as connection:
        connection.execute(text("UPDATE signal_attempts SET reason = NULL"))
