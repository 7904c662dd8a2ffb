"""Which figures in a text stand in the facts, and which are invented.

A figure is anything written with digits: amounts, prices, percentages, durations, dates, times of day,
ratios; and a number in words with a unit behind it ("fifty percent"). It must be one of the facts:

- **rounded** at the digits that it shows, by a tenth at most: 16.962 may be "17", "17.0" or "16.96"; 1.6 may
  not be "2". Zeros at the end of a whole number may stand for rounding as long as three digits say something:
  43,219 may be "43,200", not "43,000".
- in its **unit**: a percentage must be a `…_percent` of the facts, an amount of dollars a `…_usd`, a duration
  the timeframe, the resolution or a `minutes_…`, in any unit of time. A figure without a unit may be any
  fact, or a percentage as a fraction (40 % as 0.4).
- with or without its **sign**: "lost $16.96" is -16.96; but "+16.96" is not.
- however it is **written**: 1,234.5, 1.2k, 3 million, 1.2e-05, 12 bps, USD 5.

Dates must be the date of a moment in the facts, times of day the time of one. Free are whole numbers up to 3
without a unit (three targets, TP1, the 2nd), the periods in the indicators' names (RSI 14, 20-period EMA) and
the symbol. Other numerals (half signs, Chinese or circled digits) are invented: the facts have none.

The texts that others wrote (`texts_of_others`) are no facts: a figure that stands only there is invented.
What is not looked at: whether a figure is said of the right thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

OUTSIDE = "texts_of_others"

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
_MONTH = "(?P<month{0}>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS) + r")\.?"
_YEAR = r"(?:,?\s+(?P<year{0}>\d{{4}}))"
_DAY = r"(?P<day{0}>\d{{1,2}})(?:st|nd|rd|th)?"
DATES = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?:[T ](?P<at>\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|\+00:00)?)?"
    rf"|\b{_DAY.format(1)}\s+(?:of\s+)?{_MONTH.format(1)}\b{_YEAR.format(1)}?"
    rf"|\b{_MONTH.format(2)}\s+{_DAY.format(2)}\b{_YEAR.format(2)}?"
    rf"|\b{_MONTH.format(3)}{_YEAR.format(3)}"
)
CLOCK = re.compile(r"(?<![\d.:])(\d{1,2}):(\d{2})(?::\d{2})?(?![\d:])(?:\s?([AaPp])\.?[Mm]\b\.?)?")
RATIO = re.compile(r"(?<![\d.:])(\d+(?:\.\d+)?)\s?:\s?(\d+(?:\.\d+)?)(?![\d:])")

_NUMBER = r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+"
_UNIT = (
    r"(?i:%|percent(?:age)?\b|per\s+cent\b|pct\b|bps\b|basis\s+points?\b|(?:US\s+)?dollars?\b|USDT?\b|minutes?\b"
    r"|mins?\b|hours?\b|hrs?\b|days?\b|weeks?\b|seconds?\b|secs?\b)|[hdw]\b|m\b|s\b"
)
FIGURE = re.compile(
    r"(?P<sign>(?<![\w.)%])[-+−])?\s?(?:(?P<currency>US\$|[$€£¥₿]|\bUSDT?\s)\s?(?P<sign2>[-+−])?)?"
    rf"(?P<number>{_NUMBER})(?P<exponent>[eE][-+]?\d{{1,3}}(?!\d))?"
    r"(?:\s?(?P<scale>k|K|M|B|T|bn|mn|(?i:thousand|million|billion|trillion))\b)?"
    rf"(?:\s?-?(?P<unit>{_UNIT}))?"
)
SCALES = {
    "k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "t": 12,
    "trillion": 12,
}  # fmt: skip
MINUTES = {"s": Decimal(1) / 60, "m": Decimal(1), "h": Decimal(60), "d": Decimal(1440), "w": Decimal(10080)}

SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
WORDS = {word: number for number, word in enumerate(SMALL)} | {
    word: 10 * number for number, word in enumerate(TENS, 2)
}
POWERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD = "|".join((*WORDS, *POWERS))
SPELLED = re.compile(
    rf"\b(?P<words>(?i:{_WORD})(?:(?:[\s-]|\sand\s)(?i:{_WORD})){{0,9}})[\s-]?(?P<unit>{_UNIT})"
)
COARSEST = Decimal("0.1")  # what rounding may change, as a share of the fact
SLACK = Decimal("1.000001")
COUNTS = 3  # whole numbers up to this one need no fact: a trade has three targets


@dataclass
class Known:
    """The facts as figures: values by unit, moments, and the names that hold digits."""

    values: dict[str, set[Decimal]] = field(
        default_factory=lambda: {
            "usd": set(),
            "percent": set(),
            "minutes": set(),
            "ratio": set(),
            "none": set(),
        }
    )
    moments: set[datetime] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)  # (ema, 20)

    def learn(self, name: str, value: object) -> None:
        """Take in one fact, or all that a part of the facts holds."""
        if isinstance(value, Mapping):
            for inner, held in value.items():
                if inner != OUTSIDE:
                    self.learn(str(inner), held)
            return
        if isinstance(value, list):
            for held in value:
                self.learn(name, held)
            return
        self.names |= set(re.findall(r"([a-z]+)_(\d+)(?![a-z\d])", name))
        for number, unit in re.findall(r"_(\d+)([hd])(?![a-z\d])", name):
            self.values["minutes"].add(int(number) * MINUTES[unit])
        if isinstance(value, bool):
            return
        if isinstance(value, int | float | Decimal):
            self.values[_unit_of(name)].add(Decimal(str(value)))
        elif isinstance(value, str) and (name == "at" or name.endswith("_at")):
            self.moments.add(datetime.fromisoformat(value))
        elif isinstance(value, str) and name in ("timeframe", "resolution"):
            self.values["minutes"] |= {
                int(number) * MINUTES[unit] for number, unit in re.findall(r"^(\d+)([mhdw])\Z", value)
            }

    def anything(self) -> set[Decimal]:
        """What a figure without a unit may be."""
        fractions = {value / 100 for value in self.values["percent"]}
        return set().union(*self.values.values(), fractions, {Decimal(at.year) for at in self.moments})


def find_invented(texts: Iterable[str], facts: Mapping[str, Any]) -> list[str]:
    """Give the figures of the texts that do not stand in the facts, as they are written, each once.

    `facts` is the object that the model was given: units stand in its names.
    """
    known = Known()
    known.learn("", facts)
    found: dict[str, None] = {}
    for text in texts:
        found |= dict.fromkeys(_invented_in(text, known, str(facts.get("symbol", ""))))
    return list(found)


def _invented_in(text: str, known: Known, symbol: str) -> Iterable[str]:
    if re.search(r"[A-Za-z]", symbol):  # 1INCH; but a symbol that is a number would excuse that number
        text = re.sub(rf"(?<![\w.,]){re.escape(symbol)}(?![\w.,]\d)", " ", text)
    for word, period in known.names:
        text = re.sub(
            rf"(?i)\b{word}[\s_(-]*{period}\b(?![.,]\d)|(?<![\d.,]){period}[\s-]*(?:period[\s-]*)?{word}\b",
            " ",
            text,
        )
    yield from (character for character in text if character.isnumeric() and not character.isdecimal())
    for pattern, stands in ((DATES, _date_stands), (CLOCK, _clock_stands), (RATIO, _ratio_stands)):
        rest: list[str] = []
        end = 0
        for match in pattern.finditer(text):
            if not stands(match, known):
                yield match[0].strip()
            rest += [text[end : match.start()], " "]
            end = match.end()
        text = "".join([*rest, text[end:]])
    for match in SPELLED.finditer(text):
        value = Decimal(_spelled(match["words"]))
        if not _stands(value, Decimal(1), 0, _kind(match["unit"]), known):
            yield match[0]
    for match in FIGURE.finditer(text):
        if not _figure_stands(match, known):
            yield match[0].strip()


def _date_stands(match: re.Match[str], known: Known) -> bool:
    if match["iso"]:
        return any(
            at.date().isoformat() == match["iso"] and match["at"] in (None, f"{at:%H:%M}")
            for at in known.moments
        )
    form = next(number for number in "123" if match[f"month{number}"])
    month = next(at for at, name in enumerate(MONTHS, 1) if name.startswith(match[f"month{form}"][:3]))
    day = match[f"day{form}"] if form != "3" else None
    year = match[f"year{form}"]
    return any(
        at.month == month and (not day or at.day == int(day)) and (not year or at.year == int(year))
        for at in known.moments
    )


def _clock_stands(match: re.Match[str], known: Known) -> bool:
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if any((at.hour, at.minute) == (hour, minute) for at in known.moments):
        return True
    return not half and _ratio_stands(match, known)  # 1:25


def _ratio_stands(match: re.Match[str], known: Known) -> bool:
    """Whether `1:2.5` or `2.5:1` says a ratio of the facts."""
    one, other = sorted(match.group(1, 2), key=lambda side: Decimal(side) != 1)
    return Decimal(one) == 1 and _stands(Decimal(other), _step(other), 0, "ratio", known)


def _figure_stands(match: re.Match[str], known: Known) -> bool:
    written = match["number"].replace(",", "").replace("\u00a0", "").replace("\u202f", "")
    power = SCALES[match["scale"].lower()] if match["scale"] else 0
    power += int(match["exponent"][1:]) if match["exponent"] else 0
    value, step = Decimal(written).scaleb(power), _step(written).scaleb(power)
    sign = {"+": 1, "-": -1, "−": -1, "": 0}[match["sign"] or match["sign2"] or ""]
    kind = _kind(match["unit"] or "")
    if currency := match["currency"]:
        if kind not in ("none", "usd") or not re.search(r"[$U]", currency):
            return False  # the facts know no other currency
        kind = "usd"
    if kind == "none" and not sign and not power and written.isdecimal() and value <= COUNTS:
        return True
    return _stands(value, step, sign, kind, known)


def _stands(value: Decimal, step: Decimal, sign: int, kind: str, known: Known) -> bool:
    """Whether a figure that shows multiples of `step` is a fact of this kind, rounded."""
    scale = Decimal(1)
    if kind == "bps":
        kind, scale = "percent", Decimal(100)
    elif kind in MINUTES:
        kind, scale = "minutes", 1 / MINUTES[kind]
    candidates = known.anything() if kind == "none" else known.values[kind]
    return any(
        abs(abs(candidate * scale) - value) <= min(step / 2, abs(candidate * scale) * COARSEST) * SLACK
        and (not sign or candidate == 0 or (candidate > 0) == (sign > 0))
        for candidate in candidates
        if candidate.is_finite()
    )


def _step(written: str) -> Decimal:
    """What the last digit that says something counts."""
    whole, _, decimals = written.partition(".")
    if decimals:
        return Decimal(1).scaleb(-len(decimals))
    zeros = len(whole) - len(whole.rstrip("0"))
    return Decimal(1).scaleb(min(zeros, max(len(whole) - 3, 0)))


def _kind(unit: str) -> str:
    """Tell what a unit measures: percent, bps, usd, none, or a unit of time by its first letter."""
    unit = unit.lower()
    if not unit:
        return "none"
    if unit == "%" or unit.startswith(("pe", "pc")):
        return "percent"
    if unit.startswith("b"):
        return "bps"
    if unit.startswith(("us", "dollar")):
        return "usd"
    return unit[0]


def _spelled(words: str) -> int:
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in WORDS:
            part += WORDS[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in POWERS:
            total, part = total + (part or 1) * POWERS[word], 0
    return total + part


def _unit_of(name: str) -> str:
    if name.endswith("_usd"):
        return "usd"
    if name.endswith("_percent"):
        return "percent"
    if name.endswith("_ratio"):
        return "ratio"
    return "minutes" if name.startswith("minutes_") else "none"
