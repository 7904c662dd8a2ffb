"""Trades and candles in the database, for tests of the sweep's steps."""

import uuid
from datetime import UTC, datetime, timedelta

import pandas as pd
from sqlalchemy import Engine, text

from include.candles.store import write_candles
from include.settings import Settings

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
USER = uuid.UUID("00000000-0000-0000-0000-000000000001")
SETTINGS = Settings(candle_sources=("archive",))

INSERT = text(
    """
    INSERT INTO trade_signals (user_id, symbol, direction, timeframe, entry_price, stop_loss,
      take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at)
    VALUES (:user_id, :symbol, :direction, :timeframe, :entry_price, :stop_loss,
      :take_profit_1, :take_profit_2, :take_profit_3, :generated_at, :expires_at)
    RETURNING id::text
    """
)

LONG = {
    "user_id": USER,
    "symbol": "BTC",
    "direction": "LONG",
    "timeframe": "1h",
    "entry_price": 100,
    "stop_loss": 98,
    "take_profit_1": 101,
    "take_profit_2": 102,
    "take_profit_3": 103,
    "generated_at": START,
    "expires_at": START + timedelta(hours=1),
}


def insert(database: Engine, *trades: dict) -> list[str]:
    """Insert trades, each a change to LONG; answer with their ids."""
    with database.begin() as connection:
        return [connection.execute(INSERT, LONG | trade).scalar_one() for trade in trades]


def rising(symbol: str = "BTC", minutes: int = 60, start: datetime = START) -> pd.DataFrame:
    """Minutes that rise from 100 by 0.1 each: a LONG at 100 has its targets after 10, 20 and 30 minutes."""
    opens = [100 + 0.1 * minute for minute in range(minutes)]
    return pd.DataFrame(
        {
            "symbol": symbol,
            "timestamp": pd.date_range(start, periods=minutes, freq="1min", unit="us"),
            "open": opens,
            "high": [price + 0.1 for price in opens],
            "low": opens,
            "close": [price + 0.1 for price in opens],
            "volume": 1.0,
        }
    )


def store(database: Engine, candles: pd.DataFrame, resolution: str = "1m", source: str = "archive") -> None:
    with database.begin() as connection:
        write_candles(connection, candles, resolution, source)


def rows(database: Engine, statement: str, **parameters: object) -> list:
    with database.connect() as connection:
        return connection.execute(text(statement), parameters).all()


def run(database: Engine, statement: str, **parameters: object) -> None:
    with database.begin() as connection:
        connection.execute(text(statement), parameters)
