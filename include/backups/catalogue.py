"""The catalogue: the table `backups`, a cache of the manifests in the storage and a history of failures."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from include.backups.manifest import (
    MANIFEST_NAME,
    VERDICT_NAME,
    BackupDamagedError,
    BackupError,
    Depth,
    Kind,
    Manifest,
    Verdict,
)
from include.backups.read import open_backup, read_small
from include.database import sql
from include.humanize import count_text
from include.storage import Storage, Stored
from include.telemetry import redact

MAX_BACKUPS_LISTED = 10_000  # backups of one location
CLOCK_TOLERANCE = timedelta(minutes=1)  # a time further ahead is of a clock that was wrong
ABANDONED_AFTER = timedelta(hours=24)  # what began before this and never ended belongs to a dead process
PROCESS_DIED = "its process died"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedBackup:
    """A row of the catalogue. Times are UTC."""

    id: str
    kind: Kind
    status: str
    parent: str | None
    started_at: datetime
    finished_at: datetime | None
    size: int | None
    verified: Depth | None
    verified_at: datetime | None
    reason: str | None
    run_url: str
    method: str | None
    foreign: bool = False  # another installation made it, or nobody knows who
    installation: str | None = None

    def summary(self) -> str:
        """One line for people."""
        checked = (
            f"{self.verified} at {self.verified_at:%Y-%m-%d %H:%M} UTC" if self.verified else "never verified"
        )
        reason = f" ({self.reason})" if self.reason else ""
        whose = f", made by {self.installation or 'nobody knows whom'}" if self.foreign else ""
        return f"{self.id}: {(self.size or 0) / 1e6:.1f} MB, {checked}{reason}{whose}"


@dataclass
class RebuiltCatalogue:
    """What a rebuild found. `strays` are folders without a manifest, name to bytes; nothing trusts them."""

    listed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    strays: dict[str, int] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One paragraph for a log or a message."""
        words = [
            f"{count_text(len(self.listed), 'whole backup')}, {len(self.added)} of them new to the catalogue"
        ]
        words += (
            [f"{len(self.foreign)} of them made by other installations, which are never deleted from here"]
            if self.foreign
            else []
        )
        words += [f"lost, for the manifest is gone: {', '.join(self.lost)}"] if self.lost else []
        words += [f"damaged: {name}: {reason}" for name, reason in self.damaged.items()]
        words += [
            f"no backup, for there is no manifest: {name} ({size} bytes)"
            for name, size in self.strays.items()
        ]
        return "; ".join(words)


def list_backups(
    engine: Engine, location: str, kind: Kind | None = None, *, everybody: bool = False
) -> list[ListedBackup]:
    """The whole backups of a location, newest first. What was never finished is not among them.

    Those of this installation; with `everybody` also those that the catalogue knows to be of others.
    """
    with engine.connect() as connection:
        return read_rows(connection, location, ["complete"], kind, everybody=everybody)


def read_rows(
    connection: Connection,
    location: str,
    statuses: Iterable[str],
    kind: Kind | None = None,
    *,
    everybody: bool = False,
) -> list[ListedBackup]:
    """The rows of a location in these states, newest first: this installation's, or everybody's."""
    found = connection.execute(
        sql("backups/list_backups"),
        {
            "location": location,
            "statuses": list(statuses),
            "kind": kind,
            "most": MAX_BACKUPS_LISTED,
            "everybody": everybody,
        },
    )
    return [ListedBackup(**row) for row in found.mappings()]


def this_installation(engine: Engine) -> str:
    """Name this installation as its backups do: the server's system identifier and the database.

    Raises:
        BackupError: the role may not ask the server.
    """
    try:
        with engine.connect() as connection:
            return str(connection.execute(text("SELECT this_installation()")).scalar_one())
    except ProgrammingError as error:
        raise BackupError(
            "Backups carry the server's identifier, and this role may not read it. As an administrator: "
            "GRANT EXECUTE ON FUNCTION pg_control_system() TO the platform's role. "
            f"The database said: {error.orig}"
        ) from error


