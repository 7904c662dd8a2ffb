"""THE candle frame: the one shape in which candles travel, and the rules for getting into it.

A candle frame is a pandas DataFrame with the columns `symbol` (text), `timestamp` (open time, tz-aware UTC),
`open, high, low, close, volume` (float64; volume in the base currency, NaN where the source knows none), and
`source` (text) where the origin is kept. It holds candles of one resolution, sorted by symbol and timestamp,
one row a symbol and time, gaps allowed.
"""

import functools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

PRICES = ["open", "high", "low", "close"]
CANDLE = ["symbol", "timestamp", *PRICES, "volume"]

# The same names as SQL's resolution_interval(text). Finest first.
RESOLUTIONS: dict[str, timedelta] = {
    "1m": timedelta(minutes=1),
    "3m": timedelta(minutes=3),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "4h": timedelta(hours=4),
    "6h": timedelta(hours=6),
    "8h": timedelta(hours=8),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}

DIGITS = 15  # significant digits of a decimal number that a float64 carries safely

# Where the grid of open times starts: a Monday, so that weeks open on Monday 00:00 UTC; for every shorter
# resolution it gives the same grid as the Unix epoch.
GRID = pd.Timestamp("1970-01-05", tz="UTC")

UNREADABLE_TIME = "the time cannot be read"
UNREADABLE_PRICE = "a price is not a number"
UNREADABLE_VOLUME = "the volume is not a finite number"
NO_SYMBOL = "no symbol"
NOT_CLOSED = "the candle has not closed yet"
REPEATED = "a repeated row"
CONTRADICTED = "rows of the same time that contradict each other, none of which can be trusted"


def no_candles() -> pd.DataFrame:
    """Give a candle frame without rows."""
    return _no_candles().copy()


@functools.cache
def _no_candles() -> pd.DataFrame:
    empty = pd.DataFrame({column: pd.Series(dtype="float64") for column in CANDLE})
    return empty.astype({"symbol": "str", "timestamp": "datetime64[us, UTC]"})


def interval_of(resolution: str) -> timedelta:
    """Give the length of a candle. Raises ValueError for a resolution that is not in RESOLUTIONS."""
    try:
        return RESOLUTIONS[resolution]
    except KeyError:
        raise ValueError(f"unknown resolution {resolution!r}; known: {', '.join(RESOLUTIONS)}") from None


def first_open(times: pd.Series, interval: timedelta) -> pd.Series:
    """Give the earliest open time on the grid that is not before each of `times` (tz-aware UTC)."""
    return (times - GRID).dt.ceil(interval) + GRID


def last_close(times: pd.Series, interval: timedelta) -> pd.Series:
    """Give the latest close time on the grid that is not after each of `times` (tz-aware UTC)."""
    return (times - GRID).dt.floor(interval) + GRID


def valid(candles: pd.DataFrame) -> "pd.Series[bool]":
    """Say for each row whether it is a valid candle, as contract/backtest.md defines it.

    Prices finite and positive, `low <= min(open, close)`, `high >= max(open, close)`, `volume >= 0`. An
    unknown volume (NaN) is not valid. A flat minute without volume is.
    """
    low, high = candles["low"], candles["high"]
    body = candles[["open", "close"]]
    return (
        (low > 0)
        & (low <= body.min(axis=1, skipna=False))
        & (high >= body.max(axis=1, skipna=False))
        & (high < np.inf)
        & (candles["volume"] >= 0)
    )


def priced(candles: pd.DataFrame) -> "pd.Series[bool]":
    """Say of each candle whether it has four finite positive prices: what settling takes for a candle."""
    prices = candles[PRICES]
    return ((prices > 0) & (prices < np.inf)).all(axis=1)


def normalise(frame: pd.DataFrame, resolution: str, *, now: datetime) -> tuple[pd.DataFrame, dict[str, int]]:
    """Make a candle frame of rows in any order; count the rows that were refused, by reason in words.

    `frame` has at least the columns of a candle frame, with tz-aware timestamps; any further column but
    `source` is left out. Refused are rows without a readable time, symbol or price, rows that do not open on
    the resolution's grid, candles not closed at `now`, all but one of identical rows, and every one of the
    rows that give different values for one symbol and time: which of them is right cannot be known. A candle
    that is readable but breaks the OHLC rules is kept: the quality gate judges it. The input is not changed.
    Raises ValueError that names a missing column or a naive timestamp.
    """
    interval = interval_of(resolution)
    columns = [*CANDLE, "source"] if "source" in frame else CANDLE
    if absent := [column for column in CANDLE if column not in frame]:
        raise ValueError(f"a candle frame lacks the column {', '.join(absent)}")
    if not isinstance(frame["timestamp"].dtype, pd.DatetimeTZDtype):
        raise ValueError("the column timestamp of a candle frame must hold times with a time zone")
    candles, kinds = frame[columns], frame.dtypes
    if kinds["timestamp"] != "datetime64[us, UTC]":
        candles["timestamp"] = candles["timestamp"].dt.tz_convert("UTC").dt.as_unit("us")
    for column in (*PRICES, "volume"):
        if kinds[column] != "float64":
            candles[column] = pd.to_numeric(candles[column], errors="coerce").astype("float64")
    if _is_sound(candles, interval, now):
        return candles.reset_index(drop=True), {}

    refused: dict[str, int] = {}

    def keep(rows: "pd.Series[bool]", otherwise: str) -> None:
        nonlocal candles
        lost = len(rows) - int(rows.sum())
        if lost:
            refused[otherwise] = lost
            candles = candles[rows]

    keep(candles["timestamp"].notna(), UNREADABLE_TIME)
    keep(candles["symbol"].notna() & (candles["symbol"] != ""), NO_SYMBOL)
    keep((candles[PRICES].abs() < np.inf).all(axis=1), UNREADABLE_PRICE)
    keep(candles["volume"].abs() != np.inf, UNREADABLE_VOLUME)
    on_grid = first_open(candles["timestamp"], interval) == candles["timestamp"]
    keep(on_grid, f"the time is not on the {resolution} grid")
    keep(candles["timestamp"] + interval <= now, NOT_CLOSED)
    keep(~candles.duplicated(CANDLE), REPEATED)
    keep(~candles.duplicated(["symbol", "timestamp"], keep=False), CONTRADICTED)
    return candles.sort_values(["symbol", "timestamp"], ignore_index=True), refused


