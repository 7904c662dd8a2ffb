"""Arithmetic on windows and gaps: how much of a window is there, and in which pieces to ask for the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import pandas as pd

from include.candles.frame import GRID

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Moments = np.ndarray[tuple[int], np.dtype[np.int64]]
Booleans = np.ndarray[tuple[int], np.dtype[np.bool_]]
Edges = TypeVar("Edges", Numbers, Moments)

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CANDLES_AT_ONCE = 10_000  # candles that a source is asked for at once, at most
BRIDGED_CANDLES = 500  # gaps with no more than so many candles between them are asked for together


@dataclass(frozen=True, eq=False)
class Spans:
    """Stretches of time of one symbol, in any order, overlapping as they like; `ends` exclusive.

    Both are arrays of microseconds since 1970 UTC, of the same length.
    """

    starts: Moments
    ends: Moments

    @classmethod
    def of(cls, windows: pd.DataFrame) -> "Spans":
        """Take those of `start, end` (tz-aware) of windows of one symbol."""
        return cls(_moments(windows["start"]), _moments(windows["end"]))

    @classmethod
    def between(cls, times: Sequence[tuple[datetime, datetime]]) -> "Spans":
        """Take those between pairs of tz-aware times."""
        pairs = np.array([[moment_of(start), moment_of(end)] for start, end in times], dtype=np.int64)
        return cls(*pairs.reshape(-1, 2).T)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, some: Booleans | Moments) -> "Spans":
        return Spans(self.starts[some], self.ends[some])

    @property
    def lengths(self) -> Moments:
        """How long each is, in microseconds."""
        return self.ends - self.starts

    def not_before(self, moment: int) -> "Spans":
        """What lies behind a moment; a span before it ends before it starts."""
        return Spans(np.maximum(self.starts, moment), self.ends)

    def whole(self, interval: timedelta) -> "Spans":
        """The part that whole candles fill; where none fits, the end does not lie behind the start."""
        step = _microseconds(interval)
        return Spans(_GRID - (_GRID - self.starts) // step * step, _GRID + (self.ends - _GRID) // step * step)

    def merged(self) -> "Spans":
        """The same time without overlaps, sorted; empty and upside-down spans are left out."""
        if not (self.starts < self.ends).any():
            return self[np.zeros(len(self), dtype=bool)]
        return Spans(*merge_spans(self.starts, self.ends).reshape(-1, 2).T)

    def hull(self) -> tuple[datetime, datetime]:
        """The first start and the last end, tz-aware UTC; there must be a span."""
        edges = np.array([self.starts.min(), self.ends.max()])
        start, end = _times(edges)
        return start, end

    def times(self) -> list[tuple[datetime, datetime]]:
        """The same as pairs of times, tz-aware UTC."""
        return list(zip(_times(self.starts), _times(self.ends), strict=True))


def held_share(windows: Spans, gaps: Spans, interval: timedelta) -> Numbers:
    """Say for each window how many of its whole candles are there, from 0 to 1; NaN where it holds none.

    `gaps`: disjoint and sorted, what the union of the windows lacks on the grid of `interval`.
    """
    whole = windows.whole(interval)
    wanted = np.maximum(whole.lengths, 0) / 1e6
    missing = np.zeros(len(windows))
    if len(gaps):
        edges = np.column_stack([gaps.starts, gaps.ends]).ravel() / 1e6
        missing = within_before(edges, whole.ends / 1e6) - within_before(edges, whole.starts / 1e6)
    with np.errstate(invalid="ignore"):
        return np.asarray((wanted - missing) / np.where(wanted > 0, wanted, np.nan), dtype=np.float64)


def pages(gaps: Spans, interval: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Cut gaps (disjoint and sorted, on the grid) into what is asked for at once, in order.

    Gaps that lie close together are joined, so that a thousand single minutes are not a thousand requests.
    """
    joined: list[list[datetime]] = []
    for start, end in gaps.times():
        if joined and start - joined[-1][1] <= BRIDGED_CANDLES * interval:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    for at, end in joined:
        while at < end:
            until = min(at + CANDLES_AT_ONCE * interval, end)
            yield at, until
            at = until


def merge_spans(starts: Edges, ends: Edges) -> Edges:
    """Merge spans in any order, overlapping as they like; give start, end, start … of their union.

    Empty and upside-down spans are left out; of none comes an empty span at 0.
    """
    some = starts < ends
    order = np.argsort(starts[some], kind="stable")
    starts, ends = starts[some][order], ends[some][order]
    if len(starts) == 0:
        return np.zeros(2, dtype=starts.dtype)
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


def moment_of(time: datetime) -> int:
    """Give a tz-aware time in microseconds since 1970 UTC."""
    return _microseconds(time - EPOCH)


def _microseconds(duration: timedelta) -> int:
    return duration // MICROSECOND


def _moments(times: "pd.Series[pd.Timestamp]") -> Moments:
    return np.asarray(times.dt.as_unit("us").astype("int64"), dtype=np.int64)


def _times(moments: Moments) -> list[datetime]:
    return [time.replace(tzinfo=UTC) for time in moments.astype("datetime64[us]").tolist()]


_GRID = moment_of(GRID.to_pydatetime())
