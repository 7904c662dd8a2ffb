"""The sessions in a database that is to be renamed: which there are, and ending them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from include.backups.manifest import BackupError
from include.database import sql

MAX_TRIES = 20  # while a session that was asked to end has not ended yet
PAUSE_BETWEEN_TRIES = 0.5  # seconds between them
RIGHTS_ADVICE = (
    "Close them, or grant pg_signal_backend to that login; only a superuser ends a superuser's session."
)


@dataclass(frozen=True)
class Session:
    """A session in a database, and whether this login may end it."""

    pid: int
    role: str
    application: str
    endable: bool

    def __str__(self) -> str:
        return f"{self.role} (pid {self.pid}{f', {self.application}' if self.application else ''})"


def list_sessions(connection: Connection, databases: Sequence[str]) -> list[Session]:
    """The sessions in these databases, our own left out."""
    rows = connection.execute(sql("backups/list_sessions"), {"names": list(databases)})
    return [Session(row.pid, row.role, row.application or "", row.endable) for row in rows]


def is_superuser(connection: Connection) -> bool:
    """Whether this login may do anything."""
    found: bool = connection.execute(
        text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    ).scalar_one()
    return found


def ends_others(connection: Connection) -> bool:
    """Whether this login may end the sessions of roles that it is no member of."""
    found: bool = connection.execute(
        text("SELECT pg_has_role(current_user, 'pg_signal_backend', 'USAGE')")
    ).scalar_one()
    return found


def end_sessions(connection: Connection, databases: Sequence[str]) -> None:
    """End every session in some databases, one by one; nobody else may enter them any more.

    Raises:
        BackupError: some may not be ended by this login, or would not end; it names them.
    """
    there: list[Session] = []
    for _ in range(MAX_TRIES):
        there = list_sessions(connection, databases)
        if not there:
            return
        # Those that are known to be out of reach first: no other is then ended for nothing.
        foreign = [one for one in there if not one.endable] or [
            one for one in there if not _end(connection, one)
        ]
        if foreign:
            raise BackupError(
                f"{databases[0]} keeps its name, for the login of postgres_admin may not end the sessions of "
                f"{_named(foreign)}. {RIGHTS_ADVICE}"
            )
        time.sleep(PAUSE_BETWEEN_TRIES)
    raise BackupError(
        f"{databases[0]} keeps its name, for sessions in it would not end: {_named(there)}. Try again."
    )


def _end(connection: Connection, session: Session) -> bool:
    try:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": session.pid})
    except DBAPIError:  # a managed server may protect more sessions than PostgreSQL itself
        return False
    return True


def _named(sessions: Sequence[Session]) -> str:
    return ", ".join(map(str, sessions))
