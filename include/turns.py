"""Taking turns: of those who do the same work at once, one transaction does it, and the others wait."""

from datetime import timedelta

from sqlalchemy import Connection, text

LIMITS = ("statement_timeout", "lock_timeout")


def await_turn(connection: Connection, work: str, *, at_most: timedelta = timedelta(minutes=20)) -> None:
    """Wait until no other transaction does this work. The turn is over when the transaction ends.

    The server ends the wait after `at_most`. What is committed meanwhile is seen by the statements after it.
    """
    limit = str(round(at_most.total_seconds() * 1000))
    for name in LIMITS:
        connection.execute(text("SELECT set_config(:name, :limit, true)"), {"name": name, "limit": limit})
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:work, 0))"), {"work": work})
    for name in LIMITS:
        connection.execute(text(f"SET LOCAL {name} TO DEFAULT"))  # what the session has
