"""Which candle touches a price first: a search, not a scan, for all trades at once.

A trade asks the same question up to five times: from this candle on, which is the first whose low is at or
below a price (or whose high is at or above one)? Reading candle after candle costs more the longer a trade
lives. Here the minima of ranges of 1, 2, 4, ... candles are kept (a sparse table; Bender and Farach-Colton,
"The LCA Problem Revisited", 2000), and the search skips every range that holds no candle low enough: about
log2(candles of the longest window) steps, each of them one NumPy pass over all trades.

Highs are stored negated: "high >= p" is "-high <= -p", so that one table of minima answers both questions for
both directions. Negation is exact in floating point: no touch is gained or lost by it.

A candle on which nobody traded touches nothing: for the search its low lies above every price, its high
below.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]
_Candles = tuple[Floats, Floats, Flags]  # lows, highs, and where nobody traded

NEVER = -1  # the position of a candle that does not exist

# Ranges shorter than a block start at any candle; longer ones are made of whole blocks, which saves memory.
_BLOCK_LEVEL = 4
_BLOCK = 1 << _BLOCK_LEVEL
_CHUNK = 1 << 16  # trades searched at once, and window starts on one table: bounds the memory


class _Columns:
    """Arrays of shape (n,), one a field: row i of all of them is one trade."""

    def pick(self, rows: Ints | slice) -> Self:
        """The chosen rows, in the order asked for; a slice shares its memory with the whole."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Orders(_Columns):
    """What n trades wait for. Prices are as given, whatever the direction.

    The window of a trade is the candles first, first + 1, ..., end - 1; it may be empty (first == end).
    Targets lie in order: each as far from the entry as the one before it, or farther. `final` (0, 1, 2) is
    the target whose touch closes the trade.
    """

    first: Ints
    end: Ints
    short: Flags
    entry: Floats
    stop: Floats
    target_1: Floats
    target_2: Floats
    target_3: Floats
    final: Ints

    @property
    def targets(self) -> tuple[Floats, Floats, Floats]:
        """The three targets, the nearest first."""
        return self.target_1, self.target_2, self.target_3


@dataclass(frozen=True)
class Touches(_Columns):
    """What became of n trades: positions of candles, NEVER where absent.

    `exit` is the candle that ends the trade: the stop's, the final target's, or the last of the window.
    `stop` is set only if the stop ends the trade, a target only if it counts. `lowest` and `highest` are the
    extreme prices from entry to exit, both included, and NaN for a trade that was never entered.
    """

    entry: Ints
    stop: Ints
    target_1: Ints
    target_2: Ints
    target_3: Ints
    exit: Ints
    lowest: Floats
    highest: Floats

    @property
    def targets(self) -> tuple[Ints, Ints, Ints]:
        """The candles of the three targets, the nearest first."""
        return self.target_1, self.target_2, self.target_3


def find_touches(low: Floats, high: Floats, silent: Flags, orders: Orders) -> Touches:
    """Follow n trades over the candles: entry, then stop before targets, until the trade ends.

    `low` and `high` (finite) hold the candles of all symbols one after the other, each symbol in order of
    time; a window lies within its symbol. A `silent` candle touches nothing, but it is seen: it may be the
    last one, and it counts for the extremes. On the entry candle only the stop counts; later a target counts
    if the stop was touched neither before nor on the same candle, and the trade did not end before.
    """
    n = len(orders.first)
    by_start = np.argsort(orders.first)
    orders = orders.pick(by_start)
    (low, high, silent), offset = _drop_unused((low, high, silent), orders)
    first, end = orders.first - offset, orders.end - offset

    touches = Touches(*np.full((6, n), NEVER), *np.full((2, n), np.nan))
    at = 0
    while at < n:
        upto = min(int(np.searchsorted(first, first[at] + _CHUNK)), at + _CHUNK)
        base, stop_at = first[at], end[at:upto].max()
        longest = int((end[at:upto] - first[at:upto]).max())
        lows, highs, still = low[base:stop_at], high[base:stop_at], silent[base:stop_at]
        seen = touched = _Minima(lows, highs, longest)
        if still.any():
            touched = _Minima(np.where(still, np.inf, lows), np.where(still, -np.inf, highs), longest)
        chunk = slice(at, upto)
        _follow(touched, seen, offset[chunk] + base, orders.pick(chunk), touches.pick(chunk))
        at = upto

    given = np.empty(n, dtype=np.intp)
    given[by_start] = np.arange(n)
    return touches.pick(given)


def _drop_unused(columns: _Candles, orders: Orders) -> tuple[_Candles, Ints]:
    """Leave out the candles of no window where these are the most: few trades on many candles.

    `columns` hold low, high and silence. `orders` come sorted by `first`. The second value, for each trade,
    is what its positions have lost.
    """
    reach = np.maximum.accumulate(orders.end)
    gap = np.maximum(orders.first - np.append(0, reach[:-1]), 0)  # unused candles in front of each trade
    offset = np.cumsum(gap)
    used = int(reach[-1] - offset[-1]) if len(reach) else 0
    low, high, silent = columns
    if used == 0 or 2 * used > len(low):
        return columns, np.zeros_like(offset)
    islands = np.append(0, np.flatnonzero(gap[1:]) + 1)  # the first trade of each run of used candles
    starts = orders.first[islands] - offset[islands]
    kept = np.arange(used) + np.repeat(offset[islands], np.diff(starts, append=used))
    return (low[kept], high[kept], silent[kept]), offset


