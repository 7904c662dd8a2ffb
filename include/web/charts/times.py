"""The time axis: UTC, with names at round times, weeks that begin on Monday, months and years."""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from include.web.charts.scale import Scale, Tick, Value, nice_step, number_of

MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = (
    *(1, 5, 15, 30),
    *(minutes * MINUTE for minutes in (1, 5, 15, 30)),
    *(hours * HOUR for hours in (1, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 7, 14)),
)
MONDAY = 4 * DAY  # 1970-01-05 was the first one
YEAR = 365.25 * DAY


def time_scale(moments: Iterable[Value], *, most: int = 6) -> Scale:
    """An axis from the first to the last of these times or dates; times have a zone, and are shown in UTC.

    Without a time it has no names; one time alone stands in the middle of a day. At most `most` names.
    """
    drawn = [number for moment in moments if (number := number_of(moment)) is not None]
    if not drawn:
        return Scale(0, 1, ())
    low, high = min(drawn), max(drawn)
    if low == high:
        low, high = low - DAY / 2, high + DAY / 2
    step = next((step for step in STEPS if (high - low) / step <= most), None)
    if step is not None:
        offset = MONDAY if step % (7 * DAY) == 0 else 0
        first = math.ceil((low - offset) / step) * step + offset
        seconds = range(first, math.floor(high) + 1, step)
        named = [(float(second), _text(second, step)) for second in seconds]
        if step >= DAY and named:
            named[0] = (named[0][0], f"{named[0][1]} {_moment(named[0][0]).year}")
    else:
        named = list(_months(low, high, most))
    ticks = tuple(Tick((second - low) / (high - low), text) for second, text in named)
    return Scale(low, high, ticks, "UTC" if step is not None and step < DAY else "")


def _moment(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _text(second: int, step: int) -> str:
    moment = _moment(second)
    if step >= DAY or (step >= HOUR and moment.hour == 0):
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M:%S}" if step < MINUTE else f"{moment:%H:%M}"


def _months(low: float, high: float, most: int) -> Iterator[tuple[float, str]]:
    """The first days of months, every one, third or sixth, or of round years."""
    months = (high - low) / YEAR * 12
    every = next((one for one in (1, 2, 3, 6) if months / one <= most), None)
    every = every or 12 * max(1, round(nice_step(months / 12 / most)))
    first, last = _moment(low), _moment(high)
    begin = (first.year * 12 + first.month - 1) // every * every
    with_year = True
    for month in range(begin, last.year * 12 + last.month, every):
        if month < 12:  # there is no year 0
            continue
        second = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()
        if low <= second <= high:
            year = str(month // 12)
            name = year if every >= 12 else f"{datetime(2000, month % 12 + 1, 1, tzinfo=UTC):%b}"
            yield second, f"{name} {year}" if every < 12 and (with_year or month % 12 == 0) else name
            with_year = False
