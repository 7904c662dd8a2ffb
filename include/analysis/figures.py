"""Which figures in a text stand in the facts, and which are invented.

A figure is anything written with digits: amounts, prices, percentages, durations, dates, times of day,
ratios, fractions; and a number in words with a unit behind it ("fifty percent", "two thirds"). It must be one
of the facts:

- **rounded** at the digits that it shows, by a tenth at most (without a unit: by a fiftieth): 16.962 may
  be "17", "17.0" or "16.96"; 1.6 may not be "2". Zeros at the end of a whole number may stand for rounding
  as long as three digits say something: 43,219 may be "43,200", not "43,000".
- in its **unit**: a percentage must be a `…_percent` of the facts, an amount of dollars a `…_usd`, a duration
  the timeframe, the resolution or a `minutes_…`, in any unit of time or several ("2h 13m"), a multiple a
  `…_ratio`, an amount of coins a volume. A unit that no fact has (euros, pips, another coin) makes the figure
  an invented one. A figure without a unit may be any fact, or a percentage as a fraction (40 % as 0.4).
- with or without its **sign**: "lost $16.96" is -16.96; but "+16.96" is not.
- however it is **written**: 1,234.5, 1 234.5, 1.2k, 3 million, 1.2e-05, 12 bps, USD 5, 5 USD, full-width.

Dates must be the date of a moment in the facts, months its month, times of day its time, to the second where
seconds are said. Free are whole numbers up to 3 without a unit (three targets, TP1, the 2nd), the periods in
the indicators' names, alone or in lists (RSI 14, the 20, 50 and 200 EMA), their usual parameters (MACD 12,
26, 9), sayings (24/7, S&P 500) and the symbol. Other numerals (half signs, Chinese or circled digits) are
invented: the facts have none.

The texts that others wrote (`texts_of_others`) are no facts: a figure that stands only there is invented.
What is not looked at: docs/analysis.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import include.analysis.notation as n
from include.analysis.known import Known

MAX_FREE_COUNT = 3  # whole numbers up to this one need no fact: a trade has three targets
# In one answer at most, and different ones: more is no plain text, and each costs time.
MAX_FIGURES, MAX_DIFFERENT_FIGURES = 3000, 400
MAX_FIGURES_NAMED = 100  # of those that are invented
MAX_NUMBER_LENGTH = 30  # characters of a number: no fact has more digits
# What may say something of a number: characters before it, and from it on.
_BEFORE, _BEHIND = 32, 80

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n")
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[A-Za-z]+")
_Verdict = tuple[int, bool]  # where the figure ends, whether it stands


def find_invented(texts: Iterable[str], facts: Mapping[str, Any]) -> list[str]:
    """Give the figures of the texts that do not stand in the facts, each once, a hundred at most.

    `facts` is the object that the model was given: units stand in its names. Takes time in proportion to the
    length of the texts; where they hold more figures than any plain text does, that is named instead.
    """
    reader = _Reader(Known(facts))
    found: dict[str, None] = {}
    numbers = 0
    for sentence in dict.fromkeys(part for text in texts for part in _SENTENCES.split(text)):
        plain = n.normalised(sentence)
        numbers += len(_DIGITS.findall(plain))
        if numbers > MAX_FIGURES:
            return [*found, f"more than {MAX_FIGURES} figures"]
        if not sentence.isascii():
            letters = dict.fromkeys(sentence)
            found |= dict.fromkeys(one for one in letters if one.isnumeric() and not one.isdecimal())
        found |= dict.fromkeys(reader.read(plain))
        if len(found) >= MAX_FIGURES_NAMED or reader.different > MAX_DIFFERENT_FIGURES:
            return [*found][:MAX_FIGURES_NAMED] or [f"more than {MAX_DIFFERENT_FIGURES} different figures"]
    return list(found)


class _Reader:
    """Reads sentences from left to right, number by number, and judges each by what stands around it."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._judged: dict[tuple[str, str], _Verdict] = {}
        symbol = known.symbol
        # 1INCH; but a symbol that is a number would excuse that number.
        holds_both = re.search(r"[A-Za-z]", symbol) and re.search(r"\d", symbol)
        self._symbol = re.compile(rf"(?<![\w.,]){re.escape(symbol)}(?![\w.,]\d)") if holds_both else None
        self._periods = {
            name: set().union(*(known.periods[word] for word in words))
            for name, words in n.INDICATOR_ALIASES.items()
        } | {name: held for name, held in known.periods.items() if name != "allocation"}

    @property
    def different(self) -> int:
        """Figures that were judged."""
        return len(self._judged)

    def read(self, sentence: str) -> Iterable[str]:
        """Give what is invented in a sentence."""
        text = n.with_digits(n.without_sayings(sentence))
        if self._symbol:
            text = self._symbol.sub(" ", text)
        yield from self._months(text)
        at = 0
        while match := n.WRITTEN_NUMBER.search(text, at):
            start = match.start()
            window = text[max(0, start - _BEFORE) : start], text[start : start + _BEHIND]
            verdict = self._judged.get(window)
            if verdict is None:
                if self.different > MAX_DIFFERENT_FIGURES:
                    return
                verdict = self._judged[window] = self._judge(*window)
            length, stands = verdict
            at = max(start + length, match.end())
            if not stands:
                yield f"{n.front_of(window[0])[0]}{text[start:at]}".strip()[:60]

    def _months(self, text: str) -> Iterable[str]:
        for said, month in n.bare_months(text).items():
            if not self._known.has_day(month, None, None):
                yield said

    def _judge(self, before: str, text: str) -> _Verdict:
        number = n.WRITTEN_NUMBER.match(text)
        if number is None or number.end() > MAX_NUMBER_LENGTH:
            return (number.end() if number else 1), False
        stem = before.rstrip(" _(:=#-")
        words = [word.lower() for word in _WORDS.findall(stem)[-3:]] if stem[-1:].isalpha() else []
        return (
            self._date(text, before)
            or self._clock(text)
            or self._listed(text, words, attached=not before.endswith((" ", "=", ":")))
            or self._slashed(text, words)
            or self._share(text, before, words)
            or self._duration(text)
            or self._figure(text, number[0], before)
        )

    def _date(self, text: str, before: str) -> _Verdict | None:
        if match := n.ISO_MOMENT.match(text):
            return match.end(), self._iso_stands(match)
        if match := n.DAY_BEFORE_MONTH.match(text):
            return match.end(), self._days_stand(match, n.month_of(match["month"]))
        if (month := n.month_before(before)) and (match := n.DAYS_OF_MONTH.match(text)):
            if match["alone"]:
                return match.end(), self._known.has_day(month, None, int(match["alone"]))
            return match.end(), self._days_stand(match, month) and self._end_stands(match, month)
        if (match := n.ORDINAL_DAY.match(text)) and int(
            match["day"]
        ) > MAX_FREE_COUNT:  # the 17th; or the rank
            day = int(match["day"])
            return match.end(), any(at.day == day for at in self._known.moments) or self._is(day)
        if match := n.NUMERIC_DATE.match(text):
            return match.end(), self._either_way(int(match["one"]), int(match["two"]), int(match["year"]))
        return None

    def _iso_stands(self, match: re.Match[str]) -> bool:
        if match["zone"] not in (None, "Z", "+00:00", "+0000", "-00:00"):
            return False
        return any(
            at.date().isoformat() == match["date"].replace("/", "-")
            and match["at"] in (None, f"{at:%H:%M}")
            and match["second"] in (None, f"{at:%S}")
            for at in self._known.moments
        )

    def _days_stand(self, match: re.Match[str], month: int) -> bool:
        year = int(match["year"]) if match["year"] else None
        return all(self._known.has_day(month, int(day), year) for day in _DIGITS.findall(match["days"]))

    def _end_stands(self, match: re.Match[str], month: int) -> bool:
        """Whether the end of a span is a day of the facts: `14–15`, `28 to March 2`."""
        month = n.month_of(match["month2"]) if match["month2"] else month
        return not match["day2"] or self._known.has_day(month, int(match["day2"]), None)

    def _is(self, value: int) -> bool:
        return self._known.stands(value, 1e-6, kind="none")

    def _either_way(self, one: int, two: int, year: int | None) -> bool:
        """14/03 and 03/14."""
        return self._known.has_day(two, one, year) or self._known.has_day(one, two, year)

    def _clock(self, text: str) -> _Verdict | None:
        if match := n.CLOCK_TIME.match(text):
            hour, minute = _hour(match), int(match["minute"])
            second = int(match["second"]) if match["second"] else None
            if not match["zone"] and self._known.has_time(hour, minute, second):
                return match.end(), True
            if match["half"] or match["zone"] or match["second"]:
                return match.end(), False
        if match := n.WRITTEN_RATIO.match(text):
            return match.end(), self._ratio_stands(match)
        if match := n.CLOCK_HOUR.match(text):
            hour = _hour(match)
            near = (moment.hour + (moment.minute >= 30) for moment in self._known.moments)
            return match.end(), any(hour == hours % 24 for hours in near)
        return None

    def _ratio_stands(self, match: re.Match[str]) -> bool:
        """Whether `1:2.5` or `2.5:1` says a ratio of the facts."""
        one, other = sorted(match.group(1, 2), key=lambda side: float(side) != 1)
        return float(one) == 1 and self._known.stands(float(other), n.step_of(other), kind="ratio")

    def _listed(self, text: str, words: list[str], *, attached: bool) -> _Verdict | None:
        """Periods and parameters of the indicators, and the numbers of the targets; None: none of them."""
        match = n.PERIOD_LIST.match(text)
        if not match:
            return None
        numbers = [(int(number[0]), number.end()) for number in _DIGITS.finditer(match[0])]
        behind = n.PERIOD_NAME.match(text, match.end())
        following = (behind["name"] or "").lower().split() if behind else []
        usual = ",".join(str(number) for number, _ in numbers)
        for word in (words[-1:], following[:1]):
            if (
                word
                and n.INDICATOR_PARAMETERS.get(word[0]) == usual
                and word[0] in self._known.words | {"bands", "oscillator"}
            ):
                return match.end(), True
        targets = words[-1:] and words[-1] in n.TARGET_WORDS
        periods = set(range(1, MAX_FREE_COUNT + 1)) if targets else self._named(words, -1)
        first = n.WRITTEN_NUMBER.match(text)
        is_value = first is not None and first.end() > numbers[0][1]  # 43,180 is no period
        if not periods:
            return self._periods_before(behind, numbers, following, is_value=is_value)
        if numbers[0][0] not in periods:
            if is_value:  # EMAs (43,180 and 42,650)
                return None
            if attached or "/" in match[0]:  # RSI(7), EMA10, EMA 10/20
                return match.end(), False
            if words[-1] in n.AVERAGE_WORDS:  # EMA 100 is no period; its value is a price
                return numbers[0][1], self._known.stands(numbers[0][0], 1, kind="usd")
        end = 0
        for number, stop in numbers:
            if number not in periods or n.tail_of(text, stop, self._known.symbol).kind != "none":
                break
            end = stop
        return (end, True) if end else None

    def _named(self, words: list[str], side: int) -> set[int] | None:
        """The periods of the indicator that is named by the last (first) words; None: it is none."""
        for count in (3, 2, 1):
            name = " ".join(words[-count:] if side < 0 else words[:count])
            if len(words) >= count and name in self._periods:
                return self._periods[name]
        return None

    def _periods_before(
        self,
        behind: re.Match[str] | None,
        numbers: list[tuple[int, int]],
        following: list[str],
        *,
        is_value: bool,
    ) -> _Verdict | None:
        """`20-, 50- and 200-period EMAs`: the name, or the word period, stands behind the list."""
        if behind is None:
            return None
        said = {number for number, _ in numbers}
        is_distance = (
            following[:1] in (["atr"], ["atrs"]) and not behind["word"]
        )  # `14 ATR`; `14-period ATR` is none
        if not is_distance and said <= (self._named(following, 1) or set()):
            return numbers[-1][1], True
        if (behind["word"] or "").startswith("period") and said <= set().union(*self._known.periods.values()):
            return numbers[-1][1], True
        if following and following[0] in n.AVERAGE_SHORT_NAMES and not is_value:  # the 100 EMA
            return numbers[-1][1], False
        return None

    def _slashed(self, text: str, words: list[str]) -> _Verdict | None:
        """`2/3` is a share or a day of the year, `40/30/30` a list."""
        match = n.SLASHED_NUMBERS.match(text)
        if not match:
            return None
        parts = [int(part) for part in match.groups() if part]
        each = all(part > MAX_FREE_COUNT and self._known.stands(part, 1, kind="none") for part in parts)
        if len(parts) > 2 or each:
            return match.end(), each
        is_day = (
            words[-1:] and words[-1] in n.WORDS_BEFORE_DAYS and self._either_way(parts[0], parts[1], None)
        )
        return match.end(), bool(is_day) or self._share_stands(*parts)

    def _share(self, text: str, before: str, words: list[str]) -> _Verdict | None:
        """`1 in 3` is none of the facts, but `2 out of 3` targets may be, and `target 1 in 3 hours`."""
        match = n.SHARE_OF_WHOLE.match(text)
        if not match or before[-1:].isalpha() or (words and words[-1] in n.TARGET_WORDS):
            return None
        if n.tail_of(text, match.end(), self._known.symbol).kind != "none":
            return None
        part, whole = int(match[1]), int(match[3])
        if whole == 100:  # 95 out of 100
            return match.end(), self._share_stands(part, whole)
        return match.end(), match[2] != "in" and part <= whole <= MAX_FREE_COUNT

    def _share_stands(self, part: int, whole: int) -> bool:
        return 0 < part < whole and self._known.stands(100 * part / whole, 1, kind="percent")

    def _duration(self, text: str) -> _Verdict | None:
        """`16 hours and 2 minutes`: one duration, if the units become smaller."""
        match = n.WRITTEN_DURATION.match(text)
        if not match:
            return None
        end, total, smallest = match.start(), 0.0, float("inf")
        for number in "123":
            unit = match[f"u{number}"] or ("m" if number == "2" and match["bare"] else None)
            if unit is None:
                break
            minutes = n.MINUTES_PER_UNIT[unit[0]]
            if minutes >= smallest:
                break
            total, smallest = total + int(match[f"n{number}"] or match["bare"]) * minutes, minutes
            end = match.end(f"u{number}") if match[f"u{number}"] else match.end("bare")
        if end <= match.end("u1"):
            return None
        return end, self._known.stands(total, smallest, kind="minutes")

    def _figure(self, text: str, number: str, before: str) -> _Verdict:
        tail = n.tail_of(text, len(number), self._known.symbol)
        kind, scale = tail.kind, tail.scale
        _, sign, currency = n.front_of(before)
        if currency:
            if kind not in ("none", "usd") or not (currency in n.DOLLAR_CODES or currency.endswith("$")):
                return tail.end, False  # the facts know no other currency
            kind = "usd"
        written = re.sub("[, '’]", "", number)
        if (
            kind == "none"
            and not sign
            and not tail.power
            and written.isdecimal()
            and int(written) <= MAX_FREE_COUNT
        ):
            return tail.end, " " not in number
        following = _WORDS.match(text, tail.end + 1)
        if kind == "none" and len(written) < 3 and following and following[0] in n.TARGET_WORDS:  # 4 targets
            return tail.end, False
        if self._value_stands(written, tail.power, kind, scale, sign):
            return tail.end, True
        if kind == "none" and (link := n.NEXT_NUMBER_LINK.match(text, tail.end)):
            other = n.WRITTEN_NUMBER.match(text, link.end())
            shared = n.tail_of(text, other.end(), self._known.symbol) if other else tail
            if self._value_stands(written, tail.power or shared.power, shared.kind, shared.scale, sign):
                return tail.end, True
        parts = number.split(" ")
        if len(parts) > 1 and not any(part.startswith("0") for part in parts):  # 20 650: two figures, perhaps
            *first, last = parts
            each = all(self._value_stands(part, 0, "none", 1.0, 0) for part in first)
            return tail.end, each and self._value_stands(last, tail.power, kind, scale, 0)
        return tail.end, False

    def _value_stands(self, written: str, power: int, kind: str, scale: float, sign: int) -> bool:
        value, step = float(f"{written}e{power}"), n.step_of(written) * float(f"1e{power}")
        return self._known.stands(value, step, kind=kind, scale=scale, sign=sign)


def _hour(match: re.Match[str]) -> int:
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    return hour % 12 + (12 if half == "p" else 0) if half else hour
