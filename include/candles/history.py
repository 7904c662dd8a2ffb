"""The history of a market in one resolution, whatever resolutions the store holds it in."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection

from include.candles.frame import PRICES, RESOLUTIONS, interval_of
from include.candles.local_stack import refuse_invented_prices
from include.database import sql

# Share of the finer candles that must be there for one to be put together from them: minutes without a trade
# are missing at some exchanges.
ENOUGH_PARTS = 0.9


def read_history(
    connection: Connection, symbol: str, timeframe: str, start: datetime, end: datetime, *, sandbox: bool
) -> pd.DataFrame:
    """Read the valid candles with `start <= open time` that close by `end` (tz-aware UTC, on the grid).

    A candle comes from the coarsest resolution that has it; a finer one gives it if 90 % of its parts are
    there: the first one's open, the last one's close, the sum of the volumes.

    Returns `timestamp` (open time, tz-aware UTC), `open, high, low, close, volume` (float), `sources` (the
    set of their names), sorted, gaps allowed. Raises ValueError for an unknown resolution, and
    ForeignDatabaseError when invented candles are asked of a database that is not the local stack's own.
    """
    if sandbox:
        refuse_invented_prices(connection)
    rows = connection.execute(
        sql("candles/read_history"),
        {
            "symbol": symbol,
            "timeframe": timeframe,
            "resolutions": parts_of(timeframe),
            "start": start,
            "end": end,
            "sandbox": sandbox,
            "enough": ENOUGH_PARTS,
        },
    ).all()
    history = pd.DataFrame(rows, columns=["timestamp", *PRICES, "volume", "sources"])
    return history.astype(
        {"timestamp": "datetime64[us, UTC]"} | dict.fromkeys([*PRICES, "volume"], "float64")
    )


def parts_of(resolution: str) -> list[str]:
    """Name the resolutions that its candles can be put together from: itself first, then finer ones."""
    whole = interval_of(resolution)
    return [name for name, interval in RESOLUTIONS.items() if not whole % interval][::-1]
