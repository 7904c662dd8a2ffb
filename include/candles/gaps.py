"""What the store lacks of candles, as the statement find_gaps answers; without a frame, for pages too."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from include.database import sql


def read_gaps(
    connection: Connection,
    windows: Sequence[tuple[str, datetime, datetime]],
    resolution: str,
    *,
    sandbox: bool,
    source: str | None = None,
    now: datetime | None = None,
    fetched_since: datetime | None = None,
) -> Sequence[Row[Any]]:
    """Read what windows (symbol, start, end; tz-aware, on the resolution's grid) lack of valid candles.

    The windows may overlap. With `source` and `now`, what was asked of that source and may not be asked again
    yet is no gap. With `fetched_since`, a candle counts only if a source has answered for its time since
    then, and so does what `source` was asked for.

    Returns rows `symbol, start, end`: disjoint spans, sorted, `end` exclusive.
    """
    return connection.execute(
        sql("candles/find_gaps"),
        {
            "symbols": [symbol for symbol, _, _ in windows],
            "starts": [start for _, start, _ in windows],
            "ends": [end for _, _, end in windows],
            "resolution": resolution,
            "sandbox": sandbox,
            "source": source,
            "now": now,
            "fetched_since": fetched_since,
        },
    ).all()
