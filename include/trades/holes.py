"""Candles that trades want and the store does not hold: where, and what that did to results."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from include.candles.gaps import read_gaps
from include.database import sql

EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday, on which the grids of all resolutions begin
MOST_SYMBOLS = 40  # of a page
MOST_SLOTS = 30_000  # candles that a page looks at, at most
MOST_SLOTS_OF_ONE = 11_000  # of a symbol: a week by the minute
MOST_TRADES = 300  # of a symbol, whose windows are read
MOST_COUNTED = 100  # trades of a hole, the newest
MOST_HOLES = 100  # of a symbol that are listed

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class MapWindow:
    """What a map shows: candles of a resolution that open in cells of `width` from `start` to `end` (UTC).

    Nothing is wanted behind `until`, the last whole candle that can be there.
    """

    start: datetime
    end: datetime
    until: datetime
    width: timedelta
    step: timedelta
    resolution: str
    sandbox: bool

    @classmethod
    def before(
        cls,
        now: datetime,
        length: timedelta,
        width: timedelta,
        step: timedelta,
        resolution: str,
        *,
        sandbox: bool,
    ) -> "MapWindow":
        """The window of this length whose last cell holds `now`.

        Raises ValueError, in words, for more candles than a map may look at, or less than one in a cell.
        """
        if step > width:
            raise ValueError(f"a cell holds no whole candle of {resolution}: choose a longer window")
        if length / step > MOST_SLOTS_OF_ONE:
            raise ValueError(f"the window has too many candles of {resolution}: choose a shorter one")
        end = EPOCH + -((EPOCH - now) // width) * width
        until = EPOCH + (now - EPOCH) // step * step
        return cls(end - length, end, until, width, step, resolution, sandbox)

    @property
    def cells(self) -> list[datetime]:
        """When each cell begins."""
        return [self.start + n * self.width for n in range((self.end - self.start) // self.width)]

    @property
    def rows(self) -> int:
        """How many symbols a page may have."""
        slots = (self.end - self.start) / self.step
        return max(1, min(MOST_SYMBOLS, int(MOST_SLOTS / slots)))


@dataclass
class MapCell:
    """Candles of a symbol in a cell: wanted by trades, missing of these, and held, by source."""

    wanted: int = 0
    missing: int = 0
    given: dict[str, int] = field(default_factory=dict)

    def lacking(self, source: str | None) -> int:
        """How many of the wanted ones are missing, or were not given by a source."""
        return self.missing if source is None else max(0, self.wanted - self.given.get(source, 0))


@dataclass
class SymbolRow:
    """A symbol of the map: its cells by place, its holes in order, and what they did to its trades."""

    symbol: str
    cells: defaultdict[int, MapCell] = field(default_factory=lambda: defaultdict(MapCell))
    holes: list[Span] = field(default_factory=list)
    busy: bool = False  # it has more trades than were read, so that everything counts as wanted
    effects: Row[Any] | None = None

    @property
    def wanted(self) -> int:
        """Candles that trades want."""
        return sum(cell.wanted for cell in self.cells.values())

    @property
    def missing(self) -> int:
        """Those of them that the store does not hold."""
        return sum(cell.missing for cell in self.cells.values())

    @property
    def given(self) -> dict[str, int]:
        """Candles that are held, wanted or not, by source."""
        sums: defaultdict[str, int] = defaultdict(int)
        for cell in self.cells.values():
            for source, count in cell.given.items():
                sums[source] += count
        return dict(sums)


def guess_resolution(connection: Connection, otherwise: str) -> str:
    """The resolution that sources are asked for most often of late, or another one if they are not."""
    return connection.execute(sql("candles/guess_resolution")).scalar() or otherwise


def list_symbols(connection: Connection, window: MapWindow, after: str | None, rows: int) -> list[str]:
    """List symbols behind one, in order, that trades name or that have candles in the window."""
    values = {"after": after, "rows": rows, "start": window.start, "end": window.end}
    return list(connection.execute(sql("candles/list_symbols"), values).scalars())


def read_map(connection: Connection, window: MapWindow, symbols: Sequence[str]) -> list[SymbolRow]:
    """Look for the candles of symbols in a window, and count what their holes did to trades."""
    rows = {symbol: SymbolRow(symbol) for symbol in symbols}
    wanted = _read_wanted(connection, window, rows)
    for symbol, spans in wanted.items():
        for cell, count in _count_in_cells(spans, window):
            rows[symbol].cells[cell].wanted += count
    for symbol, hole in _find_holes(connection, window, wanted):
        rows[symbol].holes.append(hole)
        for cell, count in _count_in_cells([hole], window):
            rows[symbol].cells[cell].missing += count
    values = {
        "symbols": list(rows),
        "resolution": window.resolution,
        "start": window.start,
        "end": window.end,
        "width": window.width,
        "sandbox": window.sandbox,
    }
    for one in connection.execute(sql("candles/count_by_cell"), values):
        rows[one.symbol].cells[one.cell].given[one.source] = one.candles
    holed = [row for row in rows.values() if row.holes]
    hulls = [(row.symbol, (row.holes[0][0], row.holes[-1][1])) for row in holed]
    for place, effects in count_effects(connection, hulls, window.resolution).items():
        holed[place].effects = effects
    return list(rows.values())


def count_effects(
    connection: Connection, holes: Sequence[tuple[str, Span]], resolution: str
) -> dict[int, Row[Any]]:
    """Count by the place of a hole (symbol, from, to) what became of the trades whose windows lie over it."""
    if not holes:
        return {}
    found = connection.execute(
        sql("trades/count_hole_effects"),
        {
            "symbols": [symbol for symbol, _ in holes],
            "starts": [start for _, (start, _) in holes],
            "ends": [end for _, (_, end) in holes],
            "resolution": resolution,
            "most": MOST_COUNTED,
            "read": MOST_TRADES,
        },
    )
    return {row.place - 1: row for row in found}


def list_asked(connection: Connection, symbol: str, resolution: str, hole: Span) -> Sequence[Row[Any]]:
    """List what each source said when it was asked for a stretch last; answers are kept for 30 days."""
    values = {"symbol": symbol, "resolution": resolution, "start": hole[0], "end": hole[1]}
    return connection.execute(sql("candles/list_asked"), values).all()


def _read_wanted(
    connection: Connection, window: MapWindow, rows: Mapping[str, SymbolRow]
) -> dict[str, list[Span]]:
    end = min(window.end, window.until)
    found = connection.execute(
        sql("trades/list_wanted_windows"),
        {"symbols": list(rows), "start": window.start, "end": end, "step": window.step, "most": MOST_TRADES},
    )
    wanted: dict[str, list[Span]] = {}
    for one in found:
        rows[one.symbol].busy = one.trades > MOST_TRADES
        if rows[one.symbol].busy:
            wanted[one.symbol] = [(window.start, end)]
        elif one.trades:
            wanted[one.symbol] = merge(zip(one.starts, one.ends, strict=True))
    return wanted


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order; empty and upside-down spans are left out."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _find_holes(
    connection: Connection, window: MapWindow, wanted: Mapping[str, Sequence[Span]]
) -> list[tuple[str, Span]]:
    spans = [(symbol, *span) for symbol, some in wanted.items() for span in some]
    found = read_gaps(connection, spans, window.resolution, sandbox=window.sandbox)
    return [(row.symbol, (row.start, row.end)) for row in found]


def _count_in_cells(spans: Iterable[Span], window: MapWindow) -> Iterable[tuple[int, int]]:
    """How many candles of spans on the grid open in each cell."""
    for start, end in spans:
        at = start
        while at < end:
            cell = (at - window.start) // window.width
            until = min(end, window.start + (cell + 1) * window.width)
            yield cell, -((at - until) // window.step)
            at = at + -((at - until) // window.step) * window.step
