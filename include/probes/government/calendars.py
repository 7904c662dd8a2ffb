"""Publication calendars: when the figures of a period come out at the latest, as the agencies announce it.

A period is named by its first day, as FRED does. Times of day are New York's. Business days are those from
Monday to Friday but for US federal holidays. A shutdown of the government is in no calendar: figures are then
late, and said to be.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from math import ceil
from typing import Literal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
PERIOD_MONTHS = {"month": 1, "quarter": 3, "year": 12}
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """When the figures of a period come out at the latest.

    Of days: on the same day, or on the next such weekday. Of longer periods: on `day` of the month that lies
    `months` after the last month of the period. A day without business moves to the next one.
    """

    period: Literal["day", "month", "quarter", "year"]
    clock: time  # New York
    note: str  # where it is announced
    months: int = 1
    day: int = 1
    weekday: int | None = None  # 0: Monday


EDGAR = Calendar(
    "day", time(22), "filings are taken on business days until 22:00: sec.gov/submit-filings, EDGAR calendar"
)
EXCHANGE_RATES = Calendar(
    "day",
    time(18),
    "H.10: on Mondays at 16:15 for the week before: federalreserve.gov/releases/h10",
    weekday=0,
)
CONSUMER_PRICES = Calendar(
    "month",
    time(12),
    "CPI: between the 10th and the 15th at 8:30: bls.gov/schedule/news_release/cpi.htm",
    day=15,
)
EMPLOYMENT = Calendar(
    "month", time(12), "mostly the first Friday, at 8:30: bls.gov/schedule/news_release/empsit.htm", day=10
)
GROSS_PRODUCT = Calendar(
    "quarter", time(12), "GDP, advance estimate: about 30 days after, at 8:30: bea.gov/news/schedule", day=30
)
COMMUNITY_SURVEY = Calendar(
    "year",
    time(12),
    "ACS 1-year: in September: census.gov/programs-surveys/acs/news/data-releases.html",
    9,
    30,
)


@cache
def federal_holidays(year: int) -> frozenset[date]:
    """The US federal holidays of a year, as observed."""
    from pandas.tseries.holiday import USFederalHolidayCalendar

    days = USFederalHolidayCalendar().holidays(start=f"{year}-01-01", end=f"{year}-12-31")
    return frozenset(day.date() for day in days)


def is_business_day(day: date) -> bool:
    """Whether the government works on this day."""
    return day.weekday() < 5 and day not in federal_holidays(day.year)


def following(calendar: Calendar, period: date) -> date:
    """The period after this one."""
    if calendar.period == "day":
        return _next_business_day(period + A_DAY)
    return _add_months(period, PERIOD_MONTHS[calendar.period])


def due(calendar: Calendar, period: date) -> datetime:
    """When the figures of a period are out at the latest (UTC)."""
    if calendar.period == "day":
        day = period
        if calendar.weekday is not None:
            day += timedelta(days=(calendar.weekday - period.weekday() - 1) % 7 + 1)
    else:
        last_month = PERIOD_MONTHS[calendar.period] - 1
        month = _add_months(period, last_month + calendar.months)
        day = month + timedelta(days=min(calendar.day, _days_in(month)) - 1)
    return datetime.combine(_next_business_day(day), calendar.clock, NEW_YORK).astimezone(UTC)


def periods_due(calendar: Calendar, first: date, now: datetime) -> Iterator[date]:
    """The periods from `first` on (or the next one that begins) whose figures should be out now."""
    period = first if calendar.period != "day" else _next_business_day(first)
    while due(calendar, period) <= now:
        yield period
        period = following(calendar, period)


@dataclass(frozen=True)
class PublishedSeries:
    """Of a series: how many of the periods that should be out, the newest, when the next is due."""

    name: str
    newest: date | None
    expected_by: datetime | None
    present: int
    expected: int


def look_at(
    name: str, calendar: Calendar, observed: Collection[date], first: date, now: datetime
) -> PublishedSeries:
    """Compare the periods that have a value with those that should have one, from `first` on."""
    expected = set(periods_due(calendar, first, now))
    newest = max(observed, default=None)
    return PublishedSeries(
        name,
        newest,
        due(calendar, following(calendar, newest)) if newest else None,
        len(expected & set(observed)),
        len(expected),
    )


def completeness(series: Iterable[PublishedSeries]) -> float | None:
    """Share of the expected periods that have a value, over all series; None where none is expected."""
    found = list(series)
    expected = sum(one.expected for one in found)
    return sum(one.present for one in found) / expected if expected else None


def latest_due(series: Iterable[PublishedSeries]) -> PublishedSeries | None:
    """The series whose next figures have been due for longest, or will be due first."""
    found = [(one.expected_by, one.name, one) for one in series if one.expected_by]
    return min(found)[2] if found else None


def freshness(expected_by: datetime, now: datetime) -> str:
    """In words: `fresh`, or how late what was due by then is."""
    if now <= expected_by:
        return "fresh"
    days = ceil((now - expected_by) / A_DAY)
    return f"late by {days} day{'s' if days > 1 else ''}"


def _next_business_day(day: date) -> date:
    while not is_business_day(day):
        day += A_DAY
    return day


def _add_months(day: date, count: int) -> date:
    number = day.year * 12 + day.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def _days_in(month: date) -> int:
    return (_add_months(month, 1) - month).days
