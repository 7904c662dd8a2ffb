"""The banner of a freeze: every page shows it while one holds, or says that nobody knows."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from fastapi import Request
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError

from include.database import DatabaseError
from include.freeze import Freeze, find_freeze


def note_freeze(open_database: Callable[[], AbstractContextManager[Engine]]) -> Callable[[Request], None]:
    """Make a dependency of all pages: it reads the freeze that holds, in one statement, for `render`.

    Runbooks, and the form that restores the database, are wanted most while the database is away.
    """

    def note(request: Request) -> None:
        try:
            with open_database() as engine, engine.connect() as connection:
                request.state.freeze = find_freeze(connection)
        except (DatabaseError, TimeoutError) as error:  # the latter: every connection that is kept is in use
            request.state.freeze_unknown = str(error)

    return note


def noted_freeze(request: Request) -> Freeze | None:
    """The freeze that was noted for this request; None: none holds, or the page has no database."""
    freeze: Freeze | None = getattr(request.state, "freeze", None)
    return freeze


def noted_trouble(request: Request) -> str | None:
    """Why nobody knows whether a freeze holds; None: it is known, or was not asked."""
    trouble: str | None = getattr(request.state, "freeze_unknown", None)
    return trouble
