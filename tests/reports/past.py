"""A platform's past for the tests of reports: trades, errors, measurements, looks, calls."""

from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from include.trades.rollup import roll_up_days

STATEMENTS = (Path(__file__).parent / "past.sql").read_text().split(";\n")


def fill_past(
    engine: Engine,
    first: date,
    days: int,
    *,
    a_day: int = 6,
    symbols: tuple[str, ...] = ("BTC", "ETH", "SOL"),
) -> None:
    """Fill days with `a_day` settled trades each and all else that a report reads; roll them up."""
    values = {"first": first, "days": days, "a_day": a_day, "symbols": list(symbols)}
    with engine.begin() as connection:
        for statement in STATEMENTS:
            if statement.strip():
                connection.execute(text(statement), values)
        connection.execute(text("DELETE FROM daily_stats_due"))
    roll_up_days(engine, [first + timedelta(days=day) for day in range(days)])
