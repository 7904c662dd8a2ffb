"""The switch of trading, as the transaction that submits reads it. No row means frozen."""

from typing import Literal

from sqlalchemy import Connection, text

from include.database import sql

TradingState = Literal["trading", "exits_only", "frozen"]


def read_trading_state(connection: Connection) -> TradingState:
    """The state of the switch at this moment; `frozen` until somebody has turned it."""
    state: TradingState | None = connection.execute(sql("exchange/read_trading_state")).scalar()
    return state or "frozen"


def hold_trading_state(connection: Connection) -> TradingState:
    """Read the switch, and let nobody turn it before this transaction ends.

    Whoever turns it waits for the submissions under way, one call each; when it is turned, none is left.
    Several may hold it at once.
    """
    connection.execute(text("LOCK TABLE trading_switch IN SHARE MODE"))
    return read_trading_state(connection)


def may_submit(state: TradingState, *, reduce_only: bool) -> bool:
    """Whether an order may be handed over: any while trading, only what reduces positions on exits only.

    Cancels pass in every state and are not asked about here.
    """
    return state == "trading" or (state == "exits_only" and reduce_only)
