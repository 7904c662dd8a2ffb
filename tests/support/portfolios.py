"""Rows of portfolios: daily values and snapshots."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Engine, text

from include.portfolio.snapshot import Position, Snapshot, store_snapshot

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def give_values(
    engine: Engine,
    portfolio: str,
    returns: Sequence[float],
    last: date,
    *,
    value: float = 1000.0,
    basis: str = "positions",
) -> None:
    """Write a portfolio's daily values, from returns, oldest first; the last is of the day `last`."""
    rows = [
        {"p": portfolio, "d": last - timedelta(days=back), "v": value, "r": float(one), "b": basis}
        for back, one in zip(range(len(returns) - 1, -1, -1), returns, strict=True)
    ]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO portfolio_values"
                " (portfolio_id, day, currency, value, profit, daily_return, basis)"
                " VALUES (:p, :d, 'USD', :v, :v * :r, :r, :b)"
            ),
            rows,
        )


def give_snapshot(
    engine: Engine,
    day: date,
    price: float,
    *,
    hour: int = 20,
    quantity: int = 10,
    cash: int = 100,
    portfolio: str = "file:a",
) -> None:
    """Store a snapshot of an instrument X and of cash; quantity 0: of cash alone."""
    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    one, cost, money = Decimal(1), Decimal(str(price)), Decimal(cash)
    held = [
        Position("X", "Ex", "asset", "USD", one, Decimal(quantity), cost, cost * quantity),
        Position("USD", "USD", "cash", "USD", one, money, one, money),
    ]
    with engine.begin() as connection:
        store_snapshot(connection, Snapshot(portfolio, "file", at, "USD", held if quantity else held[1:]))
