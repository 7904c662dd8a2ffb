"""What a look at a portfolio found, and how it is stored: whole, or as a failure with its reason."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from sqlalchemy import Connection

from include.database import sql

Source = Literal["ibkr", "exchange", "file"]


class PortfolioError(RuntimeError):
    """A portfolio could not be read whole. Nothing of it is stored: a missing page is no empty portfolio."""


@dataclass(frozen=True)
class Position:
    """One thing that is held.

    Attributes:
        instrument: how its source names it for good; `name` is for people.
        kind: cash has no price of its own.
        rate: what one of `currency` is worth in the portfolio's currency.
        quantity: negative: sold short.
        value: in `currency`.
    """

    instrument: str
    name: str
    kind: Literal["asset", "cash"]
    currency: str
    rate: Decimal
    quantity: Decimal
    price: Decimal
    value: Decimal
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True)
class Snapshot:
    """All that a portfolio held at a time (UTC); `currency`: in which it is valued."""

    portfolio_id: str
    source: Source
    taken_at: datetime
    currency: str
    positions: Sequence[Position]

    def __post_init__(self) -> None:
        """Raise PortfolioError when something is listed twice: pages changed while they were read."""
        counted = Counter(position.instrument for position in self.positions)
        twice = [instrument for instrument, times in counted.items() if times > 1]
        if twice:
            raise PortfolioError(f"{self.portfolio_id} lists {', '.join(twice[:5])} more than once")

    @property
    def value(self) -> Decimal:
        """Of all positions, in the portfolio's currency."""
        return sum((position.value * position.rate for position in self.positions), Decimal(0))


def store_snapshot(connection: Connection, snapshot: Snapshot, took: timedelta | None = None) -> bool:
    """Store a snapshot with all its positions; False: that of this time is there already."""
    stored = connection.execute(
        sql("portfolio/store_sync"),
        {
            "source": snapshot.source,
            "portfolio_id": snapshot.portfolio_id,
            "taken_at": snapshot.taken_at,
            "currency": snapshot.currency,
            "value": snapshot.value,
            "positions": len(snapshot.positions),
            "took": took,
        },
    ).one_or_none()
    if stored is None:
        return False
    rows = json.dumps([asdict(position) for position in snapshot.positions], default=str)
    about = {"portfolio_id": snapshot.portfolio_id, "taken_at": snapshot.taken_at, "source": snapshot.source}
    connection.execute(sql("portfolio/store_positions"), {**about, "positions": rows})
    return True


def store_failure(
    connection: Connection, source: Source, reason: str, portfolio_id: str | None = None
) -> None:
    """Store that a look failed, and why."""
    connection.execute(
        sql("portfolio/store_failed_sync"),
        {"source": source, "portfolio_id": portfolio_id, "reason": reason},
    )


def read_decimal(value: Any, what: str) -> Decimal:
    """A number as it was written. Raises PortfolioError for anything else, NaN and infinity."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise PortfolioError(f"{what} is {value!r}, which is no number")
    return number
