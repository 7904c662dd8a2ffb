"""How large the database will be: a straight line through its sizes, and how sure that is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from include.humanize import count_text

ENOUGH_DAYS = 7  # under which a line is no forecast
LONGEST = 3650  # days ahead beyond which "full on" is not said
CONFIDENCE = 0.95

METHOD = (
    "A straight line by least squares through the sizes of up to 90 days. The interval is the 95 % "
    "prediction interval of the line (Student's t, n - 2 degrees of freedom); it holds if the database goes "
    "on growing as it did, and says nothing of a new user or a changed retention."
)


class TooFewSizesError(ValueError):
    """There are too few sizes for a forecast; the message says how many."""


@dataclass(frozen=True)
class Estimate:
    """A size in bytes, and the ends of its 95 % prediction interval."""

    size: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """A fitted line: bytes on the mean day, bytes a day, and what its uncertainty is made of."""

    mean_day: float
    mean_size: float
    slope: float
    spread: float  # sum of (day - mean_day)²
    deviation: float  # residual standard deviation, bytes
    quantile: float  # of Student's t
    days: int
    last_day: date

    def at(self, day: date) -> Estimate:
        """Estimate the size on a day; a database is never smaller than nothing."""
        away = day.toordinal() - self.mean_day
        size = self.mean_size + self.slope * away
        half = self.quantile * self.deviation * math.sqrt(1 + 1 / self.days + away**2 / self.spread)
        return Estimate(max(0.0, size), max(0.0, size - half), max(0.0, size + half))

    @property
    def slope_interval(self) -> tuple[float, float]:
        """The 95 % interval of the growth in bytes a day."""
        half = self.quantile * self.deviation / math.sqrt(self.spread)
        return self.slope - half, self.slope + half

    def full_after(self, free_bytes: float) -> tuple[date | None, date | None, date | None]:
        """When `free_bytes` are used up: the likely, the earliest and the latest day; None: not in sight.

        The ends use the ends of the growth's interval.
        """
        low, high = self.slope_interval
        return (
            self._after(free_bytes, self.slope),
            self._after(free_bytes, high),
            self._after(free_bytes, low),
        )

    def _after(self, free_bytes: float, slope: float) -> date | None:
        if slope <= 0 or free_bytes / slope >= LONGEST:
            return None
        return self.last_day + timedelta(days=int(free_bytes / slope))


def fit_line(sizes: Mapping[date, int]) -> Line:
    """Fit a line through sizes in bytes by day, at least seven of them. Raises TooFewSizesError.

    Formulas: Draper and Smith, Applied Regression Analysis, 3rd edition, sections 1.2 to 1.4.
    """
    if len(sizes) < ENOUGH_DAYS:
        raise TooFewSizesError(
            f"{count_text(len(sizes), 'day')} of sizes: no forecast; {ENOUGH_DAYS} are needed"
        )
    from scipy.special import stdtrit

    count = len(sizes)
    days = [day.toordinal() for day in sizes]
    mean_day, mean_size = sum(days) / count, sum(sizes.values()) / count
    spread = sum((day - mean_day) ** 2 for day in days)
    slope = (
        sum((day - mean_day) * (size - mean_size) for day, size in zip(days, sizes.values(), strict=True))
        / spread
    )
    left = sum(
        (size - mean_size - slope * (day - mean_day)) ** 2
        for day, size in zip(days, sizes.values(), strict=True)
    )
    return Line(
        mean_day,
        mean_size,
        slope,
        spread,
        math.sqrt(left / (count - 2)),
        float(stdtrit(count - 2, (1 + CONFIDENCE) / 2)),
        count,
        max(sizes),
    )
