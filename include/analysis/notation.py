"""How a figure is written in English: digits, signs, scales, units, dates, times of day, lists of periods.

The patterns match where a number begins, so that a text is read once, from left to right.
"""

import functools
import re
import unicodedata
from typing import NamedTuple

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
SCALE_POWERS = {
    "k": 3, "K": 3, "M": 6, "mn": 6, "B": 9, "bn": 9, "T": 12, "thousand": 3, "million": 6, "billion": 9,
    "trillion": 12,
}  # fmt: skip
MINUTES_PER_UNIT = {
    "ms": 1 / 60_000, "s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0, "w": 10_080.0, "fortnight": 20_160.0,
    "month": 43_830.0, "quarter": 131_490.0, "year": 525_960.0, "decade": 5_259_600.0,
}  # fmt: skip
DOLLAR_CODES = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI"})
OTHER_CURRENCY_CODES = frozenset(
    {"EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "CNY", "KRW", "INR", "BRL", "SGD", "HKD"}
)
# Capitals behind a number that are no unit of it: indicators, directions, time zones.
_NO_CODES = frozenset({
    "UTC", "GMT", "EMA", "EMAS", "SMA", "SMAS", "MAS", "RSI", "MACD", "TPS", "VWAP", "ADX", "OBV", "OHLC",
    "OHLCV", "LONG", "LONGS", "SHORT", "AND", "THE", "FOR", "BUT", "NOT", "WAS", "WITH", "FROM", "THAT",
    "THEN", "WERE", "THIS", "WHEN", "STOP", "ENTRY", "EXIT", "TARGET", "RRR", "ROI", "PNL", "ATH", "ATL",
    "CCI", "MFI", "DMI", "HTF", "LTF",
})  # fmt: skip


def _units() -> dict[str, tuple[str, float]]:
    """Each unit with what it measures, and how many of it make one of the facts' unit."""
    units = dict.fromkeys(("%", "percent", "percentage", "per cent", "pct", "pp", "pps"), ("percent", 1.0))
    units |= dict.fromkeys(("‰", "per mille", "per mil", "permille"), ("percent", 10.0))
    units |= dict.fromkeys(("bp", "bps", "basis point", "basis points"), ("percent", 100.0))
    units |= dict.fromkeys(
        ("$", "dollar", "dollars", "us dollar", "us dollars", "bucks", "usd", "usdt"), ("usd", 1.0)
    )
    units |= dict.fromkeys(("cent", "cents"), ("usd", 100.0))
    units |= dict.fromkeys(("x", "×", "times", "fold"), ("ratio", 1.0))
    units |= dict.fromkeys(("atr", "atrs"), ("atr", 1.0))
    units |= dict.fromkeys(("coin", "coins", "token", "tokens"), ("coins", 1.0))
    times = {
        "ms": "ms millisecond", "s": "s sec second", "m": "m min minute", "h": "h hr hour", "d": "d day",
        "w": "w wk week", "fortnight": "fortnight", "month": "month", "quarter": "quarter", "year": "yr year",
        "decade": "decade",
    }  # fmt: skip
    for unit, names in times.items():
        for name in names.split():
            units[name] = ("minutes", 1 / MINUTES_PER_UNIT[unit])
            if len(name) > 1 and name != "ms":
                units[f"{name}s"] = units[name]
    others = (
        "€ £ ¥ ₿ ₹ ₩ ₽ ₺ euro euros pound pounds yen yuan franc francs rupee rupees ruble rubles pip pips"
        " tick ticks sats satoshi satoshis contract contracts lot lots share shares gwei wei"
    )
    return units | dict.fromkeys(others.split(), ("other", 1.0))


MEASURED_UNITS = _units()
WRITTEN_NUMBER = re.compile(
    r"\d{1,3}(?:,\d{3}){1,6}(?:\.\d+)?(?!\d)|\d{1,3}(?:[ '’]\d{3}){1,6}(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+"
)
_SIGNS = "%‰$€£¥₿₹₩₽₺×"
_PHRASE = r"(?i:per\s+cent|per\s?mille?|basis\s+points?|US\s+dollars?|percentage(?=\s+point))"
_EXPONENT = re.compile(r"[eE]([-+]?\d{1,4})(?!\d)")
_SCALE = re.compile(r"\s?([A-Za-z]+)\b")
_UNIT = re.compile(rf"\s?-?([{_SIGNS}]|(?:{_PHRASE}|[A-Za-z]+)(?![A-Za-z0-9_]))")
NUMBER_FRONT = re.compile(
    r"(?P<sign>(?<![\w.)%])[-+−])?(?P<currency>US\$|[$€£¥₿₹₩₽₺])?(?P<space>\s?)(?P<sign2>(?<![\w.)%])[-+−])?\Z"
)

_MONTH = "(?:" + "|".join(f"{name[:3]}t?(?:{name[3:]})?" for name in MONTH_NAMES) + r")\b\.?"
_WHOLE_MONTH = re.compile(_MONTH)
_ORDINAL = r"(?:st|nd|rd|th)?"
_SPAN = r"\s?(?:-|–|—|/|to|and|through)\s?"
_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\d{2})\b(?![.,]\d))?"
ISO_MOMENT = re.compile(
    r"(?P<date>\d{4}[-/]\d{2}[-/]\d{2})(?!\d)"
    r"(?:[T ](?P<at>\d{2}:\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?(?P<zone>Z|[-+]\d{2}:?\d{2})?)?"
)
# The 6th, 6–8, `6, 7 and 8`.
_NO_DAY = r"(?![\d:]|[.,]\d|\s?[%hm]|\s(?:min|hour|day))"
DAY_BEFORE_MONTH = re.compile(
    rf"(?P<days>\d{{1,2}}{_ORDINAL}(?:(?:,\s|,?{_SPAN})\d{{1,2}}{_ORDINAL}){{0,5}})\s+(?:of\s+)?(?P<month>{_MONTH}){_YEAR}"
)
DAYS_OF_MONTH = re.compile(
    rf"(?P<days>\d{{1,2}}(?![\d:]|[.,]\d){_ORDINAL}"
    rf"(?:(?:,\s\d{{1,2}}{_ORDINAL}){{1,5}},?\sand\s\d{{1,2}}{_NO_DAY}{_ORDINAL})?)"
    rf"(?:{_SPAN}(?:(?P<month2>{_MONTH})\s+)?(?P<day2>\d{{1,2}}){_NO_DAY}{_ORDINAL})?{_YEAR}"
    r"|(?P<alone>(?:19|20)\d{2})\b(?![.,]\d)"
)
ORDINAL_DAY = re.compile(r"(?P<day>\d+)(?:st|nd|rd|th)\b")
# The number behind `23 and`, `5–`, `1.2 to`: its unit is meant by both.
NEXT_NUMBER_LINK = re.compile(r"\s?(?:-|–|—|to|and|or)\s?(?=[\d.])")
NUMERIC_DATE = re.compile(
    r"(?P<one>\d{1,2})(?P<joiner>[./])(?P<two>\d{1,2})(?P=joiner)(?P<year>(?:19|20)\d{2})(?!\d)"
)
# A month that stands alone. March and May are words, too: they count behind a preposition.
_BARE_MONTH = re.compile(
    r"\b(?:(?:[Ii]n|[Dd]uring|[Ss]ince|[Uu]ntil|[Tt]hroughout|[Ee]arly|[Ll]ate|[Mm]id|[Ll]ast)"
    r"[ -](?:March|May)"
    r"|January|February|April|June|July|August|September|October|November|December)\b"
)
CLOCK_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?(?![\d:])"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\b\.?)?(?P<zone>\s?(?:E[SD]T|P[SD]T|C[SD]T|CES?T|BST|JST|IST|MSK|HKT|SGT)\b)?"
)
CLOCK_HOUR = re.compile(r"(?P<hour>\d{1,2})\s?(?P<half>[AaPp])\.?[Mm]\b\.?")
WRITTEN_RATIO = re.compile(r"(\d+(?:\.\d+)?)(?:\s?:\s?|[\s-]to[\s-](?=1(?!\d|\.\d)))(\d+(?:\.\d+)?)(?![\d:])")

