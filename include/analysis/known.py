"""The facts as figures: what a text may say, by unit."""

import math
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.analysis.notation import MINUTES_PER_UNIT

TEXTS_OF_OTHERS = "texts_of_others"
# What rounding may change, as a share of the fact; without a unit there are more facts to hit by chance.
COARSEST_ROUNDING, COARSEST_ROUNDING_WITHOUT_UNIT = 0.1, 0.02
ROUNDING_SLACK = 1.000001
BINARY_ERROR = 1e-15  # relative: what binary fractions do to a value that is written in decimals


class Known:
    """Values by unit, moments, and the names that hold digits.

    Units stand in the names of the facts: `_usd`, `_percent`, `_ratio`, `_atr`, `minutes_`, `_hours`; a
    volume without `_usd` counts coins. What has none of these is a figure without a unit.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.symbol = str(facts.get("symbol", ""))
        self.moments: set[datetime] = set()
        self.periods: defaultdict[str, set[int]] = defaultdict(set)  # ema: {20, 50}
        self.words: set[str] = set()  # of all names
        self._values: defaultdict[str, set[float]] = defaultdict(set)
        self._learn("", facts)
        fractions = {value / 100 for value in self._values["percent"]}
        # Nobody says a duration without its unit.
        with_units = (held for kind, held in self._values.items() if kind != "minutes")
        self._values["none"] = set().union(*with_units, fractions, {float(at.year) for at in self.moments})
        self._sorted = {kind: sorted({abs(value) for value in held}) for kind, held in self._values.items()}

    def _learn(self, name: str, value: object) -> None:
        """Take in one fact, or all that a part of the facts holds."""
        if isinstance(value, Mapping):
            for inner, held in value.items():
                if inner != TEXTS_OF_OTHERS:
                    self._learn(str(inner), held)
            return
        if isinstance(value, list):
            for held in value:
                self._learn(name, held)
            return
        self.words |= set(re.findall(r"[a-z]+", name))
        for word, period in re.findall(r"([a-z]+)_(\d+)(?![a-z\d])", name):
            self.periods[word].add(int(period))
        for number, unit in re.findall(r"_(\d+)([hd])(?![a-z\d])", name):
            self._values["minutes"].add(int(number) * MINUTES_PER_UNIT[unit])
        if isinstance(value, bool):
            return
        if isinstance(value, int | float | Decimal):
            if math.isfinite(value):
                kind, factor = _unit_of(name)
                self._values[kind].add(float(value) * factor)
        elif isinstance(value, str) and (name == "at" or name.endswith("_at")):
            self._learn_moment(value)
        elif isinstance(value, str) and name in ("timeframe", "resolution"):
            self._values["minutes"] |= {
                int(number) * MINUTES_PER_UNIT[unit]
                for number, unit in re.findall(r"^(\d+)([mhdw])\Z", value)
            }

    def _learn_moment(self, value: str) -> None:
        try:
            self.moments.add(datetime.fromisoformat(value))
        except ValueError:
            return  # infinity, or a year that Python has not: no text can say it rightly

    def stands(self, value: float, step: float, *, kind: str, scale: float = 1.0, sign: int = 0) -> bool:
        """Whether a figure that shows multiples of `step` is a fact of this kind, rounded."""
        held = self._sorted.get(kind)
        if not held or not math.isfinite(value):
            return False
        blur = value * BINARY_ERROR
        coarsest = COARSEST_ROUNDING if kind != "none" else COARSEST_ROUNDING_WITHOUT_UNIT
        low, high = (value - step / 2) / ROUNDING_SLACK - blur, (value + step / 2) * ROUNDING_SLACK + blur
        for at in range(bisect_left(held, low / scale), bisect_right(held, high / scale)):
            fact = held[at] * scale
            if abs(fact - value) > min(step / 2, fact * coarsest) * ROUNDING_SLACK + blur:
                continue
            if not sign or fact == 0 or (sign * held[at]) in self._values[kind]:
                return True
        return False

    def has_day(self, month: int, day: int | None, year: int | None) -> bool:
        """Whether a moment of the facts is of this day, or month."""
        return any(
            at.month == month and day in (None, at.day) and year in (None, at.year) for at in self.moments
        )

    def has_time(self, hour: int, minute: int, second: int | None) -> bool:
        """Whether a moment of the facts has this time of day."""
        return any(
            (at.hour, at.minute) == (hour, minute) and second in (None, at.second) for at in self.moments
        )


def _unit_of(name: str) -> tuple[str, float]:
    for ending, kind in (("_usd", "usd"), ("_percent", "percent"), ("_ratio", "ratio"), ("_atr", "atr")):
        if name.endswith(ending):
            return kind, 1.0
    if name.endswith("_hours"):
        return "minutes", 60.0
    if name.startswith("minutes_"):
        return "minutes", 1.0
    return ("coins" if re.fullmatch(r"volume(_sma_\d+)?", name) else "none"), 1.0
