"""Statements that are awaited on a loop: each commits by itself, and no connection is used after a fault."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from include.async_statements import MOST_CONNECTIONS, AsyncStatements, async_statements
from include.database import DatabaseError, connect

SESSION = text("SELECT pg_backend_pid() AS pid, current_setting('TimeZone') AS zone, pg_sleep(:seconds)")
ASLEEP = text("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = :pid")
KILL = text("SELECT pg_terminate_backend(CAST(:pid AS integer))")


@pytest.fixture
def statements(database_url):
    engine = connect(database_url, application="awaited")
    yield async_statements(engine)
    engine.dispose()


async def session(statements: AsyncStatements, seconds: float = 0):
    (row,) = await statements.fetch(SESSION, {"seconds": seconds})
    return row


def test_rows_are_named_and_one_connection_serves_statement_after_statement(statements):
    async def ask():
        first, second = await session(statements), await session(statements)
        assert (first.pid, first.zone) == (second.pid, "UTC")
        with pytest.raises(psycopg.DataError):
            await statements.fetch(text("SELECT CAST(:n AS integer)"), {"n": "none"})
        return (await session(statements)).pid == first.pid  # a wrong value costs no connection

    assert asyncio.run(ask())


def test_each_statement_commits_by_itself(statements, database):
    note = text("INSERT INTO api_limits (caller, busy_until) VALUES (:who, now()) RETURNING caller")
    asyncio.run(statements.fetch(note, {"who": "x"}))
    with database.connect() as connection:
        assert connection.execute(text("SELECT caller FROM api_limits")).scalars().all() == ["x"]


def test_a_connection_that_was_lost_or_given_up_is_not_used_again(statements, database):
    async def lose():
        pid = (await session(statements)).pid
        with database.connect() as connection:  # while it is idle: nobody notices
            connection.execute(KILL, {"pid": pid})
        second = (await session(statements)).pid
        waiting = asyncio.ensure_future(session(statements, 60))
        with database.connect() as connection:
            while not connection.execute(ASLEEP, {"pid": second}).scalar_one():
                connection.rollback()
                await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        third = (await session(statements)).pid
        with pytest.raises(psycopg.OperationalError):  # in the middle of a statement
            await statements.fetch(KILL, {"pid": third})
        return pid, second, (await session(statements)).pid, third

    pid, second, last, third = asyncio.run(lose())
    assert pid != second
    assert last != third


def test_more_at_once_than_there_are_connections_wait_and_are_all_answered(statements):
    async def crowd():
        return await asyncio.gather(*(session(statements, 0.01) for _ in range(3 * MOST_CONNECTIONS)))

    assert 1 <= len({row.pid for row in asyncio.run(crowd())}) <= MOST_CONNECTIONS


def test_they_end_with_the_pool_and_begin_anew(database_url, database):
    engine = connect(database_url, application="ending")
    asyncio.run(session(async_statements(engine)))
    former = async_statements(engine)
    engine.dispose()
    assert not former._idle
    assert async_statements(engine) is not former
    engine.dispose()


def test_a_database_that_is_away_is_said_in_words():
    engine = connect("postgresql://nobody@127.0.0.1:1/tradeops", application="away")
    with pytest.raises(DatabaseError, match="cannot be reached"):
        asyncio.run(session(async_statements(engine)))
    engine.dispose()
