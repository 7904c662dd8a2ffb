"""Arithmetic on windows and gaps: how much of a window is there, and in which pieces to ask for the rest."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from include.candles.frame import first_open, last_close

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

CANDLES_AT_ONCE = 10_000  # candles that a source is asked for at once, at most
BRIDGED_CANDLES = 500  # gaps with no more than so many candles between them are asked for together


def held_share(windows: pd.DataFrame, gaps: pd.DataFrame, interval: timedelta) -> "pd.Series[float]":
    """Say for each window how many of its whole candles are there, from 0 to 1; NaN where it holds none.

    `windows`: `start, end` of one symbol; `gaps`: `start, end`, disjoint and sorted, what the union of these
    windows lacks on the grid of `interval`. All times tz-aware UTC.
    """
    starts, ends = first_open(windows["start"], interval), last_close(windows["end"], interval)
    wanted = (ends - starts).dt.total_seconds().clip(lower=0)
    if gaps.empty:
        return wanted / wanted.where(wanted > 0)
    edges = np.column_stack([_seconds(gaps["start"]), _seconds(gaps["end"])]).ravel()
    missing = within_before(edges, _seconds(ends)) - within_before(edges, _seconds(starts))
    return (wanted - missing) / wanted.where(wanted > 0)


def pages(gaps: pd.DataFrame, interval: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Cut gaps (`start, end`, disjoint and sorted, on the grid) into what is asked for at once, in order.

    Gaps that lie close together are joined, so that a thousand single minutes are not a thousand requests.
    """
    far = gaps["start"] - gaps["end"].shift() > BRIDGED_CANDLES * interval
    joined = gaps.groupby(far.cumsum()).agg(start=("start", "min"), end=("end", "max"))
    for start, end in zip(joined["start"], joined["end"], strict=True):
        for at in pd.date_range(start, end, freq=CANDLES_AT_ONCE * interval, inclusive="left"):
            yield at.to_pydatetime(), min(at + CANDLES_AT_ONCE * interval, end).to_pydatetime()


def merge_spans(starts: Numbers, ends: Numbers) -> Numbers:
    """Merge spans in any order, overlapping as they like; give start, end, start … of their union.

    Empty and upside-down spans are left out; of none comes an empty span at 0.
    """
    some = starts < ends
    order = np.argsort(starts[some], kind="stable")
    starts, ends = starts[some][order], ends[some][order]
    if len(starts) == 0:
        return np.array([0.0, 0.0])
    furthest = np.maximum.accumulate(ends)
    fresh = np.concatenate([[True], starts[1:] > furthest[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(starts) - 1]])
    return np.column_stack([starts[fresh], furthest[last]]).ravel()


def merge_windows(windows: pd.DataFrame) -> pd.DataFrame:
    """Merge windows (`symbol, start, end`, tz-aware UTC) that overlap or touch, symbol by symbol.

    Empty and upside-down windows are left out. Returns the same columns, sorted by symbol and start.
    """
    some = windows.loc[windows["start"] < windows["end"], ["symbol", "start", "end"]]
    some = some.sort_values(["symbol", "start"], ignore_index=True)
    furthest = some.groupby("symbol")["end"].cummax()
    fresh = (some["symbol"] != some["symbol"].shift()) | (some["start"] > furthest.shift())
    last = fresh.shift(-1, fill_value=True)
    return some[fresh].reset_index(drop=True).assign(end=furthest[last].reset_index(drop=True))


def within_before(edges: Numbers, at: Numbers) -> Numbers:
    """Say how much of disjoint spans, given as `merge_spans` gives them, lies before each place.

    As a function of the place it rises within the spans and is level between them.
    """
    risen = np.cumsum(np.diff(edges, prepend=edges[0]) * (np.arange(len(edges)) % 2))
    return np.asarray(np.interp(at, edges, risen), dtype=np.float64)


def _seconds(times: "pd.Series[pd.Timestamp]") -> Numbers:
    return np.asarray(times.dt.as_unit("us").astype("int64") / 1e6, dtype=np.float64)
