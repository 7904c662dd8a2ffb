"""What is measured beside each candle before a suite judges it: gaps, repeats, jumps, a second source.

Great Expectations looks at one row at a time; what takes a candle's neighbours is a column made here.
"""

from datetime import timedelta

import numpy as np
import pandas as pd

from include.candles.frame import CANDLE, PRICES, first_open, last_close
from include.candles.windows import Numbers, merge_spans, within_before

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]

VALUES = [*PRICES, "volume"]

# A price jumps when it lies further from its neighbours than MULTIPLE robust standard deviations of the
# market's own returns. On recorded months of BTC, calm and wild, minutes to days, the furthest real price
# lay at 63; a price ten times off lies at several hundred.
MULTIPLE = 100.0
NEAREST = 1.05  # a factor below this is no jump, however quiet the market
FURTHEST = 5.0  # a factor above this is one, however wild the market; the only limit where little is known
FEWEST_RETURNS = 30  # below, a spread cannot be estimated
MAD_TO_DEVIATION = 1.4826  # for a normal distribution


def measure(
    candles: pd.DataFrame,
    interval: timedelta,
    *,
    windows: pd.DataFrame | None = None,
    within: pd.DataFrame | None = None,
    second: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Sort candles by symbol and time and measure what the candle suite looks at; the input is not changed.

    `candles`: a candle frame of one resolution, or one that is not normalised yet: rows in any order, times
    repeated, prices missing or wrong. `windows`: `symbol, start, end` (tz-aware UTC), where candles are
    wanted; None: from the first to the last candle of each symbol. `within`: windows too; candles that open
    outside of them are neighbours only and not in the answer. `second`: candles of another source.

    Adds the columns:
      off_grid        whether the time is not on the resolution's grid
      backwards       whether the row stands against the prevailing order of the frame
      contradicted    whether another row gives different values for the same symbol and time
      repeated        whether the same row has come before
      missing         wanted candles that are missing right before this one
      behind          on the last candle of a symbol: wanted candles missing after it; else NaN
      coverage        on the last candle of a symbol: percent of the wanted candles that are there; else NaN
      copied          whether a stretch of candles repeats an earlier stretch, see `_copied`
      move            how far the price lies from the closes before, as a factor; see `_moves`
      limit           the factor from which on `move` is a jump
      difference      percent by which the close differs from the second source's, NaN where it has none

    Raises ValueError for naive timestamps.
    """
    if not isinstance(candles["timestamp"].dtype, pd.DatetimeTZDtype):
        raise ValueError("column timestamp must hold times with a time zone")
    frame = candles.assign(
        off_grid=first_open(candles["timestamp"], interval) != candles["timestamp"],
        backwards=_backwards(candles),
    )
    frame = frame.sort_values(["symbol", "timestamp"], ignore_index=True, kind="stable")
    frame["contradicted"], frame["repeated"] = _same_time(frame)
    frame["copied"] = _copied(frame)
    frame["move"], frame["limit"] = _moves(frame, interval)
    frame["difference"] = _differences(frame, second)
    if within is not None:
        frame = frame[_opens_in(frame, within)].reset_index(drop=True)
    frame["missing"], frame["behind"], frame["coverage"] = _gaps(frame, interval, windows)
    return frame


def _backwards(candles: pd.DataFrame) -> "pd.Series[bool]":
    """Find the rows whose time steps against the direction that most steps of the frame have."""
    steps = candles.groupby("symbol", sort=False)["timestamp"].diff().dt.total_seconds()
    prevailing = np.sign(np.sign(steps).sum()) or 1.0
    backwards: pd.Series[bool] = steps * prevailing < 0
    return backwards


def _same_time(frame: pd.DataFrame) -> tuple[Flags, Flags]:
    """Find, in a sorted frame, the rows contradicted by another one of their time, and the repeated rows."""
    follows = (frame[["symbol", "timestamp"]] == frame[["symbol", "timestamp"]].shift()).all(axis=1)
    rows = frame.loc[follows | follows.shift(-1, fill_value=False), CANDLE]
    repeated = rows.duplicated()
    distinct = rows[~repeated]
    contradicted = distinct.duplicated(["symbol", "timestamp"], keep=False)
    return (
        np.asarray(frame.index.isin(distinct.index[contradicted]), dtype=np.bool_),
        np.asarray(frame.index.isin(rows.index[repeated]), dtype=np.bool_),
    )


def _copied(frame: pd.DataFrame) -> Flags:
    """Find stretches of two candles or more whose values all repeat those of an earlier stretch.

    One candle may equal another by chance, two in a row at the same distance do not. Flat candles and those
    without volume do not count: they are all alike.
    """
    traded = (frame["volume"] > 0) & (frame["high"] > frame["low"]) & ~frame["repeated"]
    rows = frame.loc[traded, ["symbol", *VALUES]]
    rows = rows[rows.duplicated(["close", "volume"], keep=False)]  # quickly leaves few
    rows = rows[rows.duplicated(keep=False)]
    place = pd.Series(np.cumsum(traded.to_numpy())[rows.index], index=rows.index)
    distance = place.groupby([rows[column] for column in rows.columns]).diff()
    place, distance = place[distance.notna()], distance.dropna()
    follows = (place.diff() == 1) & (distance.diff() == 0)
    copies = follows | follows.shift(-1, fill_value=False)
    return np.asarray(frame.index.isin(copies.index[copies]), dtype=np.bool_)


def _moves(frame: pd.DataFrame, interval: timedelta) -> tuple[Numbers, Numbers]:
    """Measure how far high and low lie from the two closes before, and from where on that is a jump.

    Of the two closes the nearer one counts, so that the candle after a spike is not blamed for it. The limit
    is MULTIPLE * MAD_TO_DEVIATION * the median absolute deviation of the symbol's log returns between
    adjacent closes, times the square root of the steps between the candles, as a random walk spreads; kept
    between NEAREST and FURTHEST. The median absolute deviation is Hampel's (1974, The influence curve and its
    role in robust estimation); a spike does not move it. Returns of 0 are left out: in a market that seldom
    trades they would make it 0.
    """
    symbols = frame["symbol"]
    closes = frame["close"].where((frame["close"] > 0) & np.isfinite(frame["close"]))
    before = closes.groupby(symbols, sort=False).ffill()
    log = np.log(before)
    one = log.shift().where(symbols == symbols.shift())
    two = log.shift(2).where(symbols == symbols.shift(2)).fillna(one)
    reach = pd.Series(np.nan, index=frame.index)
    for column in ("high", "low"):
        price = np.log(frame[column].where((frame[column] > 0) & np.isfinite(frame[column])))
        nearer = np.minimum((price - one).abs(), (price - two).abs())
        reach = np.fmax(reach, nearer)

    steps = frame["timestamp"].diff().dt.total_seconds() / interval.total_seconds()
    returns = (log - one).where((steps == 1) & (log != one))
    centred = returns - returns.groupby(symbols, sort=False).transform("median")
    spread = MAD_TO_DEVIATION * centred.abs().groupby(symbols, sort=False).transform("median")
    counts = returns.groupby(symbols, sort=False).transform("count")
    limit = MULTIPLE * spread * np.sqrt(steps.clip(lower=1))
    limit = limit.where(counts >= FEWEST_RETURNS, np.inf).clip(np.log(NEAREST), np.log(FURTHEST))
    return np.exp(reach.to_numpy()), np.exp(limit.fillna(np.log(FURTHEST)).to_numpy())


def _differences(frame: pd.DataFrame, second: pd.DataFrame | None) -> "pd.Series[float] | float":
    if second is None or second.empty:
        return np.nan
    other = second.drop_duplicates(["symbol", "timestamp"]).set_index(["symbol", "timestamp"])["close"]
    there = other.reindex(pd.MultiIndex.from_frame(frame[["symbol", "timestamp"]])).to_numpy()
    percent: pd.Series[float] = 100.0 * (frame["close"] / there - 1.0).abs()
    return percent


def _opens_in(frame: pd.DataFrame, windows: pd.DataFrame) -> Flags:
    """Find the candles that open within the windows of their symbol."""
    inside = np.zeros(len(frame), dtype=np.bool_)
    opened, starts, ends = (
        _microseconds(times) for times in (frame["timestamp"], windows["start"], windows["end"])
    )
    candles_of = frame.groupby("symbol").indices
    for symbol, places in windows.groupby("symbol").indices.items():
        rows = candles_of.get(symbol, np.array([], dtype=np.int64))
        order = places[np.argsort(starts[places])]
        begun = starts[order].searchsorted(opened[rows], "right")  # windows that have begun by then
        furthest = np.concatenate([[opened.min(initial=0)], np.maximum.accumulate(ends[order])])
        inside[rows] = opened[rows] < furthest[begun]
    return inside


def _gaps(
    frame: pd.DataFrame, interval: timedelta, windows: pd.DataFrame | None
) -> tuple[Numbers, Numbers, Numbers]:
    """Count the wanted candles that are missing before each row, after the last one, and the share there."""
    missing, behind = np.zeros(len(frame)), np.full(len(frame), np.nan)
    coverage = behind.copy()
    timed = np.flatnonzero(frame["timestamp"].notna())
    times = frame["timestamp"].iloc[timed]
    for symbol, members in frame["symbol"].iloc[timed].groupby(frame["symbol"], sort=False).indices.items():
        rows = timed[members]
        at = _steps(times.iloc[members], interval)
        if windows is None:
            edges = np.array([at[0], at[-1] + 1])
        else:
            edges = _edges(windows[windows["symbol"] == symbol], interval)
        # wanted candles that open before each candle, and before the one that follows it
        until, after = within_before(edges, at), within_before(edges, at + 1)
        wanted = float((edges[1::2] - edges[::2]).sum())
        missing[rows] = np.maximum(until - np.concatenate([[0.0], after[:-1]]), 0)
        behind[rows[-1]] = wanted - after[-1]
        if wanted > 0:
            lost = missing[rows].sum() + behind[rows[-1]]
            coverage[rows[-1]] = 100.0 * (wanted - lost) / wanted
    return missing, behind, coverage


def _edges(windows: pd.DataFrame, interval: timedelta) -> Numbers:
    """Merge windows; answer start, end, start, end … as whole steps of the grid."""
    return merge_spans(
        _steps(first_open(windows["start"], interval), interval),
        _steps(last_close(windows["end"], interval), interval),
    )


def _steps(times: "pd.Series[pd.Timestamp]", interval: timedelta) -> Numbers:
    """Number the steps of the grid, so that candles that follow each other are 1 apart."""
    on_grid = _microseconds(last_close(times, interval))
    return np.asarray(on_grid // (interval // timedelta(microseconds=1)), dtype=np.float64)


def _microseconds(times: "pd.Series[pd.Timestamp]") -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.asarray(times.dt.as_unit("us").astype("int64"), dtype=np.int64)
