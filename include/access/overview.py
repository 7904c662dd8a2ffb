"""What the page on token access shows, and what the API says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from include.database import sql

Rows = Sequence[Row[Any]]
MOST_HOURS = 91 * 24  # decisions and counts that are drawn
HAS_ACCESS = {"full": True, "grace": True, "none": False, "unknown": None}


@dataclass(frozen=True)
class AccessOverview:
    """Rows of the tables of token access, bounded; what each holds stands in its statement."""

    requirement: Row[Any]
    requirements: Rows
    counts: Rows
    in_grace: Rows
    changes: Rows
    checks: Rows


def read_requirement_now(connection: Connection) -> Row[Any]:
    """Read what is required now, and the newest believed price; what is not known is None."""
    return connection.execute(sql("access/read_requirement")).one()


def read_wallet(connection: Connection, wallet: str, *, only_user: UUID | None) -> Row[Any] | None:
    """Read a wallet and its user's state; None: there is none such, or it is of another than `only_user`."""
    asked = {"wallet": wallet, "only_user": only_user}
    return connection.execute(sql("access/read_wallet"), asked).one_or_none()


def read_overview(connection: Connection, since: datetime, *, rows: int = 50) -> AccessOverview:
    """Read what is so now and what happened since a moment, at most so many rows of each list."""
    drawn = {"since": since, "rows": MOST_HOURS}
    histories = [
        connection.execute(sql(f"access/list_{name}"), drawn).all() for name in ("requirements", "counts")
    ]
    lists = ("in_grace", "changes", "checks")
    read = [connection.execute(sql(f"access/list_{name}"), {"rows": rows}).all() for name in lists]
    return AccessOverview(read_requirement_now(connection), *histories, *read)