def _is_sound(candles: pd.DataFrame, interval: timedelta, now: datetime) -> bool:
    """Say whether nothing need be changed: the usual answer, closed candles in order."""
    if candles.empty:
        return True
    symbols = candles["symbol"]
    first = (symbols != symbols.shift()).to_numpy(bool)  # of its symbol
    named = symbols[first]
    if named.isna().any() or (named == "").any() or not (named.is_unique and named.is_monotonic_increasing):
        return False
    moments = candles["timestamp"].to_numpy("datetime64[us]")
    ordered = (first[1:] | (moments[1:] > moments[:-1])).all() and not np.isnat(moments).any()
    on_grid = (moments - GRID.to_datetime64().astype(moments.dtype)) % np.timedelta64(interval) == 0
    readable = all(np.isfinite(candles[price].to_numpy()).all() for price in PRICES)
    return bool(
        ordered
        and on_grid.all()
        and readable
        and not np.isinf(candles["volume"].to_numpy()).any()
        and moments.max() <= pd.Timestamp(now - interval).to_datetime64()
    )


def decimals(values: "pd.Series[Any]") -> "pd.Series[float]":
    """Read binary numbers of a file as the decimal numbers of the market that they stand for.

    A number becomes the shortest decimal with at most DIGITS significant digits, one of less than 64 bits its
    own shortest text: 4.8100000000000005 and a float32 of 4.9 are 4.81 and 4.9. Text, Decimals and integers
    are taken as they stand. What is no number becomes NaN. Returns float64.
    """
    numbers = pd.to_numeric(values, errors="coerce")
    given = numbers.dtype
    if isinstance(given, np.dtype) and given.kind == "f" and given.itemsize < 8:
        texts = numbers.to_numpy().astype("U32")
        return pd.Series(texts.astype("float64"), index=values.index)
    floats = numbers.astype("float64")
    return shortest(floats) if values.dtype.kind == "f" else floats


def shortest(values: "pd.Series[float]") -> "pd.Series[float]":
    """Give the shortest decimal with at most DIGITS significant digits that each float64 stands for."""
    floats = values.to_numpy("float64", copy=True)
    # Formatting costs a microsecond a number. Most need none: scaled to a whole number of DIGITS digits and
    # back they are what they were. Powers of ten up to 22 are exact, and so this shows it.
    with np.errstate(all="ignore"):
        places = DIGITS - 1 - np.floor(np.log10(np.abs(floats)))
        scale = 10.0 ** np.clip(places, 0, 22)
        same = (np.rint(floats * scale) / scale == floats) & (places >= 0) & (places <= 22)
    odd = np.flatnonzero(~same & np.isfinite(floats) & (floats != 0))
    floats[odd] = [float(f"{number:.{DIGITS}g}") for number in floats[odd].tolist()]
    return pd.Series(floats, index=values.index)


def frame_of(rows: Any, columns: list[str]) -> pd.DataFrame:
    """Make a frame of the rows of an answer.

    Raises:
        ValueError: it is no list, or a row has another number of values.
    """
    if not isinstance(rows, list) or any(len(row) != len(columns) for row in rows):
        raise ValueError(f"a row has not the columns {', '.join(columns)}")
    return pd.DataFrame(rows, columns=columns)


def numbers_of(values: Sequence[Any]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Read numbers, or decimal numbers as text, into float64; what is no number becomes NaN."""
    try:  # plain texts, in a quarter of the time
        numbers = pa.array(values, pa.string()).cast(pa.float64())
        return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowException, ValueError):
        pass
    try:
        return np.array(values, dtype="float64")
    except (TypeError, ValueError):
        return pd.to_numeric(pd.Series(values, dtype="object"), errors="coerce").to_numpy("float64")


def refused_rows_text(refused: dict[str, int]) -> str:
    """Say what `normalise` refused: `3 rows refused: a price is not a number; 1 row refused: …`."""
    return "; ".join(
        f"{count} {'row' if count == 1 else 'rows'} refused: {reason}" for reason, count in refused.items()
    )
