"""The score of the quality gate: how many of a window's candles are there and valid.

The definition is in contract/backtest.md, "Quality gate". `score` takes all trades at once; `explain` puts
the poor ones into words.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from include.candles.frame import CANDLE, GRID, PRICES, first_open, valid

TRADE = ["id", "symbol", "generated_at", "expires_at"]
# Since 1970, UTC. Microseconds, as in the database: in nanoseconds, the year 1 or 9999 of a trade overflows.
Microseconds = np.ndarray[tuple[int], np.dtype[np.int64]]
NO_TIME = np.iinfo(np.int64).min  # what NumPy holds for NaT
GRID_START = int(GRID.timestamp()) * 10**6
MAX_GAPS = 3  # the longest gaps are named, the others counted


def score(trades: pd.DataFrame, candles: pd.DataFrame, interval: str | timedelta) -> pd.DataFrame:
    """Score the window of each trade.

    `trades`: at least `id, symbol, generated_at, expires_at` (tz-aware UTC), one row a trade. `candles`: a
    candle frame of one resolution, in any order; repeated candles count once. `interval`: the length of a
    candle, as a timedelta or as pandas.Timedelta reads it (`1min`).

    Returns, in the order of `trades`: `id`; `data_quality_score`, 100 * valid / expected and 100 at most, NaN
    where nothing is expected; `expected`, the number of candles on the resolution's grid with `timestamp >=
    generated_at` and `timestamp + interval <= expires_at`; `valid`, the distinct valid candles between these
    times. Raises ValueError that names a missing column or a naive timestamp.
    """
    length = pd.Timedelta(interval)
    _check(trades, TRADE, ["generated_at", "expires_at"])
    _check(candles, CANDLE, ["timestamp"])
    windows = trades[["symbol", "generated_at", "expires_at"]].set_axis(["symbol", "start", "end"], axis=1)
    counts = count_candles(windows, candles[valid(candles)], length)
    expected, found = counts["expected"], counts["found"]
    return pd.DataFrame(
        {
            "id": trades["id"].to_numpy(),
            "data_quality_score": np.minimum(100.0 * found / expected.where(expected > 0), 100.0),
            "expected": expected,
            "valid": found,
        }
    )


def count_candles(windows: pd.DataFrame, candles: pd.DataFrame, interval: timedelta) -> pd.DataFrame:
    """Count the whole candles of windows (`symbol, start, end`, tz-aware UTC), all and those that are there.

    Returns, in the order of the windows, `expected`, the number of candles on the grid of `interval` with
    `timestamp >= start` and `timestamp + interval <= end`; `found`, the distinct times of `candles` among
    these. `candles`: rows in any order, repeated ones count once.
    """
    step = _length(pd.Timedelta(interval))
    first, end = _microseconds(windows["start"]), _microseconds(windows["end"])
    whole = (end - GRID_START) // step + (GRID_START - first) // step  # the first is rounded up, the end down
    expected = np.where((first == NO_TIME) | (end == NO_TIME), 0, np.maximum(whole, 0))
    times = _microseconds(candles["timestamp"])
    times_of = {symbol: _distinct(times[rows]) for symbol, rows in _rows_of(candles["symbol"]).items()}
    last = end - step
    found = np.zeros(len(windows), dtype="int64")
    for symbol, rows in _rows_of(windows["symbol"]).items():
        if (held := times_of.get(symbol)) is not None:
            found[rows] = held.searchsorted(last[rows], "right") - held.searchsorted(first[rows], "left")
    found[expected == 0] = 0
    return pd.DataFrame({"expected": expected, "found": found})


def explain(trades: pd.DataFrame, candles: pd.DataFrame, interval: str | timedelta) -> list[str]:
    """Say for each trade what its window lacks: `61 of 90 candles: 28 missing from 12:01 to 12:28, 1 with …`.

    The arguments are those of `score`; the answer is in the order of `trades`. Times are open times in UTC.
    Each window is looked at by itself: meant for the poor trades, and a batch of them at most.
    """
    length = pd.Timedelta(interval)
    scores = score(trades, candles, length)
    held = candles[["symbol", "timestamp"]].assign(fault=_faults(candles))
    # of repeated candles a valid one counts, as in the score; its fault is the empty text, which sorts first
    held = held.sort_values(["symbol", "timestamp", "fault"]).drop_duplicates(["symbol", "timestamp"])
    times, faults = _microseconds(held["timestamp"]), held["fault"].to_numpy()
    rows_of = held.groupby("symbol").indices
    step = _length(length)
    starts = _microseconds(first_open(trades["generated_at"], length))

    sentences = []
    for symbol, start, expected, found in zip(
        trades["symbol"], starts, scores["expected"], scores["valid"], strict=True
    ):
        if expected == 0:
            sentences.append("the window is too short to hold a whole candle")
            continue
        rows = rows_of.get(symbol, np.array([], dtype="int64"))  # in order of time
        last = start + step * (expected - 1)
        rows = rows[times[rows].searchsorted(start, "left") : times[rows].searchsorted(last, "right")]
        broken, counts = np.unique(faults[rows][faults[rows] != ""].astype("str"), return_counts=True)
        parts = _gaps(times[rows], int(start), step, int(expected))
        parts += [f"{count} with {fault}" for fault, count in zip(broken, counts, strict=True)]
        sentences.append(f"{found} of {expected} candles" + (": " + ", ".join(parts) if parts else ""))
    return sentences


def _gaps(present: Microseconds, start: int, step: int, expected: int) -> list[str]:
    """Name the longest gaps of a window's grid; the cost grows with what is there, not with the window."""
    places, off = np.divmod(present - start, step)
    edges = np.concatenate([[-1], places[off == 0], [expected]])
    lengths = np.diff(edges) - 1
    firsts = edges[:-1] + 1
    gaps = np.flatnonzero(lengths > 0)
    if len(gaps) == 0:
        return []
    named = np.sort(gaps[np.argsort(-lengths[gaps], kind="stable")][:MAX_GAPS])
    whole = [pd.Timestamp(start + step * at, unit="us") for at in (0, expected - 1)]
    form = "%H:%M" if whole[0].date() == whole[1].date() else "%Y-%m-%d %H:%M"

    def clock(place: int) -> str:
        return pd.Timestamp(start + step * place, unit="us").strftime(form)

    parts = [
        f"{length} missing from {clock(first)} to {clock(first + length - 1)}"
        if length > 1
        else f"1 missing at {clock(first)}"
        for first, length in zip(firsts[named].tolist(), lengths[named].tolist(), strict=True)
    ]
    if len(gaps) > len(named):
        rest = lengths[gaps].sum() - lengths[named].sum()
        parts.append(f"{rest} more in {len(gaps) - len(named)} other gaps")
    return parts


def _faults(candles: pd.DataFrame) -> "pd.Series[str]":
    """Name the first rule that each candle breaks; the empty text for a valid one."""
    prices = candles[PRICES]
    faults = {
        "a price that is no positive number": ~((prices > 0) & (prices < np.inf)).all(axis=1),
        "high below close": candles["high"] < candles["close"],
        "high below open": candles["high"] < candles["open"],
        "low above close": candles["low"] > candles["close"],
        "low above open": candles["low"] > candles["open"],
        "no volume": candles["volume"].isna(),
        "a negative volume": candles["volume"] < 0,
    }
    named = np.select([rule.to_numpy() for rule in faults.values()], list(faults), default="")
    return pd.Series(named, index=candles.index)


def _microseconds(values: "pd.Series[pd.Timestamp] | pd.Series[pd.Timedelta]") -> Microseconds:
    return np.asarray(values.dt.as_unit("us").astype("int64"), dtype=np.int64)  # NaT is the smallest number


def _rows_of(symbols: "pd.Series[str]") -> dict[str, Any]:
    """Find the rows of each symbol. (Where they lie together, as they come from the store, by their ends.)"""
    firsts = np.flatnonzero(symbols != symbols.shift())
    names = symbols.iloc[firsts].tolist()
    if len(set(names)) < len(names):
        return {str(name): rows for name, rows in symbols.groupby(symbols).indices.items()}
    return dict(zip(names, map(slice, firsts, [*firsts[1:], len(symbols)]), strict=True))


def _distinct(times: Microseconds) -> Microseconds:
    """The times in order, each once. (NumPy's `unique` takes ten times as long: it builds a hash table.)"""
    if (times[1:] > times[:-1]).all():  # as they come from the store
        return times
    ordered: Microseconds = np.sort(times)
    first: Microseconds = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return first


def _length(interval: pd.Timedelta) -> int:
    return interval // pd.Timedelta(microseconds=1)


def _check(frame: pd.DataFrame, columns: list[str], times: list[str]) -> None:
    if absent := [column for column in columns if column not in frame]:
        raise ValueError(f"missing column {', '.join(absent)}")
    for column in times:
        if not isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            raise ValueError(f"column {column} must hold times with a time zone, not {frame[column].dtype}")
