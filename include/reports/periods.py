"""The stretch of days that a report is about: a day, a week from Monday on, a month, all in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Kind = Literal["daily", "weekly", "monthly"]

EARLIEST = date(2000, 1, 1)
PERIODS_BEFORE = 4  # that a report compares with


class ReportPeriodError(ValueError):
    """There can be no report on this day; the message says why."""


@dataclass(frozen=True)
class Period:
    """One day, week or month; `end` is the first day after it."""

    kind: Kind
    start: date
    end: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last day that belongs to it."""
        return self.end - timedelta(days=1)

    @property
    def begins_at(self) -> datetime:
        """Its first moment, UTC."""
        return datetime.combine(self.start, time.min, UTC)

    @property
    def ends_at(self) -> datetime:
        """The first moment after it, UTC."""
        return datetime.combine(self.end, time.min, UTC)

    @property
    def title(self) -> str:
        """How people name it: `26 November 2026`, `week 48 of 2026 (23 to 29 November)`, `November 2026`."""
        if self.kind == "daily":
            return f"{self.start:%A}, {self.start.day} {self.start:%B %Y}"
        if self.kind == "monthly":
            return f"{self.start:%B %Y}"
        year, week, _ = self.start.isocalendar()
        first = f"{self.start.day}" + ("" if self.start.month == self.last_day.month else f" {self.start:%B}")
        return f"week {week} of {year}, {first} to {self.last_day.day} {self.last_day:%B}"

    def before(self) -> "Period":
        """The period just before."""
        return _period_of(self.kind, self.start - timedelta(days=1))

    def with_former(self) -> list["Period"]:
        """The period and those that it is compared with, the newest first."""
        periods = [self]
        while len(periods) <= PERIODS_BEFORE:
            periods.append(periods[-1].before())
        return periods


def find_period(kind: Kind, day: date, now: datetime) -> Period:
    """Find the period that a day lies in.

    Raises ReportPeriodError: it is not over at `now` (with a time zone), or lies before 2000.
    """
    if day < EARLIEST:
        raise ReportPeriodError(f"{day} lies before {EARLIEST}: there is nothing to report on")
    today = now.astimezone(UTC).date()
    if day > today:
        raise ReportPeriodError(f"{day} lies ahead")
    period = _period_of(kind, day)
    if period.end > today:
        raise ReportPeriodError(
            f"the {kind} period of {day} is not over: it can be reported on from {period.end} on"
        )
    return period


def last_period(kind: Kind, now: datetime) -> Period:
    """The last period that is over at `now` (with a time zone)."""
    return _period_of(kind, now.astimezone(UTC).date()).before()


def _period_of(kind: Kind, day: date) -> Period:
    if kind == "daily":
        return Period(kind, day, day + timedelta(days=1))
    if kind == "weekly":
        monday = day - timedelta(days=day.weekday())
        return Period(kind, monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Period(kind, first, (first + timedelta(days=31)).replace(day=1))
