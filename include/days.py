"""Days of the calendar, as people give them."""

from datetime import date, timedelta


def days_between(first: date | str, last: date | str, *, at_most: int) -> list[date]:
    """List the days from `first` to `last`, both included; text is YYYY-MM-DD.

    Raises:
        ValueError: a day cannot be read, or there are none or more than `at_most` of them.
    """
    start, end = _day(first), _day(last)
    count = (end - start).days + 1
    if count < 1:
        raise ValueError(f"the last day, {end}, lies before the first, {start}")
    if count > at_most:
        raise ValueError(
            f"from {start} to {end} are {count} days; one run takes {at_most} at most: use a backfill"
        )
    return [start + timedelta(days=number) for number in range(count)]


def _day(day: date | str) -> date:
    try:
        return day if isinstance(day, date) else date.fromisoformat(day)
    except ValueError as error:
        raise ValueError(f"{day!r} is no day; write it as 2026-03-01") from error
