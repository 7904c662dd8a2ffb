"""Making a backup: each engine's parts one after the other, then the manifest, then the catalogue."""

import logging
import platform
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic

from sqlalchemy import Engine

from include.backups.catalogue import (
    at_work,
    begin,
    close_dead,
    complete,
    list_backups,
    mark,
    this_installation,
)
from include.backups.engine import BackupEngine, BackupJob, PartStream
from include.backups.manifest import MANIFEST_NAME, BackupError, BackupPart, Kind, Manifest, new_id
from include.backups.streams import BYTES_PER_GIB, compress, encrypt
from include.settings import Settings
from include.storage import Storage, StorageError, TooLargeError
from include.storage.streams import CountedStream

PROGRESS_STEP = BYTES_PER_GIB // 4  # bytes between two lines in the log
GROWTH = 1.25  # a backup may be larger than the last of its kind by this

logger = logging.getLogger(__name__)


def create_backup(
    engine: Engine,
    storage: Storage,
    kind: Kind,
    engines: Iterable[BackupEngine],
    settings: Settings,
    *,
    run_url: str = "",
) -> Manifest:
    """Make a backup and list it in the catalogue; it exists from the moment its manifest is written.

    Whatever fails, here or in a program, fails the backup: its parts are removed and its row says why. Run
    twice, it makes two backups.

    Args:
        engine: the platform's database, for the catalogue.
        storage: where it goes.
        kind: `logs`, `database`, `configuration`, or `full` for all of them.
        engines: what there is; those that contribute to this kind are asked for their parts.
        settings: method, recipient, limits.
        run_url: opens the run that makes it.

    Raises:
        BackupError: it cannot be made; the message says why.
        StorageError, DatabaseError: one of them cannot be reached.
    """
    contributing = [one for one in engines if kind in one.kinds]
    installation = this_installation(engine)
    close_dead(engine, storage)
    begun = datetime.now(UTC)
    backup = _Backup(storage, new_id(kind, begun), settings)
    with at_work(engine, backup.id):
        begin(engine, backup.id, kind, storage.location, begun, run_url)
        clock = monotonic()
        try:
            earlier = list_backups(engine, storage.location, kind)
            _check_room(storage, contributing, kind, settings, earlier[0].size if earlier else None)
            job = BackupJob(
                backup.id,
                kind,
                settings,
                backup.store,
                lambda of_kind: list_backups(engine, storage.location, of_kind),
                storage,
            )
            contributions = [one.contribute(job) for one in contributing]
            manifest = Manifest(
                id=backup.id,
                kind=kind,
                method=next((one.method for one in contributions if one.method), None),
                parent=next((one.parent for one in contributions if one.parent), None),
                started_at=begun,
                finished_at=datetime.now(UTC),
                seconds=round(monotonic() - clock, 3),
                parts=tuple(backup.parts),
                databases={of: facts for one in contributions for of, facts in one.facts.items()},
                versions=_versions(),
                recipient=settings.backup_recipient,
                left_out=tuple(line for one in contributions for line in one.left_out),
                run_url=run_url,
                installation=installation,
            )
            storage.write(f"{backup.id}/{MANIFEST_NAME}", [manifest.model_dump_json(indent=1).encode()])
        except BaseException as error:
            _give_up(engine, storage, backup.id, error)
            raise
        complete(engine, storage.location, manifest)
    logger.info("%s: whole, %d bytes in %.1f s", manifest.id, manifest.size, manifest.seconds)
    return manifest


class _Backup:
    """The parts of a backup, as they are stored."""

    def __init__(self, storage: Storage, backup_id: str, settings: Settings) -> None:
        self.id = backup_id
        self.parts: list[BackupPart] = []
        self._storage, self._settings = storage, settings
        self._left = int(settings.backup_size_limit_gb * BYTES_PER_GIB)

    def store(self, part: PartStream) -> None:
        """Store a stream as a part: compressed, encrypted where a recipient is set, hashed on its way."""
        recipient = self._settings.backup_recipient
        encrypted = recipient is not None and not part.stays_readable
        raw = CountedStream(part.chunks)
        chunks: Iterable[bytes] = raw
        stages = [part.chunks]
        if part.compress:
            stages.append(chunks := compress(chunks))
        if recipient is not None and encrypted:
            stages.append(chunks := encrypt(chunks, recipient))
        stages.append(chunks := self._progress(part.name, chunks))
        name = part.name + (".zst" if part.compress else "") + (".age" if encrypted else "")
        key = f"{self.id}/{name}"
        try:
            stored = self._storage.write(key, chunks, size_limit=self._left)
        except TooLargeError:
            raise BackupError(
                f"The backup is larger than {self._settings.backup_size_limit_gb:g} GiB at {part.name}. If "
                "it may be, raise backup_size_limit_gb."
            ) from None
        finally:
            for stage in reversed(stages):  # whatever has happened, programs and threads end here
                if isinstance(stage, Generator):
                    stage.close()
        if stored.sha256 is None:
            raise BackupError(f"The storage gave no SHA-256 for {key}.")
        self._left -= stored.size
        self.parts.append(
            BackupPart(
                name=name,
                content=part.content,
                of=part.of,
                size=stored.size,
                sha256=stored.sha256,
                raw_size=raw.size,
                encrypted=encrypted,
                version=part.version,
            )
        )

    def _progress(self, name: str, chunks: Iterable[bytes]) -> Generator[bytes]:
        done, logged = 0, 0
        for chunk in chunks:
            done += len(chunk)
            if done - logged >= PROGRESS_STEP:
                logged = done
                logger.info("%s: %s: %d MiB stored", self.id, name, done >> 20)
            yield chunk


def _check_room(
    storage: Storage, engines: Iterable[BackupEngine], kind: Kind, settings: Settings, earlier: int | None
) -> None:
    """Refuse before the first byte when the storage has less room than this will need."""
    free = storage.free_bytes()
    if free is None:  # S3 does not say
        return
    needed = (
        sum(one.estimate(kind, settings) for one in engines) if earlier is None else int(earlier * GROWTH)
    )
    if free < needed:
        raise BackupError(
            f"{storage.location} has {free >> 20} MiB free, and this may need {needed >> 20} MiB. Free some "
            "space, keep fewer backups, or set another backup_location."
        )


def _give_up(engine: Engine, storage: Storage, backup_id: str, error: BaseException) -> None:
    """Remove what was stored and say why in the catalogue; what fails here must not hide the error."""
    try:
        for found in list(storage.list(f"{backup_id}/")):
            storage.delete(found.key)
    except StorageError as failure:
        logger.warning("%s: its parts are left for the retention to remove: %s", backup_id, failure)
    message = f"{type(error).__name__}: {error}"
    try:
        with engine.begin() as connection:
            mark(connection, [backup_id], "failed", message, ["running"])
    except Exception:
        logger.exception("%s: failed, which could not be written into the catalogue: %s", backup_id, message)


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "zstandard": version("zstandard"),
        "pyrage": version("pyrage"),
    }
