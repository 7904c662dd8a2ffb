"""Scales: where a value lies between the two ends of an axis, and which values the axis names."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

Value = float | int | Decimal | datetime | date | None  # what a scale places; a date is its midnight in UTC

LARGEST = 1e300  # beyond it differences are no numbers any more
LONGEST_NAME = 14  # letters
SUFFIXES = ((1e15, None), (1e12, "T"), (1e9, "B"), (1e6, "M"))


@dataclass(frozen=True, slots=True)
class Tick:
    """A place of the axis that has a name: `share` of the way from its low to its high end, 0 to 1."""

    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`, in numbers (of a time: seconds since 1970, UTC); `low` may be larger."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    unit: str = ""

    def share(self, value: Value) -> float | None:
        """How far along the axis a value lies: 0 at `low`, 1 at `high`; None if it is no ordinary number."""
        number = number_of(value)
        return None if number is None else (number - self.low) / (self.high - self.low)


def number_of(value: Value) -> float | None:
    """A value as a number; None for what cannot be drawn: nothing, NaN, infinity, beyond 1e300.

    Raises ValueError for a time without a zone.
    """
    if value is None:
        return None
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone")
        return moment.timestamp()
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an int beyond all floats, a signalling NaN
        return None
    return number if abs(number) <= LARGEST else None


def linear_scale(
    values: Iterable[Value],
    *,
    include: Iterable[float] = (),
    unit: str = "",
    ticks: int = 5,
    whole: bool = False,
) -> Scale:
    """An axis of numbers that begins and ends at a round one; `include` lie on it in any case.

    Without a value it runs from 0 to 1 and names nothing; equal ones stand in its middle. `whole`: for
    counts, it names whole numbers alone.
    """
    drawn = [number for value in (*values, *include) if (number := number_of(value)) is not None]
    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-9:
        low, high = low - (size * 0.1 or 1), high + (size * 0.1 or 1)
    step = max(nice_step((high - low) / ticks), 1 if whole else 0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    texts = tick_texts([n * step for n in range(first, last + 1)], step)
    named = tuple(Tick(n / (last - first), text) for n, text in enumerate(texts)) if drawn else ()
    return Scale(first * step, last * step, named, unit)


def band_scale(names: Sequence[str], *, down: bool = False, most: int = 12) -> Scale:
    """An axis of names: the first lies from 0 to 1, the second from 1 to 2. `down`: the first is the top one.

    At most `most` of them are named on the axis, long ones in the letters that fit beside it.
    """
    count = max(len(names), 1)
    every = math.ceil(len(names) / most) or 1
    low, high = (count, 0) if down else (0, count)
    ticks = tuple(
        Tick(
            (place + 0.5 - low) / (high - low),
            name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        )
        for place, name in enumerate(names)
        if place % every == 0
    )
    return Scale(low, high, ticks)


def nice_step(rough: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `rough`, which is above 0."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next((times * power for times in (1, 2, 5) if times * power >= rough * (1 - 1e-9)), 10 * power)


def tick_texts(values: Sequence[float], step: float) -> list[str]:
    """Round numbers in the fewest digits that tell neighbours apart: 0.25, 1,500, 2.5 M, 1e+21."""
    size = max(map(abs, values))
    divisor, suffix = next((one for one in SUFFIXES if size >= one[0]), (1.0, ""))
    if suffix is None or step < 1e-6:
        return [f"{value:.4g}" for value in values]
    decimals = max(0, -math.floor(math.log10(step / divisor) + 1e-9))
    return [f"{value / divisor + 0:,.{decimals}f} {suffix}".strip() for value in values]
