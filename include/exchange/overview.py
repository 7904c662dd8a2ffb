"""What the page on the exchange shows: what is open, what differs, what is held, what was traded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import Connection, Row

from include.database import sql
from include.exchange.order_states import FINAL_STATUSES, OrderStatus

UNFINISHED = tuple(status for status in get_args(OrderStatus) if status not in FINAL_STATUSES)
PARTS = ("price", "fees", "delay", "missed")
LIVE_DAYS = 30
MOST_LIVE_TRADES = 1_000  # that are added up

Rows = Sequence[Row[Any]]


@dataclass(frozen=True)
class ExchangeState:
    """Rows of the tables of the exchange, bounded; what each holds stands in its statement."""

    sums: Row[Any]
    differences: Rows
    balances: Rows
    positions: Rows
    reconciliations: Rows
    drills: Rows


def read_state(connection: Connection, *, rows: int = 50) -> ExchangeState:
    """Read what is so now, at most so many rows of each list."""
    lists = (
        "list_differences", "list_balances", "list_open_positions", "list_reconciliations", "list_drills",
    )  # fmt: skip
    read = [connection.execute(sql(f"exchange/{name}"), {"rows": rows}).all() for name in lists]
    return ExchangeState(connection.execute(sql("exchange/sum_up")).one(), *read)


def read_open_orders(
    connection: Connection,
    *,
    status: str | None = None,
    symbol: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    rows: int = 50,
) -> Rows:
    """Read orders that are not closed, the newest first; `before`: time and id of the last one seen."""
    at, order_id = before or (None, None)
    asked = {"status": status, "symbol": symbol, "before_at": at, "before_id": order_id, "rows": rows}
    return connection.execute(sql("exchange/list_open_orders"), asked).all()


@dataclass(frozen=True)
class LiveTrades:
    """Trades beside their back-tests, and the sums of those that can be compared, in US dollars."""

    trades: Rows
    compared: int
    sums: dict[str, Decimal]


def read_live_trades(connection: Connection) -> LiveTrades:
    """Read the trades of the last 30 days for which orders were written, the newest 1,000 at most."""
    asked = {"days": timedelta(days=LIVE_DAYS), "trades": MOST_LIVE_TRADES}
    trades = connection.execute(sql("exchange/list_live_trades"), asked).all()
    compared = [trade for trade in trades if trade.reason is None]
    names = ("net_live", "net_backtest", "difference", *PARTS)
    sums = {name: sum((getattr(trade, name) for trade in compared), Decimal(0)) for name in names}
    return LiveTrades(trades, len(compared), sums)
