"""The store of candles: the table market_candles, written with COPY and read as candle frames.

Windows are a DataFrame `symbol, start, end` (tz-aware UTC), one row a wanted stretch of time, in any order,
overlapping as they like. Invented candles (`source = 'sandbox'`) and real ones never stand in for each other:
`sandbox` says which of the two is meant.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection

from include.candles.frame import CANDLE, PRICES, first_open, interval_of, last_close
from include.candles.gaps import read_gaps
from include.candles.local_stack import refuse_invented_prices
from include.candles.sources import rank_of, worse_kinds
from include.candles.windows import Spans, merge_windows
from include.database import ColumnKind, copy_frame, read_columns, sql

COLUMNS: dict[str, ColumnKind] = {
    "symbol": "text",
    "timestamp": "time",
    **dict.fromkeys([*PRICES, "volume"], "number"),
    "source": "text",
}


def write_candles(connection: Connection, candles: pd.DataFrame, resolution: str, source: str) -> int:
    """Store a candle frame, in the connection's transaction; answer how many candles are new or changed.

    A candle that is there already is replaced by a valid one of a better source, by a correction of the same
    source, or where it broke the rules of OHLC; of two sources of one rank the first stays. Written twice, a
    frame changes nothing. Raises ValueError for an unknown resolution or source.
    """
    interval = interval_of(resolution)
    rank = rank_of(source)
    if candles.empty:
        return 0
    hulls = _hulls(candles)
    ensure_partitions(connection, hulls["firsts"], hulls["lasts"])
    held = connection.execute(sql("candles/find_held"), {**hulls, "resolution": resolution}).scalars().all()
    left, written = candles, 0
    there = candles["symbol"].isin(held).to_numpy(bool)
    if not there.all() and _copy_into_gap(connection, candles[~there], resolution, source):
        left, written = candles[there], int((~there).sum())
    if not left.empty:
        connection.execute(sql("candles/create_incoming"))
        copy_frame(connection, "incoming_candles", left[CANDLE])
        values = {"resolution": resolution, "source": source, "worse": worse_kinds(rank)}
        written += connection.execute(sql("candles/write_candles"), values).rowcount
        connection.execute(sql("candles/drop_incoming"))
    reach = max(hulls["lasts"]) + interval
    connection.execute(sql("candles/count_written"), {"source": source, "written": written, "reach": reach})
    return written


def _hulls(candles: pd.DataFrame) -> dict[str, list[Any]]:
    """Give the `symbols` of candles, and the first and the last open time of each: `firsts`, `lasts`."""
    times = candles.groupby("symbol", sort=False)["timestamp"].agg(["min", "max"])
    return {"symbols": times.index.tolist(), "firsts": times["min"].tolist(), "lasts": times["max"].tolist()}


def _copy_into_gap(connection: Connection, candles: pd.DataFrame, resolution: str, source: str) -> bool:
    """Write candles straight into the table where it holds none yet, as when a gap is filled.

    The way by a temporary table costs half as much again. False: something is there, since a moment ago, and
    nothing was written.
    """
    try:
        with connection.begin_nested():
            constants = {"resolution": resolution, "source": source}
            copy_frame(connection, "market_candles", candles[CANDLE], constants)
    except UniqueViolation:
        return False
    return True


def ensure_partitions(connection: Connection, firsts: Sequence[datetime], lasts: Sequence[datetime]) -> None:
    """Make the partitions for open times from each of `firsts` to that of `lasts`, where they are missing.

    Two writers at once wait for each other here until they commit: best called in a transaction of its own.
    """
    connection.execute(sql("candles/ensure_partitions"), {"firsts": list(firsts), "lasts": list(lasts)})


def read_candles(
    connection: Connection, windows: pd.DataFrame, resolution: str, *, sandbox: bool
) -> pd.DataFrame:
    """Read the candles with `start <= open time < end` of the union of the windows, with their `source`.

    Returns a candle frame: each candle once, sorted by symbol and timestamp. Raises ForeignDatabaseError when
    invented candles are asked of a database that is not the local stack's own: nothing is settled on them
    there.
    """
    interval_of(resolution)
    if sandbox:
        refuse_invented_prices(connection)
    values = {**_spans(windows), "resolution": resolution, "sandbox": sandbox}
    # Numbers as text: the server writes numeric faster so than it turns it into float8.
    candles = read_columns(connection, sql("candles/read_candles"), values, COLUMNS, in_blocks=True)
    return candles if _in_order(candles) else candles.sort_values(["symbol", "timestamp"], ignore_index=True)


def _in_order(candles: pd.DataFrame) -> bool:
    """Whether the candles are sorted, as they come but for a plan of the server that nobody has foreseen."""
    symbols, times = candles["symbol"], candles["timestamp"].astype("int64").to_numpy()
    first = (symbols != symbols.shift()).to_numpy()  # of its symbol
    return bool((first[1:] | (times[1:] > times[:-1])).all() and symbols[first].is_monotonic_increasing)


def find_gaps(
    connection: Connection,
    windows: pd.DataFrame,
    resolution: str,
    *,
    sandbox: bool,
    source: str | None = None,
    now: datetime | None = None,
    fetched_since: datetime | None = None,
) -> pd.DataFrame:
    """Find what the union of the windows lacks of valid candles.

    Only whole candles inside a window are wanted: the windows are narrowed to the resolution's grid. With
    `source` and `now`, what was asked of that source and may not be asked again yet is no gap. With
    `fetched_since`, a candle counts only if a source has answered for its time since then, and so does what
    `source` was asked for.

    Returns `symbol, start, end`: disjoint spans on the grid, sorted, `end` exclusive.
    """
    interval = interval_of(resolution)
    whole = windows.assign(
        start=first_open(windows["start"], interval), end=last_close(windows["end"], interval)
    )
    merged = _spans(whole)
    rows = read_gaps(
        connection,
        list(zip(merged["symbols"], merged["starts"], merged["ends"], strict=True)),
        resolution,
        sandbox=sandbox,
        source=source,
        now=now,
        fetched_since=fetched_since,
    )
    gaps = pd.DataFrame(rows, columns=["symbol", "start", "end"])
    return gaps.astype({"symbol": "str", "start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})


def find_gaps_of(
    connection: Connection,
    windows: Sequence[tuple[str, Spans]],
    resolution: str,
    *,
    sandbox: bool,
    source: str | None = None,
    now: datetime | None = None,
    fetched_since: datetime | None = None,
) -> list[Spans]:
    """Find what the windows of each symbol lack, as `find_gaps`, in a tenth of its time for few windows.

    `windows`: each symbol once. Returns the gaps of each, in their order.
    """
    interval = interval_of(resolution)
    wanted = [
        (symbol, start, end)
        for symbol, spans in windows
        for start, end in spans.whole(interval).merged().times()
    ]
    gaps: dict[str, list[tuple[datetime, datetime]]] = {symbol: [] for symbol, _ in windows}
    for row in read_gaps(
        connection,
        wanted,
        resolution,
        sandbox=sandbox,
        source=source,
        now=now,
        fetched_since=fetched_since,
    ):
        gaps[row.symbol].append((row.start, row.end))
    return [Spans.between(gaps[symbol]) for symbol, _ in windows]


def _spans(windows: pd.DataFrame) -> dict[str, list[Any]]:
    """Merge the windows, which are often many and alike, for a statement that merges them too."""
    merged = merge_windows(windows)
    return {
        "symbols": merged["symbol"].tolist(),
        "starts": merged["start"].tolist(),
        "ends": merged["end"].tolist(),
    }
