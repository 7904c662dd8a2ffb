"""Statements that a web server awaits on its own loop: no thread, and not through SQLAlchemy.

For the few that are sent at each request, one after the other, each of which commits by itself. The thread
and SQLAlchemy's work cost several times what the driver takes (decision 0029).
"""

import asyncio
import functools
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Engine, TextClause, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from include.pooled_connections import LATELY, has_news
from include.strange_times import read_strange_times

MOST_CONNECTIONS = 5  # of one loop at once: a statement takes a millisecond
PATIENCE = 30.0  # seconds that a statement waits for one of them, as for one of the pool

Awaited = psycopg.AsyncConnection[Any]


class AsyncStatements:
    """Connections beside the pool of an engine, made as its own are.

    `async_statements` gives those of an engine. Loops share what is idle; each has MOST_CONNECTIONS at most.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[tuple[float, Awaited]] = deque()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._written = functools.lru_cache(maxsize=1000)(self._write)

    async def fetch(self, statement: TextClause, values: Mapping[str, Any]) -> list[Any]:
        """Execute a statement, which commits by itself; give its rows, named tuples.

        Raises psycopg.Error of the statement; DatabaseError when no connection can be made;
        sqlalchemy.exc.TimeoutError when none was free for PATIENCE.
        """
        turns = self._turns_of(asyncio.get_running_loop())
        await _take_turn(turns)
        try:
            connection = await self._take()
            try:
                cursor = await connection.execute(self._written(statement), values)
                return await cursor.fetchall()
            finally:
                self._give_back(connection)
        finally:
            turns.release()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            _, connection = self._idle.pop()
            connection.pgconn.finish()

    def _turns_of(self, loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
        turns = self._turns.get(loop)
        if turns is None:
            turns = self._turns[loop] = asyncio.Semaphore(MOST_CONNECTIONS)
        return turns

    async def _take(self) -> Awaited:
        """A connection whose server is there: the one used last, asked first if that is long ago."""
        while True:
            try:
                used_at, connection = self._idle.pop()
            except IndexError:
                return await _open(self._engine)
            if has_news(connection):
                connection.pgconn.finish()
            elif time.monotonic() - used_at < LATELY or await _answers(connection):
                return connection

    def _give_back(self, connection: Awaited) -> None:
        if connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self._idle.append((time.monotonic(), connection))
        else:  # lost, or whoever awaited it was cancelled
            connection.pgconn.finish()

    def _write(self, statement: TextClause) -> str:
        return str(statement.compile(dialect=self._engine.dialect))


async def _take_turn(turns: asyncio.Semaphore) -> None:
    if not turns.locked():
        await turns.acquire()
        return
    try:
        await asyncio.wait_for(turns.acquire(), PATIENCE)
    except TimeoutError:
        raise PoolTimeoutError(f"no connection was free for {PATIENCE} s") from None


async def _answers(connection: Awaited) -> bool:
    try:
        await connection.execute("SELECT 1")
    except psycopg.Error:
        connection.pgconn.finish()
        return False
    return True


async def _open(engine: Engine) -> Awaited:
    """Open a connection as the engine's are. Raises DatabaseError, as the engine does, and psycopg.Error."""
    connection: Awaited = await psycopg.AsyncConnection.connect(
        **await asyncio.to_thread(_parameters, engine), autocommit=True, row_factory=namedtuple_row
    )
    read_strange_times(connection, None)
    return connection


def _parameters(engine: Engine) -> dict[str, Any]:
    """How the engine's connections are opened; its own way of opening one says in words what is wrong."""
    with engine.connect() as connection:
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        return {**driver.info.get_parameters(), "password": driver.info.password}


_of_engine: dict[Engine, AsyncStatements] = {}


def async_statements(engine: Engine) -> AsyncStatements:
    """Give the statements that are awaited at an engine's database; they end with the engine's pool."""
    found = _of_engine.get(engine)
    if found is None:
        found = _of_engine.setdefault(engine, AsyncStatements(engine))
        event.listen(engine, "engine_disposed", _close, once=True)
    return found


def _close(engine: Engine) -> None:
    if statements := _of_engine.pop(engine, None):
        statements.close()
