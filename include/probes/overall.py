"""One word on the whole platform, found quickly: is it healthy, degraded or down?"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from include.database import DatabaseError, sql, statement_timeout
from include.probes.probe import Status

STATEMENT_LIMIT = timedelta(seconds=1)


def find_overall(
    open_database: Callable[[], AbstractContextManager[Engine]],
    look_at_parts: Callable[[], Mapping[str, Status | None]],
) -> Status:
    """Find it: down without the database, degraded while anything is not healthy or no longer looked at.

    Args:
        open_database: opens the platform's database.
        look_at_parts: asks the stack's own parts; None: not in use.
    """
    try:
        with open_database() as engine, engine.connect() as connection:
            statement_timeout(connection, STATEMENT_LIMIT)
            troubled = connection.execute(sql("probes/read_overall")).scalar_one()
    except (DatabaseError, SQLAlchemyError):
        return "down"
    parts = look_at_parts().values()
    return "degraded" if troubled or any(part not in (None, "healthy") for part in parts) else "healthy"
