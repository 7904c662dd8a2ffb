"""Pooled connections: is the server still there? Asked before use, but not of one that was just used."""

import functools
import select
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

if TYPE_CHECKING:
    import psycopg

LATELY = 1.0  # seconds since its last use, in which a connection that is quiet is not asked


def check_before_use(engine: Engine) -> None:
    """Let every connection of the engine's pool be looked at before use, and replaced if the server has left.

    A server that ends a session closes its socket: there is something to read, which is seen without asking.
    Only one that was cut off says nothing; so what was not used lately is asked, which is a round trip.
    """
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", functools.partial(_check, engine))


def _note_use(_: object, entry: ConnectionPoolEntry) -> None:
    entry.info["used_at"] = time.monotonic()


def _check(engine: Engine, driver: "psycopg.Connection[Any]", entry: ConnectionPoolEntry, _: object) -> None:
    """Raise InvalidatePoolError, upon which the pool opens a new one, and takes none that is as old."""
    used_at = entry.info.get("used_at")
    if used_at is None:  # it is new
        return
    if time.monotonic() - used_at < LATELY and not has_news(driver):
        return
    try:
        alive = engine.dialect.do_ping(driver)  # type: ignore[arg-type]
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error
    if not alive:
        raise InvalidatePoolError


def has_news(driver: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> bool:
    """Whether the server has sent something, or closed the socket."""
    if driver.closed:
        return True
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return bool(poll.poll(0))
