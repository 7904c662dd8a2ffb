"""Which candle touches a price first: a search, not a scan, for all trades at once.

A trade asks the same question up to five times: from this candle on, which is the first whose low is at or
below a price (or whose high is at or above one)? Reading candle after candle costs more the longer a trade
lives. Here the minima of ranges of 1, 2, 4, ... candles are kept (a sparse table; Bender and Farach-Colton,
"The LCA Problem Revisited", 2000), and the search skips every range that holds no candle low enough: about
log2(candles of the longest window) steps, each of them one NumPy pass over all trades.

Highs are stored negated: "high >= p" is "-high <= -p", so that one table of minima answers both questions for
both directions. Negation is exact in floating point: no touch is gained or lost by it.

What a trade saw at best after its entry, up to its stop or the end of its window, says which targets it
reached: only these are looked up, all at once. It is an excursion as well. The candle of the stop is the
worst one seen, that of the final target the best one after the entry's: so few other ranges are asked for.

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
        columns = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        if isinstance(rows, slice):
            return type(self)(*(column[rows] for column in columns))
        return type(self)(*(column.take(rows) for column in columns))


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
    rows, starts = _sort_by_start(orders, len(low))
    ordered = orders.pick(rows)
    (low, high, silent), offset = _drop_unused((low, high, silent), starts, ordered.end)
    starts, end = starts - offset, ordered.end - offset
    found: list[tuple[Ints, Touches]] = []
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
        entered, touches = _follow(touched, seen, offset[part] + base, ordered.pick(part))
        found.append((rows[part].take(entered), touches))
        at = upto
    return _put_back(found, len(orders.first))


def _put_back(found: list[tuple[Ints, Touches]], count: int) -> Touches:
    """The touches of `count` trades, from rows and touches of those that were entered."""
    touches = Touches(*np.full((6, count), NEVER), *np.full((2, count), np.nan))
    if found:
        rows = np.concatenate([rows for rows, _ in found])
        for field in fields(Touches):
            parts = [getattr(part, field.name) for _, part in found]
            getattr(touches, field.name)[rows] = np.concatenate(parts)
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


def _follow(table: "_Minima", seen: "_Minima", shift: Ints, orders: Orders) -> tuple[Ints, Touches]:
    """Follow trades whose candle p lies at p - shift in both tables.

    Answers with the trades that were entered, and with what became of these.
    """
    sign = np.where(orders.short, -1.0, 1.0)
    against = orders.short * table.highs - shift  # where the prices lie that go against a trade
    entry = table.first(orders.first + against, sign * orders.entry)
    end = orders.end + against
    entered = np.flatnonzero(entry < end)
    orders = orders.pick(entered)
    entry, end, sign, against = (values.take(entered) for values in (entry, end, sign, against))
    across = np.where(orders.short, -table.highs, table.highs)  # from there to those that go with it

    stop = table.first(entry, sign * orders.stop)
    stopped = stop < end
    limit = np.where(stopped, stop, end)  # from this candle on no target counts
    exit_ = limit - ~stopped

    open_ = np.flatnonzero(entry + 1 < limit)
    since, until = (entry + across + 1).take(open_), (limit + across).take(open_)
    reach = np.full(len(entry), np.inf)
    reach[open_] = most = table.lowest(since, until - 1)
    prices = [(-sign * target).take(open_) for target in orders.targets]
    reached = [np.flatnonzero(most <= price) for price in prices]
    touch = table.first(
        np.concatenate([since.take(rows) for rows in reached]),
        np.concatenate([price.take(rows) for price, rows in zip(prices, reached, strict=True)]),
    )
    targets = np.full((3, len(entry)), NEVER)
    ended = np.zeros(len(entry), dtype=bool)
    for k, rows in enumerate(map(open_.take, reached)):
        at, touch = touch[: len(rows)] - across.take(rows), touch[len(rows) :]
        targets[k][rows] = at
        closing = orders.final.take(rows) == k
        ended[rows[closing]] = True
        exit_[rows[closing]] = at[closing]
    absent = (targets == NEVER) | (targets > exit_)
    targets -= against
    targets[absent] = NEVER

    # Before the stop nothing was as bad, after the entry and before the final target nothing as good. That is
    # said of what can be touched: silent candles may lie anywhere.
    if table is seen:
        worst = seen.values.take(exit_)
        unknown = np.flatnonzero(ended | ~stopped)
        worst[unknown] = seen.lowest(entry.take(unknown), exit_.take(unknown))
        best = np.where(ended, np.inf, reach)
        for candle in (entry, exit_):
            np.minimum(best, seen.values.take(candle + across), out=best)
    else:
        worst, best = seen.lowest(entry, exit_), seen.lowest(entry + across, exit_ + across)
    worst *= sign
    best *= -sign
    exit_ -= against
    return entered, Touches(
        entry=entry - against,
        stop=np.where(stopped & ~ended, exit_, NEVER),
        target_1=targets[0],
        target_2=targets[1],
        target_3=targets[2],
        exit=exit_,
        lowest=np.where(orders.short, best, worst),
        highest=np.where(orders.short, worst, best),
    )


class _Minima:
    """Minima of ranges over the lows followed by the negated highs; these start at position `highs`."""

    def __init__(self, low: Floats, high: Floats, longest: int) -> None:
        # At the end of both halves is a value that ends every search, so that none leaves its half.
        self.highs = (len(low) // _BLOCK + 1) * _BLOCK
        self._ranges = np.empty((_BLOCK_LEVEL + 1, 2 * self.highs))
        self.values = values = self._ranges[0]
        values[: len(low)] = low
        values[len(low) : self.highs] = -np.inf
        np.negative(high, out=values[self.highs : self.highs + len(high)])
        values[self.highs + len(high) :] = -np.inf
        _double(self._ranges)
        blocks = self._ranges[_BLOCK_LEVEL, ::_BLOCK]
        self._blocks = np.empty(((longest // _BLOCK + 2).bit_length(), len(blocks)))
        self._blocks[0] = blocks
        _double(self._blocks)
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


def _double(rows: Floats) -> None:
    """Fill row k from row 0, whose last value is minus infinity: the minimum of the 2**k values from i on."""
    for level in range(1, len(rows)):
        half = min(1 << (level - 1), rows.shape[1])
        np.minimum(rows[level - 1, :-half], rows[level - 1, half:], out=rows[level, :-half])
        rows[level, -half:] = -np.inf


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
