"""Which trades a list, an export or a page means: conditions, each of which is a piece of SQL."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, text

Status = Literal[
    "active", "completed_success", "completed_failure", "expired", "incomplete_data", "cancelled"
]
Direction = Literal["LONG", "SHORT"]

# When a trade ended, as trade_day and the statistics have it; so written, it is what the index of ends holds.
END = "coalesce(signal.completed_at, signal.expires_at)"
ENDED = "signal.status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')"
# NaN is above every number in PostgreSQL. An index holds the others.
FINITE = "result.net_profit_loss > '-Infinity' AND result.net_profit_loss < 'Infinity'"

# On trade_signals AS signal; those on `result` also on its row of trade_results.
_CONDITIONS = {
    "user": "signal.user_id = CAST(:user AS uuid)",
    "symbol": "signal.symbol = :symbol",
    "status": "signal.status = :status",
    "timeframe": "signal.timeframe = :timeframe",
    "start": "signal.generated_at >= CAST(:start AS timestamptz)",
    "end": "signal.generated_at < CAST(:end AS timestamptz)",
    "direction": "signal.direction = :direction",
    "model": "signal.ai_model = :model",
    "reason": "strpos(lower(signal.status_reason), lower(:reason)) > 0",
    "ended_start": f"{ENDED} AND {END} >= CAST(:ended_start AS timestamptz)",
    "ended_end": f"{ENDED} AND {END} < CAST(:ended_end AS timestamptz)",
    "waiting": "signal.status = 'active' AND signal.expires_at <= now()",
    "errors": "EXISTS (SELECT FROM atge_error_logs AS error WHERE error.trade_signal_id = signal.id)",
    "gain": f"{FINITE} AND result.net_profit_loss > 0",
    "loss": f"{FINITE} AND result.net_profit_loss < 0",
    "least": f"{FINITE} AND result.net_profit_loss >= CAST(:least AS numeric)",
    "most": f"{FINITE} AND result.net_profit_loss <= CAST(:most AS numeric)",
}


@dataclass(frozen=True)
class TradeSelection:
    """Trades that meet all conditions that are given; None: any.

    `start` is the first moment of `generated_at` (UTC) that is meant, `end` the first that is not any more.
    """

    user: UUID | None = None
    symbol: str | None = None
    status: str | None = None
    timeframe: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        """The conditions that are given, by their names in a statement."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None and value is not False}

    def fingerprint(self) -> str:
        """A short text that two selections share only if they are the same."""
        said = json.dumps({name: str(value) for name, value in self.parameters().items()})
        return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TradeSearch(TradeSelection):
    """What a person may ask for besides.

    Attributes:
        reason: a part of `status_reason`, in capitals or not.
        ended_start, ended_end: of the end of a settled trade (UTC): the first moment, the first behind it.
        waiting: whether only trades are meant that are due and not settled.
        errors: whether only trades are meant that are named in the error log.
        gain, loss: whether only trades are meant that made, or lost, money.
        least, most: of the net result, in US dollars.
    """

    direction: Direction | None = None
    model: str | None = None
    reason: str | None = None
    ended_start: datetime | None = None
    ended_end: datetime | None = None
    waiting: bool = False
    errors: bool = False
    gain: bool = False
    loss: bool = False
    least: Decimal | None = None
    most: Decimal | None = None


def matching_sql(names: frozenset[str]) -> str:
    """Write the conditions of these names on `trade_signals AS signal` and `trade_results AS result`."""
    return " AND ".join(f"({_CONDITIONS[name]})" for name in sorted(names)) or "true"


def count_sql(given: frozenset[str]) -> str:
    """Write the query that counts the trades that match: from the kept counts where these know it."""
    if given <= {"user"}:
        whose = "WHERE user_id = CAST(:user AS uuid)" if given else ""
        return f"SELECT coalesce(sum(trades), 0)::bigint FROM trade_counts {whose}"  # noqa: S608 - no value in it
    return f"SELECT count(*) FROM trade_signals AS signal WHERE {matching_sql(given)}"  # noqa: S608 - as above


def count_trades(connection: Connection, selection: TradeSelection) -> int:
    """Count the trades that match."""
    counted = text(count_sql(frozenset(selection.parameters())))
    return int(connection.execute(counted, selection.parameters()).scalar_one())