@contextmanager
def deciding(engine: Engine) -> Iterator[Connection]:
    """A transaction that alone decides which backups are good and which may go."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('tradeops backups', 0))"))
        yield connection


@contextmanager
def at_work(engine: Engine, backup_id: str) -> Iterator[None]:
    """Hold the lock that says that somebody makes this backup, on a connection of its own.

    The server lets go of it when the process dies, however it dies.
    """
    key = {"name": f"tradeops backup {backup_id}"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), key)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), key)


def close_dead(engine: Engine, storage: Storage) -> list[str]:
    """Close backups whose process died: whole if their manifest is there, failed otherwise.

    Gives a line for each that is not whole. A damaged manifest must not end the work of the caller; its
    backup is looked at again each time, for its parts may still be good.
    """
    notes = []
    with deciding(engine) as connection:
        values = {"location": storage.location, "most": MAX_BACKUPS_LISTED}
        dead = set(connection.execute(sql("backups/find_dead_backups"), values).scalars())
        rows = read_rows(connection, storage.location, ["running", "failed"])
    for row in rows:
        if row.id not in dead and row.status == "running":
            continue
        reason = PROCESS_DIED
        if storage.stat(f"{row.id}/{MANIFEST_NAME}") is not None:
            try:
                complete(engine, storage.location, open_backup(storage, row.id))
                continue
            except BackupError as error:
                reason = f"{PROCESS_DIED}, and {error}; its parts are left for you to look at"
                notes.append(f"{row.id}: {reason}")
        elif row.id in dead:
            notes.append(f"{row.id}: {reason}; what it stored goes with the next retention")
        if row.id in dead:
            with engine.begin() as connection:
                mark(connection, [row.id], "failed", reason, ["running"])
    for note in notes:
        logger.warning(note)
    return notes


def begin(engine: Engine, manifest_id: str, kind: Kind, location: str, at: datetime, run_url: str) -> None:
    """Write down that a backup has begun."""
    with engine.begin() as connection:
        connection.execute(
            sql("backups/begin_backup"),
            {"id": manifest_id, "kind": kind, "location": location, "started_at": at, "run_url": run_url},
        )


def complete(engine: Engine, location: str, manifest: Manifest, verdict: Verdict | None = None) -> None:
    """List a backup whose manifest is in the storage."""
    with engine.begin() as connection:
        connection.execute(
            sql("backups/complete_backup"),
            {
                "id": manifest.id,
                "kind": manifest.kind,
                "location": location,
                "parent": manifest.parent,
                "started_at": manifest.started_at,
                "finished_at": manifest.finished_at,
                "bytes": manifest.size,
                "manifest": manifest.model_dump_json(),
                "run_url": manifest.run_url,
                "verified": verdict.depth if verdict else None,
                "verified_at": verdict.checked_at if verdict else None,
                "reason": (verdict.reason or None) if verdict else None,
                "installation": manifest.installation,
            },
        )


def mark(
    connection: Connection, ids: Iterable[str], status: str, reason: str | None, was: Iterable[str]
) -> list[str]:
    """Move backups from one of the states `was` to another; gives those that moved."""
    values = {"ids": list(ids), "status": status, "reason": redact(reason), "was": list(was)}
    return list(connection.execute(sql("backups/mark_backups"), values).scalars())


def record_verdict(engine: Engine, storage: Storage, backup_id: str, verdict: Verdict) -> None:
    """Write down how a check ended: in its row, and beside the manifest, so that it outlives the catalogue.

    Raises:
        BackupError: the catalogue does not list the backup (any more).
    """
    with deciding(engine) as connection:
        if not connection.execute(
            sql("backups/record_verdict"), {"id": backup_id, **verdict.model_dump()}
        ).rowcount:
            raise BackupError(
                f"The catalogue does not list {backup_id}. Rebuild it, or look for another one."
            )
        storage.write(f"{backup_id}/{VERDICT_NAME}", [verdict.model_dump_json().encode()])


def rebuild_catalogue(engine: Engine, storage: Storage) -> RebuiltCatalogue:
    """Bring the catalogue to what the storage holds: each whole backup is listed, with its last verdict.

    A manifest that cannot be read, or one whose parts are missing or of another size, is damaged: it is
    reported and not listed. A row whose manifest is gone is lost. Folders without a manifest are strays,
    unless a backup into them is under way.

    Raises:
        StorageError: the storage cannot be reached; nothing was changed by then, or all of it is true.
    """
    result, began, mine = RebuiltCatalogue(), datetime.now(UTC), this_installation(engine)
    location = storage.location
    before = {row.id for row in list_backups(engine, location, everybody=True)}
    folders = list_folders(storage)
    for name, objects in folders.items():
        if MANIFEST_NAME not in objects:
            result.strays[name] = sum(found.size for found in objects.values())
            continue
        try:
            manifest = open_backup(storage, name)
            _check_sizes(manifest, objects)
        except BackupError as error:
            result.damaged[name] = str(error)
        else:
            result.listed.append(name)
            if manifest.installation != mine:
                result.foreign.append(name)
            complete(engine, location, manifest, _read_verdict(storage, name, objects))
    with deciding(engine) as connection:
        known = read_rows(connection, location, ["complete", "running"], everybody=True)
        gone = [
            row.id
            for row in known
            if row.id not in result.listed and row.finished_at is not None and row.finished_at < began
        ]
        result.lost = mark(connection, gone, "lost", "its manifest is gone or damaged", ["complete"])
        result.added = [name for name in result.listed if name not in before]
        under_way = {row.id for row in known if row.status == "running" and not is_abandoned(row)}
    result.strays = {name: size for name, size in result.strays.items() if name not in under_way}
    return result


def list_folders(storage: Storage) -> dict[str, dict[str, Stored]]:
    """What the storage holds, by its first folder: name to object. A file outside a folder is its own."""
    folders: dict[str, dict[str, Stored]] = {}
    for found in storage.list(""):
        folder, _, name = found.key.partition("/")
        folders.setdefault(folder, {})[name] = found
    return folders


def is_abandoned(row: ListedBackup) -> bool:
    """Whether a backup that runs has run for too long for its process to live, or began in the future."""
    return not -CLOCK_TOLERANCE < datetime.now(UTC) - row.started_at <= ABANDONED_AFTER


def _check_sizes(manifest: Manifest, objects: dict[str, Stored]) -> None:
    for part in manifest.parts:
        found = objects.get(part.name)
        if found is None:
            raise BackupDamagedError(f"{part.name} is missing")
        if found.size != part.size:
            raise BackupDamagedError(f"{part.name} has {found.size} bytes instead of {part.size}")


def _read_verdict(storage: Storage, name: str, objects: dict[str, Stored]) -> Verdict | None:
    if VERDICT_NAME not in objects:
        return None
    try:
        return Verdict.model_validate_json(read_small(storage, f"{name}/{VERDICT_NAME}") or b"")
    except (ValidationError, BackupDamagedError) as error:
        # Without it the backup counts as never checked, and the next check writes another.
        logger.warning("the last check of %s cannot be read: %s", name, error)
        return None