def _follow(table: "_Minima", seen: "_Minima", shift: Ints, orders: Orders, touches: Touches) -> None:
    """Follow trades whose candle p lies at p - shift in both tables, and fill in their touches.

    `table` holds what can be touched, `seen` the silent candles' prices as well.
    """
    # A LONG is entered and stopped by lows and reaches its targets by highs, a SHORT the other way round.
    sign = np.where(orders.short, -1.0, 1.0)
    against = np.where(orders.short, table.highs, 0) - shift
    along = np.where(orders.short, 0, table.highs) - shift

    entry = table.first(orders.first + against, sign * orders.entry) - against
    entered = np.flatnonzero(entry < orders.end)
    orders, entry, sign = orders.pick(entered), entry[entered], sign[entered]
    against, along = against[entered], along[entered]

    stop = table.first(entry + against, sign * orders.stop) - against
    stopped = stop < orders.end
    limit = np.where(stopped, stop, orders.end)  # from this candle on no target counts

    final = np.full(len(entered), NEVER)
    open_ = np.flatnonzero(entry + 1 < limit)
    since = entry[open_] + 1
    for k in range(3):
        side = along[open_]
        touch = table.first(since + side, -sign[open_] * orders.targets[k][open_]) - side
        reached = np.flatnonzero(touch < limit[open_])
        open_, since = open_[reached], touch[reached]
        touches.targets[k][entered[open_]] = since
        closing = np.flatnonzero(orders.final[open_] == k)
        final[open_[closing]] = since[closing]
        limit[open_[closing]] = since[closing] + 1  # on this candle further targets count, later ones not

    ended = final != NEVER
    exit_ = np.where(ended, final, np.where(stopped, stop, orders.end - 1))
    worst = sign * seen.lowest(entry + against, exit_ + against)
    best = -sign * seen.lowest(entry + along, exit_ + along)

    touches.entry[entered] = entry
    touches.stop[entered] = np.where(stopped & ~ended, stop, NEVER)
    touches.exit[entered] = exit_
    touches.lowest[entered] = np.where(orders.short, best, worst)
    touches.highest[entered] = np.where(orders.short, worst, best)


class _Minima:
    """Minima of ranges over the lows followed by the negated highs; these start at position `highs`."""

    def __init__(self, low: Floats, high: Floats, longest: int) -> None:
        # At the end of both halves is a value that ends every search, so that none leaves its half.
        self.highs = (len(low) // _BLOCK + 1) * _BLOCK
        values = np.full(2 * self.highs, -np.inf)
        values[: len(low)] = low
        np.negative(high, out=values[self.highs : self.highs + len(high)])
        self._ranges = _double(values, _BLOCK_LEVEL + 1)
        blocks = self._ranges[_BLOCK_LEVEL, ::_BLOCK]
        self._blocks = _double(blocks, (longest // _BLOCK + 2).bit_length())

    def first(self, position: Ints, price: Floats) -> Ints:
        """The first position at or after the given one whose value is at or below the price.

        If the longest window holds none, some position behind it.
        """
        far = self._ranges[_BLOCK_LEVEL].take(position) > price
        block = (position >> _BLOCK_LEVEL) + 1
        for level in reversed(range(len(self._blocks))):
            # "clip": the block of a near touch does not matter and may lie behind the last
            above = self._blocks[level].take(block, mode="clip") > price
            block += above.astype(np.intp) << level
        position = np.where(far, block << _BLOCK_LEVEL, position)
        for level in reversed(range(_BLOCK_LEVEL)):
            above = self._ranges[level].take(position) > price
            position += above.astype(np.intp) << level
        return position

    def lowest(self, first: Ints, last: Ints) -> Floats:
        """The smallest value from `first` to `last`, both included."""
        smallest = _lowest(self._ranges, first, last - first + 1, _BLOCK_LEVEL)
        # That was at most the first and the last _BLOCK values; the others are whole blocks between them.
        block = (first >> _BLOCK_LEVEL) + 1
        blocks = (last >> _BLOCK_LEVEL) - block
        far = np.flatnonzero(blocks > 0)
        between = _lowest(self._blocks, block[far], blocks[far], len(self._blocks) - 1)
        smallest[far] = np.minimum(smallest[far], between)
        return smallest


def _double(values: Floats, levels: int) -> Floats:
    """Row k, column i: the minimum of the 2**k values from i on. The last value is minus infinity."""
    rows = np.empty((levels, len(values)))
    rows[0] = values
    for level in range(1, levels):
        half = min(1 << (level - 1), len(values))
        np.minimum(rows[level - 1, :-half], rows[level - 1, half:], out=rows[level, :-half])
        rows[level, -half:] = -np.inf
    return rows


def _lowest(rows: Floats, first: Ints, count: Ints, highest_level: int) -> Floats:
    """The minimum of two ranges of equal length, one from `first` on, one up to `first + count`."""
    level = np.minimum(np.frexp(count)[1] - 1, highest_level).astype(np.intp)
    at = level * rows.shape[1] + first
    values = rows.reshape(-1)
    smallest: Floats = np.minimum(values.take(at), values.take(at + count - (1 << level)))
    return smallest
