from datetime import date

import pytest

from include.days import days_between


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        ("2026-02-27", "2026-03-01", 3),
        ("2026-02-28", date(2026, 3, 1), 2),
        (date(2026, 3, 3), date(2026, 3, 3), 1),
        ("2026-03-01", "2026-03-31", 31),
    ],
)
def test_both_ends_are_included(first, last, count):
    listed = days_between(first, last, at_most=31)
    assert (str(listed[0]), str(listed[-1]), len(listed)) == (str(first), str(last), count)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2026-03-02", "2026-03-01", "the last day, 2026-03-01, lies before the first, 2026-03-02"),
        ("2026-03-01", "2026-04-01", "32 days; one run takes 31 at most: use a backfill"),
        ("2026-02-30", "2026-03-01", "'2026-02-30' is no day; write it as 2026-03-01"),
        ("x", "x", "'x' is no day"),
    ],
)
def test_other_days_are_refused(first, last, message):
    with pytest.raises(ValueError, match=message):
        days_between(first, last, at_most=31)
