"""Rows for the tests of the schema."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

USER = uuid.UUID(int=1)  # the one that the operators' queries ask for
NOW = datetime.now(UTC)

SIGNAL: dict[str, Any] = {
    "user_id": USER,
    "symbol": "BTC",
    "timeframe": "1h",
    "entry_price": 100,
    "stop_loss": 95,
    "take_profit_1": 105,
    "take_profit_2": 110,
    "take_profit_3": 115,
    "expires_at": NOW + timedelta(hours=1),
}


def insert(connection: Connection, table: str, **values: Any) -> uuid.UUID:
    """Insert one row and answer with its id."""
    names, parameters = ", ".join(values), ", ".join(f":{name}" for name in values)
    statement = text(f"INSERT INTO {table} ({names}) VALUES ({parameters}) RETURNING id")
    return connection.execute(statement, values).scalar_one()


def insert_signal(connection: Connection, **values: Any) -> uuid.UUID:
    """Insert a sensible LONG of USER, changed by `values`."""
    return insert(connection, "trade_signals", **SIGNAL | values)


def insert_settled(
    connection: Connection, status: str, net: float | None, *, galaxy: float | None = None, **values: Any
) -> uuid.UUID:
    """Insert a settled trade of 1000 US dollars with its result and, with `galaxy`, its snapshot."""
    id_ = insert_signal(connection, status=status, **{"completed_at": NOW} | values)
    percent = None if net is None else net / 10
    insert(
        connection, "trade_results", trade_signal_id=id_, net_profit_loss=net, profit_loss_percentage=percent
    )
    if galaxy is not None:
        insert(connection, "trade_market_snapshot", trade_signal_id=id_, galaxy_score=galaxy)
    return id_


def insert_candles(
    connection: Connection, symbol: str, resolution: str, start: datetime, step: timedelta, count: int
) -> None:
    """Insert consecutive candles, the first of which opens at `start`, and the partitions that they need."""
    connection.execute(
        text("SELECT ensure_candle_partitions(:first, :last)"), {"first": start, "last": start + count * step}
    )
    connection.execute(
        text(
            "INSERT INTO market_candles "
            "(symbol, resolution, timestamp, open, high, low, close, volume, source) "
            "SELECT :symbol, :resolution, CAST(:start AS timestamptz) + n * CAST(:step AS interval), "
            "100, 101, 99, 100, 1, 'archive' FROM generate_series(0, :count - 1) AS n"
        ),
        {"symbol": symbol, "resolution": resolution, "start": start, "step": step, "count": count},
    )
