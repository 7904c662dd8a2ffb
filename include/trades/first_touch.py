"""Which candle touches a price first: a search, not a scan, for all trades at once.

A trade asks the same question up to five times: from this candle on, which is the first whose low is at or
below a price (or whose high is at or above one)? Reading candle after candle costs more the longer a trade
lives. Here the minima of ranges of 1, 2, 4, ... candles are kept (a sparse table; Bender and Farach-Colton,
"The LCA Problem Revisited", 2000), and the search skips every range that holds no candle low enough: about
log2(candles of the longest window) steps, each of them one NumPy pass over all trades.

Highs are stored negated: "high >= p" is "-high <= -p", so that one table of minima answers both questions for
both directions. Negation is exact in floating point: no touch is gained or lost by it.

The excursions need ranges too, but few: the candle of the stop is the worst one seen, that of the final
target the best one after the entry's, so only the other side of such a trade is looked up.

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
_CHUNK = 1 << 16


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


def find_touches(low: Floats, high: Floats, silent: Flags, orders: Orders, chunk: int = _CHUNK) -> Touches:
    """Follow n trades over the candles: entry, then stop before targets, until the trade ends.

    `low` and `high` (finite) hold the candles of all symbols one after the other, each symbol in order of
    time; a window lies within its symbol. A `silent` candle touches nothing, but it is seen: it may be the
    last one, and it counts for the extremes. On the entry candle only the stop counts; later a target counts
    if the stop was touched neither before nor on the same candle, and the trade did not end before.

    At most `chunk` trades are searched at once, whose windows start within `chunk` candles: that bounds the
    memory, whatever the number of both.
    """
    n = len(orders.first)
    touches = Touches(*np.full((6, n), NEVER), *np.full((2, n), np.nan))
    rows, starts = _sort_by_start(orders, len(low))
    orders = orders.pick(rows)
    (low, high, silent), offset = _drop_unused((low, high, silent), starts, orders.end)
    starts, end = starts - offset, orders.end - offset
    at = 0
    while at < len(rows):
        upto = min(int(np.searchsorted(starts, starts[at] + chunk)), at + chunk)
        base, stop_at = starts[at], end[at:upto].max()
        longest = int((end[at:upto] - starts[at:upto]).max())
        lows, highs, still = low[base:stop_at], high[base:stop_at], silent[base:stop_at]
        seen = touched = _Minima(lows, highs, longest)
        if still.any():
            touched = _Minima(np.where(still, np.inf, lows), np.where(still, -np.inf, highs), longest)
        part = slice(at, upto)
        _follow(touched, seen, offset[part] + base, orders.pick(part), rows[part], touches)
        at = upto
    return touches


def _sort_by_start(orders: Orders, candles: int) -> tuple[Ints, Ints]:
    """The trades that have a window, roughly by its start, and lower bounds of the starts, in exact order.

    The starts are told apart by 16 bits: NumPy sorts such numbers by radix, in a fifth of the time.
    """
    rows = np.flatnonzero(orders.first < orders.end)
    shift = max(_BLOCK_LEVEL, candles.bit_length() - 16)
    key = (orders.first.take(rows) >> shift).astype(np.uint16)
    order = np.argsort(key, kind="stable")
    return rows.take(order), key.take(order).astype(np.intp) << shift


def _drop_unused(columns: _Candles, starts: Ints, ends: Ints) -> tuple[_Candles, Ints]:
    """Leave out the candles of no window where these are the most: few trades on many candles.

    `columns` hold low, high and silence; `starts` are in order. The second value, for each trade, is what
    its positions have lost.
    """
    reach = np.maximum.accumulate(ends)
    gap = np.maximum(starts - np.append(0, reach[:-1]), 0)  # unused candles in front of each trade
    offset = np.cumsum(gap)
    used = int(reach[-1] - offset[-1]) if len(reach) else 0
    low, high, silent = columns
    if used == 0 or 2 * used > len(low):
        return columns, np.zeros_like(offset)
    islands = np.append(0, np.flatnonzero(gap[1:]) + 1)  # the first trade of each run of used candles
    begins = starts[islands] - offset[islands]
    kept = np.arange(used) + np.repeat(offset[islands], np.diff(begins, append=used))
    return (low[kept], high[kept], silent[kept]), offset


def _follow(
    table: "_Minima", seen: "_Minima", shift: Ints, orders: Orders, rows: Ints, touches: Touches
) -> None:
    """Follow trades whose candle p lies at p - shift in both tables, and fill in `rows` of the touches."""
    sign = np.where(orders.short, -1.0, 1.0)
    against = orders.short * table.highs - shift
    start, end = orders.first + against, orders.end + against
    entry = table.first(start, sign * orders.entry)
    entered = np.flatnonzero(entry < end)
    rows, sign, entry, end, against = (values.take(entered) for values in (rows, sign, entry, end, against))
    short = orders.short.take(entered)
    across = np.where(short, -table.highs, table.highs)
    along = against + across

    stop = table.first(entry, sign * orders.stop.take(entered))
    stopped = stop < end
    exit_ = np.where(stopped, stop, end - 1)
    limit = np.where(stopped, stop, end) + across  # from this candle on no target counts

    final = orders.final.take(entered)
    ended = np.zeros(len(entered), dtype=bool)
    open_ = np.flatnonzero(entry + across + 1 < limit)
    since, until = (entry + across + 1).take(open_), limit.take(open_)
    for k in range(3):
        touch = table.first(since, -sign.take(open_) * orders.targets[k].take(entered.take(open_)))
        reached = np.flatnonzero(touch < until)
        open_, since = open_.take(reached), touch.take(reached)
        touches.targets[k][rows.take(open_)] = since - along.take(open_)
        closing = final.take(open_) == k
        closed = open_[closing]
        ended[closed] = True
        exit_[closed] = since[closing] - across[closed]
        until = np.where(closing, since + 1, until.take(reached))

    touches.entry[rows] = entry - against
    touches.exit[rows] = last = exit_ - against
    touches.stop[rows] = np.where(stopped & ~ended, last, NEVER)
    # Before the stop nothing was as bad, after the entry and before the final target nothing as good. That is
    # said of what can be touched: silent candles may lie anywhere.
    worst, best = seen.values.take(exit_), seen.values.take(exit_ + across)
    np.minimum(best, seen.values.take(entry + across), out=best)
    unknown = np.flatnonzero(ended | ~stopped) if table is seen else slice(None)
    worst[unknown] = seen.lowest(entry[unknown], exit_[unknown])
    unknown = np.flatnonzero(~ended) if table is seen else slice(None)
    best[unknown] = seen.lowest((entry + across)[unknown], (exit_ + across)[unknown])
    worst *= sign
    best *= -sign
    touches.lowest[rows] = np.where(short, best, worst)
    touches.highest[rows] = np.where(short, worst, best)


class _Minima:
    """Minima of ranges over the lows followed by the negated highs; these start at position `highs`."""

    def __init__(self, low: Floats, high: Floats, longest: int) -> None:
        # At the end of both halves is a value that ends every search, so that none leaves its half.
        self.highs = (len(low) // _BLOCK + 1) * _BLOCK
        values = np.full(2 * self.highs, -np.inf)
        values[: len(low)] = low
        np.negative(high, out=values[self.highs : self.highs + len(high)])
        self.values = values
        self._ranges = _double(values, _BLOCK_LEVEL + 1)
        blocks = self._ranges[_BLOCK_LEVEL, ::_BLOCK]
        self._blocks = _double(blocks, (longest // _BLOCK + 2).bit_length())
        self._halves = _find_halves(max(longest // _BLOCK + 1, _BLOCK))

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
        count = last - first + 1
        smallest = _lowest(self._ranges, self._halves.take(np.minimum(count, _BLOCK)), first, count)
        # That was at most the first and the last _BLOCK values; the others are whole blocks between them.
        block = (first >> _BLOCK_LEVEL) + 1
        blocks = (last >> _BLOCK_LEVEL) - block
        far = np.flatnonzero(blocks > 0)
        block, blocks = block.take(far), blocks.take(far)
        between = _lowest(self._blocks, self._halves.take(blocks), block, blocks)
        smallest[far] = np.minimum(smallest.take(far), between)
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


def _find_halves(most: int) -> Ints:
    """For each count up to `most` the level of the longest range that does not exceed it."""
    levels: Ints = np.maximum(np.frexp(np.arange(most + 1))[1] - 1, 0).astype(np.intp)
    return levels


def _lowest(rows: Floats, level: Ints, first: Ints, count: Ints) -> Floats:
    """The minimum of two ranges of a level, one from `first` on, one up to `first + count`."""
    at = level * rows.shape[1] + first
    values = rows.reshape(-1)
    smallest: Floats = np.minimum(values.take(at), values.take(at + count - (1 << level)))
    return smallest
