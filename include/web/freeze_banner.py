"""The banner of a freeze: every page shows it while one holds."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from fastapi import Request
from sqlalchemy import Engine

from include.freeze import Freeze, find_freeze


def note_freeze(open_database: Callable[[], AbstractContextManager[Engine]]) -> Callable[[Request], None]:
    """Make a dependency of all pages: it reads the freeze that holds, in one statement, for `render`."""

    def note(request: Request) -> None:
        with open_database() as engine, engine.connect() as connection:
            request.state.freeze = find_freeze(connection)

    return note


def noted_freeze(request: Request) -> Freeze | None:
    """The freeze that was noted for this request; None: none holds, or the page has no database."""
    freeze: Freeze | None = getattr(request.state, "freeze", None)
    return freeze
