"""Publication calendars: business days, when figures are due, how late they are, what is missing."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.probes.government.calendars import (
    COMMUNITY_SURVEY,
    CONSUMER_PRICES,
    EDGAR,
    EMPLOYMENT,
    EXCHANGE_RATES,
    GROSS_PRODUCT,
    completeness,
    due,
    federal_holidays,
    following,
    freshness,
    is_business_day,
    latest_due,
    look_at,
    periods_due,
)

CALENDARS = [EDGAR, EXCHANGE_RATES, CONSUMER_PRICES, EMPLOYMENT, GROSS_PRODUCT, COMMUNITY_SURVEY]
FIRST = {
    "day": date(2025, 1, 2),
    "month": date(2025, 1, 1),
    "quarter": date(2025, 1, 1),
    "year": date(2020, 1, 1),
}
MOMENTS = st.integers(0, 1000 * 1440).map(
    lambda minutes: datetime(2025, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_federal_holidays_are_those_observed():
    assert date(2026, 7, 3) in federal_holidays(2026)  # the fourth is a Saturday
    assert date(2026, 6, 19) in federal_holidays(2026)
    assert len(federal_holidays(2026)) == 11
    assert [is_business_day(date(2026, 11, day)) for day in (20, 21, 22, 26, 27)] == [
        True, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("calendar", "period", "expected"),
    [
        (EDGAR, date(2026, 11, 20), "2026-11-21T03:00"),  # 22:00 in New York's winter
        (EDGAR, date(2026, 7, 1), "2026-07-02T02:00"),  # and in its summer
        (EXCHANGE_RATES, date(2026, 11, 9), "2026-11-16T23:00"),  # a Monday: a week later
        (EXCHANGE_RATES, date(2026, 11, 13), "2026-11-16T23:00"),  # the Friday before
        (EXCHANGE_RATES, date(2026, 9, 4), "2026-09-08T22:00"),  # Labor Day: on Tuesday
        (CONSUMER_PRICES, date(2026, 10, 1), "2026-11-16T17:00"),  # the 15th is a Sunday
        (EMPLOYMENT, date(2026, 12, 1), "2027-01-11T17:00"),
        (GROSS_PRODUCT, date(2026, 7, 1), "2026-10-30T16:00"),
        (GROSS_PRODUCT, date(2026, 10, 1), "2027-02-01T17:00"),  # 30 January is a Saturday
        (COMMUNITY_SURVEY, date(2025, 1, 1), "2026-09-30T16:00"),
    ],
)
def test_when_figures_are_due(calendar, period, expected):
    assert due(calendar, period) == at(expected)


@given(st.sampled_from(CALENDARS), MOMENTS)
def test_periods_come_in_order_and_only_when_due(calendar, now):
    first = FIRST[calendar.period]
    found = list(periods_due(calendar, first, now))
    assert found == sorted(set(found))
    assert all(due(calendar, period) <= now for period in found)
    assert due(calendar, following(calendar, found[-1]) if found else first) > now


@given(st.sampled_from(CALENDARS), MOMENTS, st.data())
def test_a_series_is_complete_and_fresh_exactly_when_all_that_is_due_is_there(calendar, now, data):
    first = FIRST[calendar.period]
    expected = list(periods_due(calendar, first, now))
    whole = look_at("x", calendar, expected, first, now)
    assert (whole.present, whole.expected) == (len(expected), len(expected))
    assert freshness(whole.expected_by, now) == "fresh"
    lost = data.draw(st.integers(1, min(5, len(expected))))
    late = look_at("x", calendar, expected[:-lost], first, now)
    assert late.present == late.expected - lost
    if late.expected_by:
        assert freshness(late.expected_by, now).startswith("late by") or late.expected_by == now


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (timedelta(0), "fresh"),
        (timedelta(seconds=1), "late by 1 day"),
        (timedelta(days=1), "late by 1 day"),
        (timedelta(days=2, minutes=1), "late by 3 days"),
    ],
)
def test_freshness_in_words(after, words):
    due_at = at("2026-11-16T17:00")
    assert freshness(due_at, due_at + after) == words


def test_the_series_that_is_due_for_longest_counts():
    now = at("2026-11-20T12:00")
    behind = look_at("a", CONSUMER_PRICES, [date(2026, 8, 1)], date(2026, 8, 1), now)
    fresh = look_at("b", GROSS_PRODUCT, [date(2026, 7, 1)], date(2026, 7, 1), now)
    empty = look_at("c", EMPLOYMENT, [], date(2026, 10, 1), now)
    assert latest_due([fresh, behind, empty]) is behind
    assert latest_due([empty]) is None
    assert completeness([behind, fresh, empty]) == pytest.approx(2 / 5)  # 3 months, a quarter, a month
    assert completeness([]) is None
