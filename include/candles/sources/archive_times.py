"""Reading times as files write them: text of many forms, dates as numbers, numbers since 1970."""

import re
from typing import Any

import pandas as pd

ONE_MINUTE = pd.Timedelta(minutes=1)
SECOND = pd.Timedelta(seconds=1)

# Forms of text that become ISO 8601. Two digits, dots, two digits, dots and a year: the day comes first, as
# all who write dots do. With slashes nobody knows: 01/02/2021 is left unread.
_FORMS = (
    (re.compile(r"^(\d{4})[./](\d{1,2})[./](\d{1,2})(?!\d)"), r"\1-\2-\3"),
    (re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)"), r"\3-\2-\1"),
    (re.compile(r"^(\d{4})(\d{2})(\d{2})[ T](\d{2}):?(\d{2}):?(\d{2})?\Z"), r"\1-\2-\3 \4:\5:\6"),
    (re.compile(r":\Z"), ""),
    (re.compile(r"-(\d)(?=[- T]|\Z)"), r"-0\1"),
    (re.compile(r"[ T](\d):"), r" 0\1:"),
    (re.compile(r"\s*(?:UTC|GMT)(?=[+-]\d)", re.IGNORECASE), ""),
    (re.compile(r"\s+([+-]\d{2}:?\d{2})"), r"\1"),
    (re.compile(r"([+-]\d{2}:?\d{2})\s*(?:UTC|GMT)\Z", re.IGNORECASE), r"\1"),
    (re.compile(r"\s*(?:UTC|GMT)\Z", re.IGNORECASE), "+00:00"),
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_ZONE = re.compile(r".*(Z|UTC|GMT|[+-]\d{2}:?\d{2})\s*", re.IGNORECASE)


def read_times(values: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    """Read times as tz-aware UTC with microseconds; NaT where that is not possible.

    Without a zone they are UTC. Numbers are dates like 20250101 (with hours and minutes behind, or seconds
    too), or seconds, ms, us or ns since 1970, told by their size.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True).dt.as_unit("us")
    numbers = pd.to_numeric(values, errors="coerce")
    times = _of_numbers(numbers)
    text = values[numbers.isna() & values.notna()].astype("str").str.strip()
    if text.empty:
        return times
    read = _iso(text)
    left = text[read.isna()]
    if not left.empty:
        for pattern, iso in _FORMS:
            left = left.str.replace(pattern, iso, regex=True)
        read = read.fillna(_iso(left))
        # CryptoDataDownload's hours: 2017-07-01 11-AM; dates with the month's name
        for form in ("%Y-%m-%d %I-%p", "%b %d, %Y"):
            read = read.fillna(pd.to_datetime(left, utc=True, format=form, errors="coerce"))
    return times.fillna(read)


def is_clock(value: Any) -> bool:
    """Say whether this is a time of day."""
    return _CLOCK.fullmatch(str(value).strip()) is not None


def names_zone(values: "pd.Series[Any]") -> bool:
    """Say whether each of these times says its zone itself."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return True
    return bool(values.dropna().astype("str").str.fullmatch(_ZONE).all())


def all_before_the_minute(times: "pd.Series[pd.Timestamp]") -> bool:
    """Say whether every time is in the last second of a minute, as the ends of candles are: 10:59:59.999."""
    times = times.dropna()
    return not times.empty and bool((times - times.dt.floor(ONE_MINUTE) >= ONE_MINUTE - SECOND).all())


def _iso(text: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce")


def _of_numbers(numbers: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    """Read dates like 20250101 where the numbers look like them, and the others as counted since 1970."""
    # Counted since 1970 these would be in 1970, in the summer of 1976, and after the year 2594.
    times = pd.Series(pd.NaT, index=numbers.index, dtype="datetime64[us, UTC]")
    left = numbers
    for digits, form in ((8, "%Y%m%d"), (12, "%Y%m%d%H%M"), (14, "%Y%m%d%H%M%S")):
        some = (numbers >= 1970 * 10 ** (digits - 4)) & (numbers < 2100 * 10 ** (digits - 4))
        if some.any():
            text = numbers[some].astype("int64").astype("str")
            times = times.fillna(pd.to_datetime(text, utc=True, format=form, errors="coerce"))
            left = left.mask(some)
    return times.fillna(_since_epoch(left))


def _since_epoch(numbers: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    # In each unit, the numbers from `least` to a thousand times that are the years from 1973 to 5138.
    micros = pd.Series(float("nan"), index=numbers.index)
    for least, factor in ((1e8, 1e6), (1e11, 1e3), (1e14, 1.0), (1e17, 1e-3)):  # s, ms, us, ns
        micros = micros.mask((numbers >= least) & (numbers < least * 1000), numbers * factor)
    return pd.to_datetime(micros.round(), unit="us", utc=True).dt.as_unit("us")
