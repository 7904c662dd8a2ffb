"""Which backups may go, and their removal: by age and count, with daily, weekly and monthly generations.

`choose` decides without touching anything. A backup that it does not know to be good never takes the place of
one that is; the newest verified good backup of a kind stays whatever the numbers say, and so does everything
that a kept incremental backup needs.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from include.backups.catalogue import (
    ABANDONED_AFTER,
    CLOCK_TOLERANCE,
    PROCESS_DIED,
    ListedBackup,
    close_dead,
    deciding,
    is_abandoned,
    list_folders,
    mark,
    read_rows,
    this_installation,
)
from include.backups.manifest import MANIFEST_NAME, VERDICT_NAME, BackupError
from include.backups.read import open_backup
from include.settings import Settings
from include.storage import Storage, StorageError

GOOD_DEPTHS = ("decoded", "hashed")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetentionRules:
    """How many stay. `last` counts backups, the others days, ISO weeks and months (UTC) that have one."""

    last: int
    daily: int
    weekly: int
    monthly: int
    max_age: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "RetentionRules":
        """The numbers of the settings."""
        return cls(
            settings.backup_keep_last,
            settings.backup_keep_daily,
            settings.backup_keep_weekly,
            settings.backup_keep_monthly,
            settings.backup_max_age,
        )


@dataclass
class AppliedRetention:
    """What a run of the retention did: ids to reasons. `strays` are folders that nobody knows."""

    deleted: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    strays: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def summary(self, *, dry_run: bool = False) -> list[str]:
        """A line for each backup concerned."""
        verb = "would delete" if dry_run else "deleted"
        lines = [f"{verb} {name}: {reason}" for name, reason in self.deleted.items()]
        lines += [f"could not delete {name}: {reason}" for name, reason in self.failed.items()]
        lines += [f"unknown, not touched: {name} ({size} bytes)" for name, size in self.strays.items()]
        return [*lines, *self.notes] or ["nothing may go"]


@dataclass(frozen=True)
class RetentionVerdict:
    """Whether a backup may go, and why it may, or why it may not."""

    goes: bool
    why: str


def choose_deletions(backups: Sequence[ListedBackup], rules: RetentionRules, now: datetime) -> dict[str, str]:
    """The ids of the backups that may go, with the reason. Pure; the order of `backups` does not matter."""
    verdicts = judge_backups(backups, rules, now)
    return {name: verdict.why for name, verdict in verdicts.items() if verdict.goes}


def judge_backups(
    backups: Sequence[ListedBackup], rules: RetentionRules, now: datetime
) -> dict[str, RetentionVerdict]:
    """Say of each backup, by its id, whether it may go, and why. Pure, as `choose_deletions`."""
    kept: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for kind in sorted({backup.kind for backup in backups}):
        newest_first = sorted(
            (backup for backup in backups if backup.kind == kind),
            # one from a clock that was ahead is not the newest: it must not take the place of one that is
            key=lambda backup: (backup.started_at <= now + CLOCK_TOLERANCE, backup.started_at, backup.id),
            reverse=True,
        )
        good = [backup for backup in newest_first if backup.verified in GOOD_DEPTHS]
        if not good:
            kept |= {backup.id: "none of its kind is known to be good" for backup in newest_first}
            continue
        usable = [backup for backup in newest_first if backup.verified != "bad"]
        generations = _generations(good, rules) | _generations(usable, rules)
        for backup in newest_first:
            if backup.verified == "bad":
                if good[0].started_at > backup.started_at:
                    reasons[backup.id] = "bad, and a newer one is good"
                else:
                    kept[backup.id] = "bad, but no newer one is good"
            elif now - backup.started_at > rules.max_age:
                reasons[backup.id] = f"older than {rules.max_age.days} days"
            elif backup.id in generations:
                kept[backup.id] = generations[backup.id]
            else:
                reasons[backup.id] = "newer ones hold every generation"
        kept |= _untouchable(good)
    kept |= {name: why for name, why in _ancestors(backups, kept).items() if name not in kept}
    gone = {name: RetentionVerdict(True, why) for name, why in reasons.items() if name not in kept}
    return gone | {name: RetentionVerdict(False, why) for name, why in kept.items()}


def _generations(newest_first: Sequence[ListedBackup], rules: RetentionRules) -> dict[str, str]:
    """Those that hold a generation, and which."""
    last = f"one of the {rules.last} newest" if rules.last > 1 else "the newest"
    kept = {backup.id: last for backup in newest_first[: rules.last]}
    periods: list[tuple[int, Callable[[datetime], tuple[int, ...]], str]] = [
        (rules.daily, lambda at: (at.year, at.month, at.day), "the newest of the day {:%Y-%m-%d}"),
        (rules.weekly, lambda at: at.isocalendar()[:2], "the newest of the week {:%G-W%V}"),
        (rules.monthly, lambda at: (at.year, at.month), "the newest of the month {:%Y-%m}"),
    ]
    for count, period_of, words in periods:
        newest: dict[tuple[int, ...], ListedBackup] = {}
        for backup in newest_first:
            newest.setdefault(period_of(backup.started_at.astimezone(UTC)), backup)
        for backup in list(newest.values())[:count]:
            kept.setdefault(backup.id, words.format(backup.started_at.astimezone(UTC)))
    return kept


def _untouchable(good: Sequence[ListedBackup]) -> dict[str, str]:
    """The newest good one, and the newest that was decoded, if that is another."""
    decoded = [backup for backup in good if backup.verified == "decoded"]
    return {
        **{backup.id: "the newest of its kind that was decoded to its end" for backup in decoded[:1]},
        **{backup.id: "the newest good one of its kind" for backup in good[:1]},
    }


def _ancestors(backups: Iterable[ListedBackup], kept: Iterable[str]) -> dict[str, str]:
    parents = {backup.id: backup.parent for backup in backups}
    found: dict[str, str] = {}
    for name in kept:
        child, parent = name, parents.get(name)
        while parent is not None and parent not in found:
            found[parent] = f"{child} builds on it"
            child, parent = parent, parents.get(parent)
    return found


def apply_retention(
    engine: Engine,
    storage: Storage,
    rules: RetentionRules,
    *,
    dry_run: bool = False,
    now: datetime | None = None,
) -> AppliedRetention:
    """Delete what may go, finish deletions that were cut short, clear away what failed backups left.

    One that cannot be deleted does not keep the others; it is in `failed`, and the next run tries again.

    Raises:
        StorageError: the storage cannot even be listed.
    """
    applied = AppliedRetention()
    folders = list_folders(storage)
    if not dry_run:
        applied.notes += close_dead(engine, storage)
    with deciding(engine) as connection:
        rows = read_rows(connection, storage.location, ["complete"])
        reasons = choose_deletions(rows, rules, now or datetime.now(UTC))
        if dry_run:
            return AppliedRetention(deleted=reasons)
        for name, reason in reasons.items():
            mark(connection, [name], "deleting", reason, ["complete"])
        everything = read_rows(
            connection, storage.location, ["running", "failed", "deleting", "complete", "lost"]
        )
    for row in everything:
        # A failed one with a manifest is one whose manifest is damaged: its parts may still be good.
        left_over = (
            row.status == "failed"
            and row.id in folders
            and MANIFEST_NAME not in folders[row.id]
            and (row.reason != PROCESS_DIED or is_abandoned(row))  # its process may only have lost the server
        )
        if row.status == "deleting" or left_over:
            try:
                _remove(engine, storage, row)
                applied.deleted[row.id] = row.reason or row.status
            except StorageError as error:
                logger.warning("%s could not be deleted: %s", row.id, error)
                applied.failed[row.id] = str(error)
    try:
        storage.abort_unfinished(ABANDONED_AFTER)
    except StorageError as error:  # not every S3 can list them; what they hold is invisible either way
        applied.notes.append(f"unfinished uploads could not be cleared away: {error}")
        logger.warning(applied.notes[-1])
    known = {row.id for row in everything}
    strangers = [name for name, objects in folders.items() if name not in known and MANIFEST_NAME in objects]
    foreign = _foreign_folders(storage, strangers, this_installation(engine))
    if foreign:
        applied.notes.append(
            f"backups of other installations in {storage.location}, not touched: {len(foreign)}"
        )
    applied.strays = {
        name: sum(found.size for found in objects.values())
        for name, objects in folders.items()
        if name not in known | foreign
    }
    return applied


def delete_backup(engine: Engine, storage: Storage, backup_id: str, *, dry_run: bool = False) -> str:
    """Delete one backup by hand; gives a line that says what was, or would be, deleted.

    Raises:
        BackupError: it is not listed, is the last verified good one of its kind, or another one needs it.
        StorageError: the storage failed; the backup is no longer listed, and the retention finishes the work.
    """
    with deciding(engine) as connection:
        row = _find_deletable(connection, storage.location, backup_id)
        what = f"{row.id}: {row.size} bytes of {row.started_at:%Y-%m-%d %H:%M} UTC"
        if dry_run:
            return f"would delete {what}"
        mark(connection, [backup_id], "deleting", "deleted by hand", ["complete"])
    _remove(engine, storage, row)
    return f"deleted {what}"


def _find_deletable(connection: Connection, location: str, backup_id: str) -> ListedBackup:
    everybody = read_rows(connection, location, ["complete"], everybody=True)
    # One that names no installation may be deleted by a person who says so; the retention leaves it alone.
    rows = [row for row in everybody if not row.foreign or row.installation is None]
    found = [row for row in rows if row.id == backup_id]
    if not found:
        whose = [row for row in everybody if row.id == backup_id and row.installation is not None]
        if whose:
            raise BackupError(
                f"{backup_id} was made by another installation ({whose[0].installation}): delete it there."
            )
        raise BackupError(f"The catalogue lists no backup {backup_id!r}.")
    children = [row.id for row in rows if row.parent == backup_id]
    if children:
        raise BackupError(f"{backup_id} cannot be deleted: {', '.join(children)} builds on it.")
    good = [row for row in rows if row.kind == found[0].kind and row.verified in GOOD_DEPTHS]
    if backup_id in _untouchable(good):
        raise BackupError(
            f"{backup_id} is the last verified good backup of the kind {found[0].kind}. "
            "Verify another one first."
        )
    return found[0]


def _foreign_folders(storage: Storage, folders: Iterable[str], mine: str) -> set[str]:
    """Those of the folders whose manifest names another installation."""
    found = set()
    for name in folders:
        try:
            whose = open_backup(storage, name).installation
        except BackupError as error:
            logger.warning("%s: its manifest cannot be read, so it stays: %s", name, error)
            continue
        if whose not in (None, mine):
            found.add(name)
    return found


def _remove(engine: Engine, storage: Storage, row: ListedBackup) -> None:
    """The manifest first: from then on nobody takes it for a backup. Then the rest."""
    if row.status != "failed":
        storage.delete(f"{row.id}/{MANIFEST_NAME}")
    storage.delete(f"{row.id}/{VERDICT_NAME}")
    for found in list(storage.list(f"{row.id}/")):
        storage.delete(found.key)
    with engine.begin() as connection:
        mark(connection, [row.id], "deleted", row.reason, ["deleting", "failed"])
