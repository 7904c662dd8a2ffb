"""Freezes in the database: what holds now, the switch, and its history.

The database's clock decides. A freeze whose end has passed is over, whoever forgot it; one that a clock ahead
has put into the future holds nothing up, and is ended with a notice (sql/functions/set_back_future_rows.sql).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, text

from include.database import sql, storable

FreezeGroup = Literal["work", "backups", "alerts", "probes"]
GROUPS: tuple[FreezeGroup, ...] = get_args(FreezeGroup)

SHORTEST_FREEZE = timedelta(minutes=1)
LONGEST_FREEZE = timedelta(days=30)
REASON_LIMIT = 500  # characters


class FreezeError(ValueError):
    """The switch cannot be turned as asked; the message says why, in words."""


@dataclass(frozen=True)
class Freeze:
    """One freeze; times are UTC. `over_at` is when it ended or will."""

    id: int
    groups: tuple[FreezeGroup, ...]
    author: str
    reason: str
    begins_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    ended_by: str | None

    @property
    def over_at(self) -> datetime:
        """When it ended, or will end by itself."""
        return self.ended_at or self.ends_at

    @property
    def words(self) -> str:
        """What is said where it holds something up: `frozen by ann until 2026-11-27 18:00 UTC: a move`."""
        return f"frozen by {self.author} until {self.ends_at:%Y-%m-%d %H:%M} UTC: {self.reason}"


class FrozenError(RuntimeError):
    """Nothing new begins, since a freeze holds; the message names author, end and reason."""

    def __init__(self, freeze: Freeze) -> None:
        super().__init__(freeze.words)
        self.freeze = freeze


def find_freeze(connection: Connection, group: FreezeGroup = "work") -> Freeze | None:
    """Read the freeze that holds a group at this moment; None: none does. `work` is held by every freeze.

    One statement on a table of few rows.
    """
    row = connection.execute(sql("freeze/find_freeze"), {"group": group}).one_or_none()
    return None if row is None else _freeze(row)


def raise_if_frozen(connection: Connection) -> None:
    """Ask in the transaction that is about to claim work. Raises FrozenError while a freeze holds."""
    freeze = find_freeze(connection)
    if freeze is not None:
        raise FrozenError(freeze)


def begin_freeze(
    engine: Engine, *, author: str, reason: str, lasts: timedelta, groups: Sequence[str] = ("work",)
) -> Freeze:
    """Begin a freeze now. One that holds is ended by it, at the same moment: nothing begins in between.

    Args:
        engine: the platform's database.
        author: who answers for it.
        reason: why, for those who wonder why nothing runs.
        lasts: one minute to thirty days; it ends by itself.
        groups: what begins nothing new; `work` is always among it.

    Raises:
        FreezeError: something is missing or too long, in words.
    """
    author, reason = _written(author, "an author"), _written(reason, "a reason")
    if not SHORTEST_FREEZE <= lasts <= LONGEST_FREEZE:
        raise FreezeError(f"a freeze lasts from one minute to {LONGEST_FREEZE.days} days")
    if unknown := set(groups) - set(GROUPS):
        raise FreezeError(f"unknown groups: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    chosen = [group for group in GROUPS if group in groups or group == "work"]
    with engine.begin() as connection:
        _lock(connection)
        connection.execute(sql("freeze/end_freeze"), {"by": f"{author} (by the next freeze)"})
        begun = _freeze(
            connection.execute(
                sql("freeze/begin_freeze"),
                {"groups": chosen, "author": author, "reason": reason, "lasts": lasts},
            ).one()
        )
        _note(connection, begun, "began", f"Frozen by {author}: nothing new begins")
    return begun


def end_freeze(engine: Engine, by: str) -> Freeze:
    """Give back what is frozen, now. Raises FreezeError when nothing is frozen, or `by` names nobody."""
    by = _written(by, "somebody who ends it")
    with engine.begin() as connection:
        _lock(connection)
        row = connection.execute(sql("freeze/end_freeze"), {"by": by}).one_or_none()
        if row is None:
            raise FreezeError("nothing is frozen")
        ended = _freeze(row)
        _note(connection, ended, "ended", f"The freeze was ended by {by}: work begins again")
    return ended


def note_ended_freezes(engine: Engine) -> int:
    """Write a notice for each freeze that ran out of late and has none; give their number."""
    with engine.begin() as connection:
        rows = connection.execute(sql("freeze/list_run_out")).all()
        for freeze in map(_freeze, rows):
            _note(connection, freeze, "ran out", "The freeze ran out: work begins again")
    return len(rows)


def read_freezes(connection: Connection, *, before: int | None = None, limit: int = 50) -> list[Freeze]:
    """Read the newest freezes, or those made before the one with this number; the newest first."""
    rows = connection.execute(sql("freeze/list_freezes"), {"before": before, "limit": limit})
    return [_freeze(row) for row in rows]


def find_frozen_days(connection: Connection, due: datetime, at_most: int) -> list[date]:
    """The days before that of a daily run whose own runs a freeze kept from beginning, the newest first.

    Args:
        connection: to the platform's database.
        due: when this run was due (tz-aware UTC); the run of a day is due at the same time of the day after.
        at_most: days that are looked back; they end with the first day whose run was not held up.
    """
    asked = {"due": due, "at_most": at_most}
    return list(connection.execute(sql("freeze/find_frozen_days"), asked).scalars())


def _lock(connection: Connection) -> None:
    """Let one turn the switch at a time, and end first what a clock ahead has left."""
    connection.execute(text("LOCK TABLE freezes IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(
        sql("maintenance/set_back_future_rows"), {"tables": ["freezes"], "lease": timedelta(0)}
    )


def _written(value: str, what: str) -> str:
    written = storable(value).strip()[:REASON_LIMIT]
    if not written:
        raise FreezeError(f"a freeze needs {what}")
    return written


def _note(connection: Connection, freeze: Freeze, what: str, title: str) -> None:
    body = {
        "reason": freeze.reason,
        "since": freeze.begins_at.isoformat(),
        "until": None if what != "began" else freeze.ends_at.isoformat(),
        "ended": None if what == "began" else f"{freeze.over_at:%Y-%m-%d %H:%M:%S} UTC",
        "frozen": ", ".join(freeze.groups),
    }
    connection.execute(
        sql("alerts/note_at_once"),
        {
            "key": f"freeze {freeze.id} {what}",
            "subject": "freeze",
            "severity": "info",
            "owner": "platform",
            "title": title,
            "body": json.dumps({name: value for name, value in body.items() if value}),
        },
    )


def _freeze(row: Any) -> Freeze:
    return Freeze(
        row.id,
        tuple(row.groups),
        row.author,
        row.reason,
        row.begins_at,
        row.ends_at,
        row.ended_at,
        row.ended_by,
    )
