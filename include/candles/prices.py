"""Historical prices as programs read them: the candles of a trade's window or of a symbol."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause
from sqlalchemy.exc import DataError

from include.database import composed_sql
from include.json_rows import Number, ShownRow, object_sql, value_sql

MOST_CANDLES = 5_000  # of one answer


class PricesCursorError(ValueError):
    """The place where a page begins is none of these prices."""


class ShownCandle(ShownRow):
    """A candle; `source` says who gave it: `sandbox` invents."""

    timestamp: datetime | None
    open: Number | None
    high: Number | None
    low: Number | None
    close: Number | None
    volume: Number | None
    source: str
    fetched_at: datetime | None


@dataclass(frozen=True)
class Prices:
    """Candles of one symbol and resolution, in the order of their open times.

    Attributes:
        symbol: as the trades spell it.
        resolution: of the candles; None: of a trade of whose window the store holds none.
        start, end: of the window, ISO 8601 in UTC; None: no time of the calendar.
        candles: a JSON array, 5,000 at most.
        last: the open time behind which the next candles begin; None: there are no more.
        is_final: whether more candles are hardly to come: the trade is settled, the window ended a day ago.
    """

    symbol: str
    resolution: str | None
    start: str | None
    end: str | None
    candles: str
    last: str | None
    is_final: bool


def read_trade_prices(
    engine: Engine, trade: UUID, *, only_user: UUID | None, behind: str | None = None, exact: bool = False
) -> Prices | None:
    """Read the candles of a trade's window; None when there is no such trade, or not of `only_user`.

    A settled trade shows the resolution that settled it, any other the finest that the store holds. Raises
    PricesCursorError when `behind` is no time.
    """
    return _read(engine, _trade_statement(exact), {"id": trade, "only_user": only_user, "behind": behind})


def read_prices(
    engine: Engine,
    symbol: str,
    resolution: str,
    start: datetime,
    end: datetime,
    *,
    behind: str | None = None,
    exact: bool = False,
) -> Prices:
    """Read the candles of a symbol that open from `start` (inclusive) to `end` (exclusive), both tz-aware.

    Raises PricesCursorError when `behind` is no time.
    """
    window = {"symbol": symbol, "resolution": resolution, "start": start, "end": end, "behind": behind}
    found = _read(engine, _symbol_statement(exact), window)
    if found is None:
        raise AssertionError("a statement that aggregates gave no row")
    return found


def _read(engine: Engine, statement: TextClause, values: dict[str, Any]) -> Prices | None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            row = connection.execute(statement, {**values, "rows": MOST_CANDLES}).one_or_none()
        except DataError as error:
            raise PricesCursorError("the cursor is none of these prices") from error
    if row is None:
        return None
    last = row.last if row.more else None
    return Prices(row.symbol, row.resolution, row.start_at, row.end_at, row.candles, last, row.is_final)


@functools.cache
def _trade_statement(exact: bool) -> TextClause:
    return composed_sql(
        "candles/read_trade_prices",
        candle=object_sql(ShownCandle, "candle", exact=exact),
        start=value_sql("signal.generated_at", datetime),
        end=value_sql("signal.expires_at", datetime),
    )


@functools.cache
def _symbol_statement(exact: bool) -> TextClause:
    return composed_sql(
        "candles/read_prices",
        candle=object_sql(ShownCandle, "candle", exact=exact),
        start=value_sql("CAST(:start AS timestamptz)", datetime),
        end=value_sql("CAST(:end AS timestamptz)", datetime),
    )
