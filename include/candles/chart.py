"""Candles as a picture shows them: few, put together by the database, and the stretches that are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from include.candles.frame import RESOLUTIONS
from include.database import sql

BUCKETS = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
MOST_DRAWN = 150  # candles of a picture, where nobody asks for another length
FEWEST_ASKED, MOST_ASKED = 4, 400
MOST_READ = 60_000  # candles that are put together
MOST_STRETCHES = 50


@dataclass(frozen=True)
class DrawnCandle:
    """A candle of a picture; `candles` of the store are in it, the last opened at `newest`. US dollars."""

    opened: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    candles: int
    newest: datetime
    source: str


@dataclass(frozen=True)
class UnseenStretch:
    """Candles that the store lacks, from `starts` to `ends` (UTC), of `stretches` such in the window."""

    starts: datetime
    ends: datetime
    candles: int
    stretches: int


def buckets_of(resolution: str, start: datetime, end: datetime) -> dict[str, int]:
    """Lengths of candles in which a window can be drawn, with how many each gives: 4 to 400."""
    counts = {
        name: _count(start, end, name) for name in BUCKETS if RESOLUTIONS[name] >= RESOLUTIONS[resolution]
    }
    fitting = {name: count for name, count in counts.items() if FEWEST_ASKED <= count <= MOST_ASKED}
    return fitting or dict([min(counts.items(), key=lambda one: abs(one[1] - MOST_DRAWN))])


def choose_bucket(fitting: dict[str, int]) -> str:
    """The shortest candles that are not more than a picture holds."""
    return next((name for name, count in fitting.items() if count <= MOST_DRAWN), list(fitting)[-1])


def _count(start: datetime, end: datetime, bucket: str) -> int:
    return max(1, -((start - end) // RESOLUTIONS[bucket]))


def earliest_read(resolution: str, start: datetime, end: datetime) -> datetime:
    """Where reading begins, so that no more than 60,000 candles are read up to `end`."""
    return max(start, end - MOST_READ * RESOLUTIONS[resolution])


def read_chart(
    connection: Connection, symbol: str, resolution: str, start: datetime, end: datetime, bucket: str
) -> list[DrawnCandle]:
    """Read the candles that open in [start, end), put together to candles of `bucket`."""
    window = {"symbol": symbol, "resolution": resolution, "start": start, "end": end}
    rows = connection.execute(sql("candles/read_chart"), window | {"bucket": RESOLUTIONS[bucket]})
    return [DrawnCandle(**row._mapping) for row in rows]


def find_unseen(
    connection: Connection, symbol: str, resolution: str, start: datetime, end: datetime
) -> Sequence[UnseenStretch]:
    """Find the stretches of [start, end] of which the store lacks whole candles, the 50 longest, in order."""
    window = {"symbol": symbol, "resolution": resolution, "start": start, "end": end, "most": MOST_STRETCHES}
    rows = connection.execute(sql("candles/find_unseen"), window)
    return sorted((UnseenStretch(**row._mapping) for row in rows), key=lambda stretch: stretch.starts)
