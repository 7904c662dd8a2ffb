"""Silences: what is not sent for a while. Each has an author, a reason, and an end, which comes by itself.

A silence holds back messages, nothing else: alerts go on firing, failures go on being rows, and pages show
them. What still fires when a silence ends is sent then. That something ended is sent wherever its beginning
was sent, silence or not.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from include.alerts.matching import matchers_text, read_matchers
from include.database import sql

LONGEST_SILENCE = timedelta(days=30)
SHORTEST_SILENCE = timedelta(minutes=1)
REASON_LIMIT = 500  # characters


@dataclass(frozen=True)
class Silence:
    """One silence; times are UTC."""

    id: int
    matchers: dict[str, str]
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    ended_by: str | None

    @property
    def matchers_text(self) -> str:
        """What is silenced, in words."""
        return matchers_text(self.matchers)


def begin_silence(
    engine: Engine,
    matchers: object,
    *,
    author: str,
    reason: str,
    lasts: timedelta,
    starts_at: datetime | None = None,
    everything: bool = False,
) -> Silence:
    """Begin a silence, now or later.

    Args:
        engine: the platform's database.
        matchers: labels and what they must be; an object, its JSON, or lines `label=value`.
        author: who answers for it.
        reason: why, for those who wonder why nothing is sent.
        lasts: one minute to thirty days.
        starts_at: tz-aware UTC; None: now.
        everything: it may match every alert.

    Raises:
        ValueError: something is missing or too long, in words.
    """
    wanted = read_matchers(matchers, everything=everything)
    if not author.strip():
        raise ValueError("a silence needs an author")
    if not reason.strip():
        raise ValueError("a silence needs a reason")
    if not SHORTEST_SILENCE <= lasts <= LONGEST_SILENCE:
        raise ValueError(
            f"a silence lasts from one minute to {LONGEST_SILENCE.days} days; "
            "a longer one is a rule to change"
        )
    with engine.begin() as connection:
        return _silence(
            connection.execute(
                sql("alerts/silence_alerts"),
                {
                    "matchers": json.dumps(wanted),
                    "author": author.strip()[:REASON_LIMIT],
                    "reason": reason.strip()[:REASON_LIMIT],
                    "starts_at": starts_at,
                    "lasts": lasts,
                },
            ).one()
        )


def end_silence(engine: Engine, id: int, by: str) -> Silence:
    """End a silence before its time.

    Raises:
        LookupError: there is no such silence, or it has ended.
        ValueError: `by` names nobody.
    """
    if not by.strip():
        raise ValueError("who ends a silence must be named")
    with engine.begin() as connection:
        row = connection.execute(sql("alerts/end_silence"), {"id": id, "by": by.strip()}).one_or_none()
    if row is None:
        raise LookupError(f"there is no silence {id} that has not ended")
    return _silence(row)


def read_silences(
    connection: Connection,
    *,
    ended_within: timedelta = timedelta(0),
    at: datetime | None = None,
    made_before: datetime | None = None,
) -> list[Silence]:
    """Read the silences in force or to come, and those that ended so recently; the next to end first.

    `at` is the moment that counts, None: now; silences that were made later than `made_before` are left out.
    """
    parameters = {"ended_within": ended_within, "at": at, "made_before": made_before}
    return [_silence(row) for row in connection.execute(sql("alerts/list_silences"), parameters)]


def list_silences(engine: Engine, digest_hour: int, *, at: datetime | None = None) -> bool:
    """Write the week's list of silences as a notice, once a week: those there are on Monday at that hour.

    One that is made later in the week is in the next list, and a week without silences has none. A list that
    could not be written on Monday comes later, as of Monday. Answers whether it was written now.

    Args:
        engine: the platform's database.
        digest_hour: the hour of Monday (UTC).
        at: the moment (tz-aware UTC); None: the database's clock. For tests and for looking back.
    """
    with engine.begin() as connection:
        now: datetime = connection.execute(
            text("SELECT coalesce(CAST(:at AS timestamptz), now())"), {"at": at}
        ).scalar_one()
        today = datetime(now.year, now.month, now.day, digest_hour, tzinfo=UTC)
        monday = today - timedelta(days=now.weekday())
        if monday > now:
            return False
        week = f"{monday:%G-W%V}"
        told = connection.execute(
            text("SELECT EXISTS (SELECT FROM alert_notices WHERE notice_key = 'silences ' || :week)"),
            {"week": week},
        ).scalar_one()
        silences = read_silences(connection, ended_within=timedelta(days=7), at=monday, made_before=monday)
        if told or not silences:
            return False
        lines = [_line(one, now) for one in silences]
        connection.execute(
            sql("alerts/note_silences"), {"week": week, "count": len(lines), "lines": "\n".join(lines[:100])}
        )
    return True


def _line(one: Silence, now: datetime) -> str:
    if one.ends_at <= now:
        how = f"ended by {one.ended_by} on" if one.ended_by else "ended"
    else:
        how = "until" if one.starts_at <= now else f"from {one.starts_at:%Y-%m-%d %H:%M} until"
    end = f"{how} {one.ends_at:%Y-%m-%d %H:%M} UTC"
    return f"{one.id}: {one.matchers_text}, {end}, by {one.author}: {one.reason}"


def _silence(row: Any) -> Silence:
    return Silence(
        row.id, dict(row.matchers), row.author, row.reason, row.starts_at, row.ends_at, row.ended_by
    )
