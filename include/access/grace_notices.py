"""Notices of grace: as it begins, 24 hours and 1 hour before its end, at its end, and of access that is lost.

One notice speaks of all holders whose grace ends at the same time, since a raise concerns all at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from include.access.notices import minute_text, note
from include.database import sql
from include.humanize import count_text

MOST_NAMED = 10
STAGES = ((timedelta(hours=1), "1 h"), (timedelta(hours=24), "24 h"))  # the nearest that is reached


def note_graces(connection: Connection, at: datetime) -> None:
    """Write the notices that are due at a moment, each once, in the caller's transaction."""
    for row in connection.execute(sql("access/read_graces"), {"at": at}):
        deadline, end = row.grace_ends_at, minute_text(row.grace_ends_at)
        if row.began:
            title = f"Grace begins for {_holders(row.began)}, until {end}"
            key = f"grace begins {at.isoformat()} {deadline.isoformat()}"
            note(connection, key, "warning", title, _names(row.who_began))
        stage = next((words for before, words in STAGES if deadline - at <= before), None)
        if deadline <= at:
            if row.ended:
                title = f"Grace ended for {_holders(row.ended)} at {end}"
                reason = f"{row.lost_in_all} lost access; the others bought, or could not be verified"
                note(connection, f"grace ended {deadline.isoformat()}", "warning", title, reason)
        elif stage and row.waiting:
            title = f"Grace ends within {stage} for {_holders(row.waiting)}, at {end}"
            key = f"grace {stage} {deadline.isoformat()}"
            note(connection, key, "warning", title, _names(row.who_waits))
        if row.lost:
            title = f"{_holders(row.lost)} lost access: the grace that ended at {end} is over"
            key = f"access lost {at.isoformat()} {deadline.isoformat()}"
            note(connection, key, "warning", title, _names(row.who_lost))


def _holders(count: int) -> str:
    return count_text(count, "holder")


def _names(users: Sequence[UUID]) -> str:
    """Some of the users, by id; all are rows of access_grants."""
    return ", ".join(map(str, users[:MOST_NAMED])) + (", …" if len(users) > MOST_NAMED else "")
