"""Figures that take long to work out are kept in the database: all workers show the same."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from include.database import sql


@dataclass(frozen=True)
class KeptAnswer:
    """Figures as JSON, when they were worked out, and how old they are."""

    body: str
    made_at: datetime
    age: timedelta


def find_or_make(
    connection: Connection,
    name: str,
    subject: str,
    age: timedelta,
    make: Callable[[], str],
    *,
    version: str = "",
) -> KeptAnswer:
    """Give the figures of a kind (`name`) about a subject, not older than `age`; `make` works them out anew.

    `version` names what the figures were worked out from: others are not taken for them. The connection
    commits by itself.
    """
    values = {"name": name, "subject": subject, "version": version}
    found = connection.execute(sql("kept_answers/find_answer"), {**values, "age": age}).one_or_none()
    if found is not None:
        return KeptAnswer(found.body, found.made_at, found.age)
    return keep(connection, name, subject, version, make())


def keep(connection: Connection, name: str, subject: str, version: str, body: str) -> KeptAnswer:
    """Keep figures, in place of those of the same kind and subject."""
    values = {"name": name, "subject": subject, "version": version, "body": body}
    made_at = connection.execute(sql("kept_answers/keep_answer"), values).scalar_one()
    return KeptAnswer(body, made_at, timedelta(0))