_LONG = r"(?:weeks?|wks?|w|days?|d|hours?|hrs?|h)"
_SHORT = r"(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)"
_AND = r"\s?(?:,\s?(?:and\s)?|and\s|-)?\s?"
WRITTEN_DURATION = re.compile(
    rf"(?P<n1>\d+)\s?-?(?P<u1>{_LONG})(?:{_AND}(?P<n2>\d+)\s?-?(?P<u2>{_SHORT})\b|(?P<bare>\d{{2}})\b)"
    rf"(?:{_AND}(?P<n3>\d+)\s?-?(?P<u3>{_SHORT})\b)?(?!\s?-?(?:charts?|candles?|timeframes?|time\sframes?)\b)"
)

_SEPARATOR = r"(?:-?\s?(?:,\s?(?:(?:and|or|&)\s)?|/\s?|&\s?|(?:and|or)\s)|[-–])"
PERIOD_LIST = re.compile(rf"\d{{1,3}}(?:{_SEPARATOR}\d{{1,3}}){{0,6}}(?!\d|[.,:]\d|\s?%)")
PERIOD_NAME = re.compile(
    r"[\s-]*(?P<word>(?:period|candle|bar)s?\b)?[\s-]*(?P<name>[A-Za-z]+(?: [A-Za-z]+){0,2})?"
)
# The usual parameters of indicators, by the last word of their names.
INDICATOR_PARAMETERS = {
    "macd": "12,26,9",
    "bollinger": "20,2",
    "bands": "20,2",
    "stochastic": "14,3,3",
    "oscillator": "14,3,3",
}
AVERAGE_SHORT_NAMES = frozenset({"ema", "emas", "sma", "smas", "ma", "mas"})
AVERAGE_WORDS = AVERAGE_SHORT_NAMES | {"average", "averages"}
WORDS_BEFORE_DAYS = frozenset({"on", "by", "until", "till", "from", "since", "to", "and", "between"})
TARGET_WORDS = frozenset({"tp", "tps", "target", "targets", "profit", "profits", "stage", "stages"})
# The second sign is that of fractions: `with_digits` writes it, too.
SLASHED_NUMBERS = re.compile(r"(\d{1,3})(?:/|⁄)(\d{1,3})(?:/(\d{1,3}))?(?![\d/]|[.,]\d)")
SHARE_OF_WHOLE = re.compile(r"(\d{1,3})[\s-](in|out\sof)[\s-](?:every\s)?(\d{1,3})(?!\d|[.,:]\d)")
# Names and sayings that hold digits and are no figures.
_SAYINGS = (
    "S&P 500", "S&P500", "Nasdaq 100", "NASDAQ 100", "Nasdaq-100", "Russell 2000", "24/7", "layer 1",
    "layer 2", "Layer 1", "Layer 2",
)  # fmt: skip
_SAYING = re.compile(rf"(?<![\w.,/])(?:{'|'.join(map(re.escape, _SAYINGS))})(?![\w/]|[.,]\d)")

