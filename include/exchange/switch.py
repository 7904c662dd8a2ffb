"""The trading switch: what may be submitted to the exchange, who turned it, when and why.

`trading` lets everything pass, `exits_only` what makes positions smaller, and cancels, `frozen` cancels
alone. The newest row counts; no row means frozen. Nothing turns it back by itself. Submitting reads it in its
own transaction, under a lock that turning it waits for: docs/exchange.md.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Connection, Engine, text

from include.database import sql, storable

TradingState = Literal["trading", "exits_only", "frozen"]
STATES: tuple[TradingState, ...] = get_args(TradingState)
REASON_LIMIT = 500  # characters
LOCK_TIMEOUT = timedelta(minutes=2)  # for the submissions under way, each a call of the exchange
TITLES: dict[TradingState, str] = {
    "trading": "Trading is on",
    "exits_only": "Exits only: orders may make positions smaller, no more",
    "frozen": "Trading is frozen: only cancels go to the exchange",
}


class SwitchError(ValueError):
    """The switch cannot be turned as asked; the message says why, in words."""


@dataclass(frozen=True)
class SwitchChange:
    """One change of the switch; the time is UTC."""

    id: int
    state: TradingState
    reason: str
    changed_by: str
    changed_at: datetime


def read_trading_state(connection: Connection) -> TradingState:
    """The state of the switch at this moment; `frozen` until somebody has turned it."""
    state: TradingState | None = connection.execute(sql("exchange/read_trading_state")).scalar()
    return state or "frozen"


def hold_trading_state(connection: Connection, *, longest: timedelta) -> TradingState:
    """Read the switch, and let nobody turn it before this transaction ends.

    Whoever turns it waits for the submissions under way, one call each; when it is turned, none is left.
    Several may hold it at once. The server ends the transaction of one that does nothing for `longest`, which
    must be less than `LOCK_TIMEOUT`: a process that sleeps does not keep people from freezing.
    """
    _set_limit(connection, "idle_in_transaction_session_timeout", longest)
    connection.execute(text("LOCK TABLE trading_switch IN SHARE MODE"))
    return read_trading_state(connection)


def may_submit(state: TradingState, *, reduce_only: bool) -> bool:
    """Whether an order may be handed over: any while trading, only what reduces positions on exits only.

    Cancels pass in every state and are not asked about here.
    """
    return state == "trading" or (state == "exits_only" and reduce_only)


def turn_switch(engine: Engine, state: str, *, reason: str, changed_by: str) -> SwitchChange:
    """Turn the switch, also to the state that it has, and notify people of it.

    It waits for the submissions under way (`hold_trading_state`), two minutes at most: when it returns, none
    is made under the state before.

    Raises:
        SwitchError: no such state, or a reason or a name is missing, in words.
    """
    with engine.begin() as connection:
        return write_change(connection, state, reason=reason, changed_by=changed_by, severity="info")


def write_change(
    connection: Connection, state: str, *, reason: str, changed_by: str, severity: Literal["critical", "info"]
) -> SwitchChange:
    """Turn the switch in a transaction of the caller's, as `turn_switch` does, with a notice as severe."""
    if state not in STATES:
        raise SwitchError(f"the state is {state!r}; there are {', '.join(STATES)}")
    _set_limit(connection, "lock_timeout", LOCK_TIMEOUT)
    row = connection.execute(
        sql("exchange/turn_switch"),
        {"state": state, "reason": _written(reason, "a reason"), "by": _written(changed_by, "an author")},
    ).one()
    change = SwitchChange(*row)
    body = {"reason": f"{change.changed_by}: {change.reason}", "since": change.changed_at.isoformat()}
    connection.execute(
        sql("alerts/note_at_once"),
        {
            "key": f"trading switch {change.id}",
            "subject": "trading switch",
            "owner": "trading",
            "severity": severity,
            "title": TITLES[change.state],
            "body": json.dumps(body),
        },
    )
    return change


def read_changes(
    connection: Connection, *, before: int | None = None, limit: int = 50
) -> Sequence[SwitchChange]:
    """Read the newest changes, or those before the one with this number; the newest first."""
    rows = connection.execute(sql("exchange/list_switch_changes"), {"before": before, "limit": limit})
    return [SwitchChange(*row) for row in rows]


def _set_limit(connection: Connection, name: str, limit: timedelta) -> None:
    """Set one of the server's time limits until this transaction ends."""
    values = {"name": name, "limit": str(round(limit.total_seconds() * 1000))}
    connection.execute(text("SELECT set_config(:name, :limit, true)"), values)


def _written(value: str, what: str) -> str:
    written = storable(value).strip()[:REASON_LIMIT]
    if not written:
        raise SwitchError(f"the switch needs {what}")
    return written
