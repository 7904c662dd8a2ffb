"""The score of the quality gate: how many of a window's candles are there and valid.

The definition is in contract/backtest.md, "Quality gate". `score` takes all trades at once; `explain` puts
the poor ones into words.
"""

from datetime import timedelta

import numpy as np
import pandas as pd

from include.candles import CANDLE, PRICES, first_open, last_close, valid

TRADE = ["id", "symbol", "generated_at", "expires_at"]
Nanoseconds = np.ndarray[tuple[int], np.dtype[np.int64]]  # since 1970, UTC
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
    span = last_close(trades["expires_at"], length) - first_open(trades["generated_at"], length)
    expected = np.maximum(_nanoseconds(span) // length.value, 0)

    good = candles.loc[valid(candles), ["symbol", "timestamp"]].drop_duplicates()
    times = _nanoseconds(good["timestamp"])
    times_of = {symbol: np.sort(times[rows]) for symbol, rows in good.groupby("symbol").indices.items()}
    first = _nanoseconds(trades["generated_at"])
    last = _nanoseconds(trades["expires_at"] - length)
    found = np.zeros(len(trades), dtype="int64")
    for symbol, rows in trades.groupby("symbol").indices.items():
        if (held := times_of.get(symbol)) is not None:
            found[rows] = held.searchsorted(last[rows], "right") - held.searchsorted(first[rows], "left")
    found[expected == 0] = 0

    share = 100.0 * found / np.where(expected > 0, expected, np.nan)
    return pd.DataFrame(
        {
            "id": trades["id"].to_numpy(),
            "data_quality_score": np.minimum(share, 100.0),
            "expected": expected,
            "valid": found,
        }
    )


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
    times, faults = _nanoseconds(held["timestamp"]), held["fault"].to_numpy()
    rows_of = held.groupby("symbol").indices
    starts = _nanoseconds(first_open(trades["generated_at"], length))

    sentences = []
    for symbol, start, expected, found in zip(
        trades["symbol"], starts, scores["expected"], scores["valid"], strict=True
    ):
        if expected == 0:
            sentences.append("the window is too short to hold a whole candle")
            continue
        grid = start + length.value * np.arange(expected)
        rows = rows_of.get(symbol, np.array([], dtype="int64"))  # in order of time
        rows = rows[times[rows].searchsorted(grid[0], "left") : times[rows].searchsorted(grid[-1], "right")]
        broken, counts = np.unique(faults[rows][faults[rows] != ""].astype("str"), return_counts=True)
        parts = _gaps(grid, np.isin(grid, times[rows], assume_unique=True))
        parts += [f"{count} with {fault}" for fault, count in zip(broken, counts, strict=True)]
        sentences.append(f"{found} of {expected} candles" + (": " + ", ".join(parts) if parts else ""))
    return sentences


def _gaps(grid: Nanoseconds, present: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[str]:
    missing = np.flatnonzero(~present)
    if len(missing) == 0:
        return []
    runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1)
    named = sorted(sorted(runs, key=len, reverse=True)[:MAX_GAPS], key=lambda run: int(run[0]))
    one_day = pd.Timestamp(grid[0]).date() == pd.Timestamp(grid[-1]).date()

    def clock(at: int) -> str:
        return pd.Timestamp(grid[at]).strftime("%H:%M" if one_day else "%Y-%m-%d %H:%M")

    parts = [
        f"{len(run)} missing from {clock(run[0])} to {clock(run[-1])}"
        if len(run) > 1
        else f"1 missing at {clock(run[0])}"
        for run in named
    ]
    if len(runs) > len(named):
        rest = len(missing) - sum(len(run) for run in named)
        parts.append(f"{rest} more in {len(runs) - len(named)} other gaps")
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


def _nanoseconds(values: "pd.Series[pd.Timestamp] | pd.Series[pd.Timedelta]") -> Nanoseconds:
    return np.asarray(values.dt.as_unit("ns").astype("int64"), dtype=np.int64)  # NaT is the smallest number


def _check(frame: pd.DataFrame, columns: list[str], times: list[str]) -> None:
    if absent := [column for column in columns if column not in frame]:
        raise ValueError(f"missing column {', '.join(absent)}")
    for column in times:
        if not isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            raise ValueError(f"column {column} must hold times with a time zone, not {frame[column].dtype}")
