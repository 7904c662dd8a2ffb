"""Times and dates that PostgreSQL knows and Python does not: infinity, years before 1 and after 9999.

They are read as a stand-in at the near end of Python's calendar, which keeps the true text: one odd row never
fails the reading of all others.
"""

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

# The two ends of Python's calendar, with a day of room for time zones, as in sql/functions/engine_time.sql.
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class StrangeTime(datetime):
    """A time that Python cannot hold: EARLIEST or LATEST in its place; `text` is the true one."""

    text = ""


class StrangeDate(date):
    """A date that Python cannot hold, as the nearest one that it can; `text` is the true one."""

    text = ""


def strange_time(text: str) -> StrangeTime:
    """The stand-in for a time as PostgreSQL writes it."""
    end = EARLIEST if _before_all(text) else LATEST
    found = StrangeTime(end.year, end.month, end.day, tzinfo=UTC)
    found.text = text
    return found


def strange_date(text: str) -> StrangeDate:
    """The stand-in for a date as PostgreSQL writes it."""
    end = EARLIEST if _before_all(text) else LATEST
    found = StrangeDate(end.year, end.month, end.day)
    found.text = text
    return found


def _before_all(text: str) -> bool:
    return text.startswith("-") or text.endswith("BC")


def read_strange_times(driver: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]", _: object) -> None:
    """Read every time and date on this connection; the driver's own readers fail at those it cannot hold."""
    for kind, stand_in in (
        ("timestamptz", strange_time),
        ("timestamp", strange_time),
        ("date", strange_date),
    ):
        driver.adapters.register_loader(kind, _reader_of(kind, stand_in))


@functools.cache
def _reader_of(kind: str, stand_in: Callable[[str], Any]) -> "type[psycopg.adapt.Loader]":
    from psycopg import DataError, adapt, adapters, pq

    ordinary = adapters.get_loader(adapters.types[kind].oid, pq.Format.TEXT)
    if ordinary is None:
        raise LookupError(f"the driver has no reader for {kind}")

    load_ordinary = ordinary  # for the type checker: not None from here on

    class StandInLoader(adapt.Loader):
        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._ordinary = load_ordinary(oid, context)

        def load(self, data: Any) -> Any:
            try:
                return self._ordinary.load(data)
            except DataError:
                return stand_in(bytes(data).decode())

    return StandInLoader
