"""What the sections of a report read from: the database at one moment, the period, and those before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row

from include.database import sql
from include.reports.periods import Period
from include.settings import Settings


@dataclass(frozen=True)
class Reading:
    """The database as it is at one moment, for one report.

    Attributes:
        connection: in one transaction, so that all sections see the same.
        periods: the period and the four before it, the newest first.
        settings: the settings in force: budgets, what is kept for how long.
        now: the moment, by the database's clock, tz-aware UTC; nothing later is known.
        first_record: when the platform began to keep records; None: it has none.
        free_bytes: what is free on the database's disk; None: it cannot be seen from here.
    """

    connection: Connection
    periods: Sequence[Period]
    settings: Settings
    now: datetime
    first_record: datetime | None
    free_bytes: int | None = None

    @property
    def period(self) -> Period:
        """The period of the report."""
        return self.periods[0]

    @cached_property
    def days(self) -> Sequence[Row[Any]]:
        """What the rolled-up days of each period have together: more than one section reads it."""
        return self.by_days("measure_days")

    def by_days(self, query: str) -> Sequence[Row[Any]]:
        """Ask a statement that compares the periods, given as days, `starts` and `ends`."""
        starts, ends = [one.start for one in self.periods], [one.end for one in self.periods]
        return self._ask(query, starts=starts, ends=ends)

    def by_moments(self, query: str) -> Sequence[Row[Any]]:
        """Ask a statement that compares the periods, given as moments, `begins` and `ends`."""
        begins, ends = [one.begins_at for one in self.periods], [one.ends_at for one in self.periods]
        return self._ask(query, begins=begins, ends=ends)

    def of_days(self, query: str, **values: Any) -> Sequence[Row[Any]]:
        """Ask a statement about the days of the period, from `start` to before `end`."""
        return self._ask(query, start=self.period.start, end=self.period.end, **values)

    def of_moments(self, query: str, **values: Any) -> Sequence[Row[Any]]:
        """Ask a statement about what happened from the period's moment `begins` to before `ends`."""
        return self._ask(query, begins=self.period.begins_at, ends=self.period.ends_at, **values)

    def _ask(self, query: str, **values: Any) -> Sequence[Row[Any]]:
        return self.connection.execute(sql(f"reports/{query}"), values).all()

    def unknown(self, keep: timedelta | None) -> list[bool]:
        """Of which periods not all rows are there: some were deleted by `keep`, or nobody kept any yet."""
        since = self.known_since(keep)
        return [since is None or period.begins_at < since for period in self.periods]

    def known_since(self, keep: timedelta | None) -> datetime | None:
        """Since when all rows are there that are kept for so long, by whole days; None: there are none."""
        if self.first_record is None:
            return None
        first = self.first_record.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return first if keep is None else max(first, self.now - keep)

    def coverage_notes(self, what: str, setting: str, keep: timedelta | None) -> list[str]:
        """Say that retention has deleted a part of the period's rows; nothing where it has not."""
        if keep is None or self.now - keep <= self.period.begins_at:
            return []
        return [
            f"{what} before {self.now - keep:%Y-%m-%d %H:%M} UTC are deleted by retention ({setting}): "
            "the figures cover the rest of the period."
        ]


def time_text(moment: datetime) -> str:
    """A moment as tables of a report have it: `2026-11-26 14:03`, UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
