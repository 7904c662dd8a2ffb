"""What the page of backups shows: catalogue, retention to come, drills, restores, and the store itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row

from include.backups.catalogue import ListedBackup, list_folders, read_rows
from include.backups.manifest import MANIFEST_NAME
from include.backups.retention import RetentionRules, RetentionVerdict, judge_backups
from include.database import sql
from include.storage import Storage, StorageError

BackupState = Literal["kept", "bad", "gone", "any"]

MOST_DRILLS = 200  # in the picture
MOST_RESTORES = 20


@dataclass(frozen=True)
class StoreLook:
    """What a look into the store found. `trouble`: why it could not be looked at; the rest is empty then."""

    trouble: str = ""
    free: int | None = None  # bytes; None: nobody knows
    folders: frozenset[str] = frozenset()  # with a manifest: whole backups
    strays: int = 0  # without one
    size: int = 0  # bytes of all


@dataclass(frozen=True)
class PlannedRetention:
    """What retention would do now, by backup, and what besides once each kind has one more good backup."""

    now: Mapping[str, RetentionVerdict]
    next: Mapping[str, RetentionVerdict]

    def going(self) -> dict[str, str]:
        """What may go now, with the reason."""
        return {name: verdict.why for name, verdict in self.now.items() if verdict.goes}

    def going_next(self) -> dict[str, str]:
        """What may go after the next backups, and not yet."""
        gone = self.going()
        return {name: verdict.why for name, verdict in self.next.items() if verdict.goes and name not in gone}


def read_page(
    connection: Connection,
    *,
    kind: str | None,
    state: BackupState,
    before: tuple[datetime, str] | None,
    rows: int,
) -> Sequence[Row[Any]]:
    """Read a page of the catalogue, the newest first, behind the place `before`."""
    at, name = before or (None, "")
    values = {"kind": kind, "state": state, "before_at": at, "before_id": name, "rows": rows}
    return connection.execute(sql("backups/show_backups"), values).all()


def read_sums(connection: Connection) -> Sequence[Row[Any]]:
    """Read how many backups there are by kind, their space, how many failed, and the newest good one."""
    return connection.execute(sql("backups/sum_backups")).all()


def read_drills(connection: Connection) -> Sequence[Row[Any]]:
    """Read the newest drills, the oldest of them first."""
    return connection.execute(sql("backups/read_drills"), {"most": MOST_DRILLS}).all()


def read_loss(connection: Connection) -> Sequence[Row[Any]]:
    """Read what a loss would have cost before each backup of the database: hours since the one before."""
    return connection.execute(sql("backups/read_loss"), {"most": MOST_DRILLS}).all()


def read_restores(connection: Connection) -> Sequence[Row[Any]]:
    """Read the newest restores, and whether the former database is still kept."""
    return connection.execute(sql("backups/read_restores"), {"most": MOST_RESTORES}).all()


def plan_retention(
    connection: Connection, location: str, rules: RetentionRules, now: datetime
) -> PlannedRetention:
    """Judge the whole backups of this installation at a location as retention would; nothing is touched."""
    rows = read_rows(connection, location, ["complete"])
    tomorrow = now + timedelta(days=1)
    newest = {row.kind: row for row in reversed(rows)}
    expected = [_next_of(row, tomorrow) for row in newest.values()]
    later = judge_backups([*rows, *expected], rules, tomorrow)
    known = {row.id for row in rows}
    return PlannedRetention(
        judge_backups(rows, rules, now), {name: verdict for name, verdict in later.items() if name in known}
    )


def _next_of(row: ListedBackup, at: datetime) -> ListedBackup:
    """A whole and good backup of the same kind, as the next run should make one."""
    return replace(
        row, id=f"the next {row.kind}", parent=None, started_at=at, verified="decoded", verified_at=at
    )


def look_at_store(storage: Storage) -> StoreLook:
    """List what the store holds. It may take long: never wait for it without a bound."""
    try:
        folders = list_folders(storage)
        free = storage.free_bytes()
    except StorageError as error:
        return StoreLook(trouble=str(error))
    whole = frozenset(name for name, objects in folders.items() if MANIFEST_NAME in objects)
    size = sum(found.size for objects in folders.values() for found in objects.values())
    return StoreLook("", free, whole, len(folders) - len(whole), size)