# What the indicators are called besides the names that the facts give them.
INDICATOR_ALIASES = {
    "emas": ("ema",), "exponential moving average": ("ema",), "exponential moving averages": ("ema",),
    "ma": ("ema", "sma"), "mas": ("ema", "sma"), "moving average": ("ema", "sma"),
    "moving averages": ("ema", "sma"), "smas": ("sma",), "simple moving average": ("sma",),
    "average volume": ("sma",), "volume average": ("sma",), "relative strength index": ("rsi",),
    "average true range": ("atr",),
}  # fmt: skip

SMALL_NUMBER_WORDS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS_WORDS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SPELLED_NUMBERS = {word: number for number, word in enumerate(SMALL_NUMBER_WORDS)} | {
    word: 10 * number for number, word in enumerate(TENS_WORDS, 2)
}
POWER_WORDS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
FRACTION_WORDS = {"third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_WORD = "|".join((*SPELLED_NUMBERS, *POWER_WORDS))
SPELLED_FIGURE = re.compile(
    rf"\b(?P<words>(?i:{_WORD})\b(?:(?:[\s-]|\sand\s)(?i:{_WORD})\b){{0,9}}+)(?P<joiner>[\s-]?)(?P<unit>{_PHRASE}\b|%|[A-Za-z]+\b)"
)

_AND_A_HALF = re.compile(rf"\b(\d{{1,4}}|(?i:{'|'.join(SPELLED_NUMBERS)}))\s+and\s+a\s+((?i:half|quarter))\b")

_DIGITS = {
    code: str(unicodedata.decimal(chr(code))) for code in range(0x80, 0x20000) if chr(code).isdecimal()
}


def normalised(text: str) -> str:
    """Write digits, signs and spaces of any width and script as ASCII does."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text).translate(_DIGITS)


def without_sayings(text: str) -> str:
    """Leave out names and sayings that hold digits and are no figures."""
    return _SAYING.sub(" ", text) if any(saying in text for saying in _SAYINGS) else text


def bare_months(text: str) -> dict[str, int]:
    """Find the months that stand alone, as they are written, each once."""
    if not any(month in text for month in MONTH_NAMES):
        return {}
    return {said: month_of(said.split()[-1].rpartition("-")[2]) for said in set(_BARE_MONTH.findall(text))}


def with_digits(text: str) -> str:
    """Write a number in words that has a unit behind it, or is a fraction, in digits: `fifty percent`."""

    if " and a " in text:
        text = _AND_A_HALF.sub(lambda match: _with_fraction(*match.groups()), text)
    if (
        SPELLED_NUMBERS.keys().isdisjoint(words := text.lower().replace("-", " ").split())
        and "hundred" not in words
    ):
        return text
    return SPELLED_FIGURE.sub(lambda match: _digits(match["words"], match["joiner"], match["unit"]), text)


def _with_fraction(whole: str, part: str) -> str:
    number = whole if whole.isdecimal() else str(SPELLED_NUMBERS[whole.lower()])
    return number + {"half": ".5", "quarter": ".25"}[part.lower()]


@functools.lru_cache(maxsize=1000)
def _digits(words: str, joiner: str, unit: str) -> str:
    if part := FRACTION_WORDS.get(unit.lower().removesuffix("s")):
        return f"{_spelled(words)}⁄{part}"
    if unit.lower() not in MEASURED_UNITS or unit == "times":  # `two times` counts
        return f"{words}{joiner}{unit}"
    return f"{_spelled(words)}{joiner}{unit}"


def _spelled(words: str) -> int:
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in SPELLED_NUMBERS:
            part += SPELLED_NUMBERS[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in POWER_WORDS:
            total, part = total + (part or 1) * POWER_WORDS[word], 0
    return total + part


class Tail(NamedTuple):
    """What stands behind a number: a power of ten, and a unit with what it measures."""

    end: int
    power: int
    kind: str  # percent, usd, minutes, ratio, coins, atr, other (a unit that no fact has), none (no unit)
    scale: float  # how many of the unit make one of the facts' unit


def tail_of(text: str, at: int, symbol: str) -> Tail:
    """Read what stands behind the number that ends at `at`."""
    power = 0
    if match := _EXPONENT.match(text, at):
        power, at = int(match[1]), match.end()
    if match := _SCALE.match(text, at):
        scale = SCALE_POWERS.get(match[1])
        if scale is None and len(match[1]) > 2:
            scale = SCALE_POWERS.get(match[1].lower())
        if scale is not None:
            power, at = power + scale, match.end()
    if (match := _UNIT.match(text, at)) and (unit := _unit(match[1], symbol)):
        return Tail(match.end(), power, *unit)
    return Tail(at, power, "none", 1.0)


def _unit(said: str, symbol: str) -> tuple[str, float] | None:
    if len(said) == 1:  # m is minutes, M is not; R is a multiple of the risk
        return ("ratio", 1.0) if said == "R" else MEASURED_UNITS.get(said)
    if found := MEASURED_UNITS.get(" ".join(said.lower().split())):
        return found
    if said in DOLLAR_CODES:
        return "usd", 1.0
    if said.isupper() and 3 <= len(said) <= 5 and said not in _NO_CODES:
        return ("coins" if symbol.upper().startswith(said) else "other"), 1.0
    return None


def front_of(before: str) -> tuple[str, int, str]:
    """Read what stands before a number: how it is written, the sign (0: none), and the currency."""
    match = NUMBER_FRONT.search(before, max(0, len(before) - 6))
    written = match[0] if match else ""
    sign, currency = "", ""
    if match:
        sign, currency = match["sign"] or match["sign2"] or "", match["currency"] or ""
    if not currency and before.endswith(" "):
        code = before[-6:].rstrip().rpartition(" ")[2].lstrip("(")
        if code in DOLLAR_CODES or code in OTHER_CURRENCY_CODES:
            return f"{code} ", 0, code
    return written, {"+": 1, "-": -1, "−": -1, "": 0}[sign], currency


def month_of(name: str) -> int:
    """The number of a month, by its name or the first three letters of it."""
    return next(at for at, month in enumerate(MONTH_NAMES, 1) if month.startswith(name[:3]))


def month_before(before: str) -> int | None:
    """The month whose name stands right before a number: `March `, `Sept. `, `March the `."""
    if not before.endswith(" "):
        return None
    words = before.split()[-2:]
    if words[-1:] == ["the"]:
        words.pop()
    name = words[-1].strip("(.") if words else ""
    return month_of(name) if _WHOLE_MONTH.fullmatch(name) else None


def step_of(written: str) -> float:
    """What the last digit that says something counts: 43,200 shows hundreds at best, 16.96 hundredths."""
    whole, _, decimals = written.partition(".")
    if decimals:
        return float(f"1e-{len(decimals)}")
    zeros = len(whole) - len(whole.rstrip("0"))
    return float(f"1e{min(zeros, max(len(whole) - 3, 0))}")
