"""Checklists for day, week and month: what ran is ticked by its rows, the rest says who ticks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from include.database import sql

DAY, WEEK, MONTH = timedelta(hours=26), timedelta(days=8), timedelta(days=32)  # with a margin for the run


@dataclass(frozen=True)
class CheckLine:
    """One line of a checklist.

    Attributes:
        words: what has to be so.
        page: where it is seen, below the desk.
        key: the row of operating/read_checks that ticks it; None: no data can.
        by: who ticks it where no data can.
    """

    words: str
    page: str
    key: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class TickedLine:
    """A line with its tick; `last` is when it was so last (UTC), None: never, or no data can say it."""

    line: CheckLine
    last: datetime | None
    ticked: bool


@dataclass(frozen=True)
class Checklist:
    """A checklist at one moment."""

    title: str
    lines: tuple[TickedLine, ...]

    @property
    def open(self) -> int:
        """How many lines data should tick and does not."""
        return sum(one.line.key is not None and not one.ticked for one in self.lines)


LISTS: dict[str, tuple[timedelta, Sequence[CheckLine]]] = {
    "Daily": (
        DAY,
        (
            CheckLine(
                "The databases are backed up, and the backup is verified", "/backups", "backup_database"
            ),
            CheckLine("The rules of alerts are evaluated; look at what is open", "/alerts", "alerts"),
            CheckLine("The services are probed; look at what is down", "/probes", "probes"),
            CheckLine(
                "Yesterday's statistics and KPIs are there; look at the targets missed", "/kpis", "kpis"
            ),
            CheckLine("Yesterday's data is audited; look at the findings", "/data-docs", "quality"),
        ),
    ),
    "Weekly": (
        WEEK,
        (
            CheckLine("The newest backup was restored in a drill, and was right", "/backups", "drill"),
            CheckLine("Everything is backed up (full), and verified", "/backups", "backup_full"),
            CheckLine("The configuration is backed up, and verified", "/backups", "backup_configuration"),
            CheckLine("The database was looked after; do what its report says", "/maintenance", "upkeep"),
            CheckLine("Silences that are open are still wanted", "/alerts", by="whoever is on call"),
        ),
    ),
    "Monthly": (
        MONTH,
        (
            CheckLine("Rows over their time are archived and deleted", "/maintenance", "retention"),
            CheckLine("The month's report on indexes and growth is there; read it", "/maintenance", "review"),
            CheckLine("Keys that nobody needs are revoked", "/api-keys", by="whoever answers for keys"),
            CheckLine("Every channel takes a test message", "/start/test_channels", by="whoever is on call"),
            CheckLine("People on call and contacts are right", "/operating", by="whoever runs tradeops"),
        ),
    ),
}


def read_checklists(connection: Connection) -> list[Checklist]:
    """Read when each thing was so last, and tick what was so within its day, week or month."""
    now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    last = {row.key: row.last for row in connection.execute(sql("operating/read_checks"))}

    def tick(line: CheckLine, within: timedelta) -> TickedLine:
        at = last[line.key] if line.key else None
        return TickedLine(line, at, at is not None and now - within <= at <= now + timedelta(minutes=1))

    return [
        Checklist(title, tuple(tick(line, within) for line in lines))
        for title, (within, lines) in LISTS.items()
    ]
