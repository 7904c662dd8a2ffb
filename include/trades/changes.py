"""The audit trail of a trade: who changed it, from what to what; triggers in the database write it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from include.database import sql

MAX_CHANGES = 200  # of a trade that are read at once, the newest


@dataclass(frozen=True)
class TradeChange:
    """What one statement did to a trade; the columns of `trade_changes`, where each has its definition."""

    id: int
    changed_at: datetime
    transaction: str
    table_name: str
    operation: str
    trades: int  # changed alike by the statement, this one included: of the same shelf
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    actor_kind: str
    actor: str
    run_id: str | None
    asked_by: str | None
    role: str
    application: str


def read_changes(
    connection: Connection, trade: UUID, limit: int = MAX_CHANGES, *, before: int | None = None
) -> list[TradeChange]:
    """Read the trail of a trade, the newest change first; also of one that is gone.

    `before`: only changes that came before the one of this id.
    """
    asked = {"trade": trade, "limit": limit, "before": before}
    rows = connection.execute(sql("trades/read_changes"), asked)
    return [TradeChange(**row._mapping) for row in rows]
