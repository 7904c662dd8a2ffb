"""Which resolution candles have: the greatest common step between them, held against what the name says."""

import numpy as np
import pandas as pd

from include.candles.frame import GRID, RESOLUTIONS
from include.candles.sources.archive_name import BadFileError, resolution_of
from include.candles.sources.archive_times import ONE_MINUTE

# What chance does not do: of two explanations the unlikely one is dropped below this.
CHANCE = 1e-4
FEW_STRAYS = 10  # rows beside the grid that spoil only themselves: the candle under way, a slip
SHARE_OF_STRAYS = 0.01
SEEN = 0.02  # share of steps that a resolution which nothing names must have itself

_Steps = np.ndarray[tuple[int], np.dtype[np.int64]]


def find_resolution(
    times: "pd.Series[pd.Timestamp]", named: str | None, length: pd.Timedelta | None = None
) -> str:
    """Find the resolution of candles by their times.

    A market without a trade has no candle on many exchanges, so steps may be long; but all are multiples of
    the resolution, and chance leaves few of them multiples of more.

    Args:
        times: open times, or close times, in any order, repeated or not.
        named: what the file's name says, as in `name_parts`; None: nothing.
        length: from the opening of candles to their close, where that is known; it decides for one candle.

    Raises:
        BadFileError: the candles deny the name, are of two resolutions, or none can be told.
    """
    if named is not None and named not in RESOLUTIONS:
        raise BadFileError(
            f"the name says {named}, which is none of {', '.join(RESOLUTIONS)}{_month_hint(named)}"
        )
    moments = np.unique(times.to_numpy("datetime64[us]")).astype("int64")
    steps = np.diff(moments)
    if len(steps) == 0:
        return _of_one(named, length)
    resolution = named or _of_steps(steps)
    steps = _without_strays(moments, steps, resolution, named)
    _check_coarser(steps, resolution, named)
    return resolution


def opens_of(closes: "pd.Series[pd.Timestamp]", resolution: str) -> "pd.Series[pd.Timestamp]":
    """Give the open times of candles that close at `closes`, be it 11:00 or 10:59:59.999."""
    return (closes - GRID).dt.ceil(ONE_MINUTE) + GRID - RESOLUTIONS[resolution]


def _of_one(named: str | None, length: pd.Timedelta | None) -> str:
    told = None if length is None else resolution_of(length)
    if length is not None and (told is None or (named is not None and told != named)):
        said = f"the name says {named}, but its" if named else "its"
        raise BadFileError(f"{said} candle lasts {_words(length // pd.Timedelta(1, 'us'))}")
    resolution = named or told
    if resolution is None:
        raise BadFileError("one candle and no resolution in the file's name")
    return resolution


def _of_steps(steps: _Steps) -> str:
    """Tell the resolution by the steps alone, the greatest common one, or if few are astray the usual one."""
    base, usual = _common(steps), _usual(steps)
    resolution = resolution_of(_length(base if (steps == base).mean() >= SEEN else usual))
    if resolution is None:
        raise BadFileError(
            f"most candles are {_words(usual)} apart, which is none of {', '.join(RESOLUTIONS)}"
        )
    return resolution


def _without_strays(moments: _Steps, steps: _Steps, resolution: str, named: str | None) -> _Steps:
    """Leave out the few times beside the grid of a resolution. Raises BadFileError when they are not few."""
    base = _micros(resolution)
    if not (steps % base).any():
        return steps
    # the grid is where most candles are
    offsets, counts = np.unique(moments % base, return_counts=True)
    astray = moments % base != offsets[counts.argmax()]
    few = len(moments) > 5 and astray.sum() <= min(FEW_STRAYS, max(1, SHARE_OF_STRAYS * len(moments)))
    # two in a row may be the beginning of a finer resolution, and the candle before them belong to it
    if few and not (astray[1:] & astray[:-1]).any():
        kept: _Steps = np.diff(moments[~astray])
        return kept
    usual = _usual(steps)
    if usual == base or named is None:
        raise BadFileError(
            f"most candles are {resolution} apart, but {astray.sum()} of {len(moments)} lie between: two "
            "resolutions in one file; make one file of each"
        )
    raise BadFileError(f"the name says {named}, but most candles are {_words(usual)} apart")


def _check_coarser(steps: _Steps, resolution: str, named: str | None) -> None:
    """Raise BadFileError when all candles, or a stretch of them, are of a coarser resolution than this."""
    base = _micros(resolution)
    said = f"the name says {named}, but" if named else "one step is " + resolution + ", but"
    common = _common(steps) if len(steps) else base
    if common > base and (common / base) ** -float(len(steps)) < 10 * CHANCE:
        coarser = resolution_of(_length(common))
        raise BadFileError(f"{said} most candles are {coarser or _words(_usual(steps))} apart")
    if len(steps) >= 5 and steps.min() > base and steps.max() <= 1.25 * steps.min():
        # months as days: too regular for days without a trade
        raise BadFileError(f"{said} all candles are {_words(steps.min())} to {_words(steps.max())} apart")
    for name, interval in RESOLUTIONS.items():
        times = interval / RESOLUTIONS[resolution]
        if times <= 1 or times % 1:
            continue
        first, last = _longest_run(steps % _micros(name) == 0)
        if last > first and len(steps) * times ** -float(last - first) < CHANCE:
            raise BadFileError(
                f"{last - first + 1} candles in a row are {_words(_usual(steps[first:last]))} apart, others "
                f"{resolution}: two resolutions in one file; make one file of each"
            )


def _longest_run(mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> tuple[int, int]:
    """Give where the longest run of true values begins and ends; (0, 0) if there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype("int8")))
    if not len(edges):
        return 0, 0
    longest = int((edges[1::2] - edges[::2]).argmax())
    return int(edges[2 * longest]), int(edges[2 * longest + 1])


def _common(steps: _Steps) -> int:
    return int(np.gcd.reduce(steps))


def _usual(steps: _Steps) -> int:
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()])


def _micros(resolution: str) -> int:
    return int(RESOLUTIONS[resolution].total_seconds()) * 1_000_000


def _length(micros: int) -> pd.Timedelta:
    return pd.Timedelta(int(micros), "us")


def _words(micros: int) -> str:
    return resolution_of(_length(micros)) or str(_length(micros)).removesuffix(" 00:00:00")


def _month_hint(named: str) -> str:
    return "; M is a month, m a minute" if named.endswith("M") else ""
