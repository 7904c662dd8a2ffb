"""Making a backup: the parts one after the other, then the manifest, then the catalogue."""

import functools
import logging
import platform
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from sqlalchemy import Engine

from include.backups.catalogue import (
    AHEAD,
    at_work,
    begin,
    close_dead,
    complete,
    list_backups,
    mark,
    this_installation,
)
from include.backups.files.configuration import Configuration, ConfigurationFiles
from include.backups.files.logs import Logs
from include.backups.manifest import (
    MANIFEST,
    BackupError,
    Content,
    DatabaseFacts,
    Kind,
    Manifest,
    Method,
    Part,
    new_id,
)
from include.backups.postgres.base_backup import Parent, cluster_size, take_base_backup
from include.backups.postgres.dump import Write, dump_database
from include.backups.read import open_backup, read_part
from include.backups.streams import Counted, compress, encrypt
from include.database import connect
from include.settings import Settings
from include.storage import Storage, StorageError, TooLargeError

GIB = 1 << 30
PROGRESS = GIB // 4  # bytes between two lines in the log
GROWTH = 1.25  # a backup may be larger than the last of its kind by this
CHAIN = timedelta(days=8)  # after so long an incremental chain begins anew: a week, and a late run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """What there is to back up.

    Attributes:
        databases: URLs by name: `platform`, and `airflow` where its database is known. They hold passwords.
        log_folders: folders of log files.
        configuration: what to keep of the configuration.
        cluster: for the method `physical`, a URL whose role has REPLICATION.
        absent: what could not be looked at, and why, in words.
    """

    databases: Mapping[str, str] = field(repr=False)
    log_folders: tuple[Path, ...]
    configuration: Configuration
    cluster: str | None = field(default=None, repr=False)
    absent: tuple[str, ...] = ()


def create_backup(
    engine: Engine,
    storage: Storage,
    kind: Kind,
    sources: Sources,
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
        sources: what there is.
        settings: method, recipient, limits.
        run_url: opens the run that makes it.

    Raises:
        BackupError: it cannot be made; the message says why.
        StorageError, DatabaseError: one of them cannot be reached.
    """
    installation = this_installation(engine)
    close_dead(engine, storage)
    begun = datetime.now(UTC)
    backup = _Backup(engine, storage, new_id(kind, begun), settings)
    with at_work(engine, backup.id):
        begin(engine, backup.id, kind, storage.location, begun, run_url)
        clock = monotonic()
        try:
            backup.check_room(kind, sources)
            if kind in ("database", "full"):
                backup.add_databases(kind, sources)
            if kind in ("configuration", "full"):
                backup.add_configuration(sources)
            if kind in ("logs", "full"):
                backup.add_logs(kind, sources)
            manifest = Manifest(
                id=backup.id,
                kind=kind,
                method=settings.backup_method if backup.databases else None,
                parent=backup.parent,
                started_at=begun,
                finished_at=datetime.now(UTC),
                seconds=round(monotonic() - clock, 3),
                parts=tuple(backup.parts),
                databases=backup.databases,
                versions=backup.versions,
                recipient=settings.backup_recipient,
                left_out=(*sources.absent, *backup.left_out),
                run_url=run_url,
                installation=installation,
            )
            storage.write(f"{backup.id}/{MANIFEST}", [manifest.model_dump_json(indent=1).encode()])
        except BaseException as error:
            backup.give_up(error)
            raise
        complete(engine, storage.location, manifest)
    logger.info("%s: whole, %d bytes in %.1f s", manifest.id, manifest.size, manifest.seconds)
    return manifest


class _Backup:
    """A backup in the making."""

    def __init__(self, engine: Engine, storage: Storage, backup_id: str, settings: Settings) -> None:
        self.id = backup_id
        self.parts: list[Part] = []
        self.databases: dict[str, DatabaseFacts] = {}
        self.left_out: list[str] = []
        self.parent: str | None = None
        self.versions = {
            "python": platform.python_version(),
            "zstandard": version("zstandard"),
            "pyrage": version("pyrage"),
        }
        self._engine, self._storage, self._settings = engine, storage, settings
        self._left = int(settings.backup_size_limit_gb * GIB)

    def write(
        self, name: str, chunks: Iterable[bytes], content: Content, compressed: bool, *, of: str
    ) -> None:
        """Store a stream as a part: compressed, encrypted where a recipient is set, hashed on its way."""
        recipient = self._settings.backup_recipient
        # PostgreSQL's list of files stays readable: the next incremental backup starts from it, on a machine
        # that cannot decrypt. It holds names and sizes, no rows.
        encrypted = recipient is not None and content != "backup_manifest"
        raw = Counted(chunks)
        stages: list[Generator[bytes]] = [raw.pass_on()]
        if compressed:
            stages.append(compress(stages[-1]))
        if recipient is not None and encrypted:
            stages.append(encrypt(stages[-1], recipient))
        stages.append(self._progress(name, stages[-1]))
        suffix = (".zst" if compressed else "") + (".age" if encrypted else "")
        part_name = name + suffix
        key = f"{self.id}/{part_name}"
        try:
            stored = self._storage.write(key, stages[-1], size_limit=self._left)
        except TooLargeError:
            raise BackupError(
                f"The backup is larger than {self._settings.backup_size_limit_gb:g} GiB at {name}. If it "
                "may be, raise backup_size_limit_gb."
            ) from None
        finally:
            for stage in reversed(stages):  # whatever has happened, programs and threads end here
                stage.close()
        if stored.sha256 is None:
            raise BackupError(f"The storage gave no SHA-256 for {key}.")
        self._left -= stored.size
        self.parts.append(
            Part(
                name=part_name,
                content=content,
                of=of,
                size=stored.size,
                sha256=stored.sha256,
                raw_size=raw.size,
                encrypted=encrypted,
            )
        )

    def check_room(self, kind: Kind, sources: Sources) -> None:
        """Refuse before the first byte when the storage has less room than this will need."""
        free = self._storage.free_bytes()
        if free is None:  # S3 does not say
            return
        earlier = list_backups(self._engine, self._storage.location, kind)
        if earlier and earlier[0].size is not None:
            needed = int(earlier[0].size * GROWTH)
        else:
            needed = _estimate(kind, sources, self._settings.backup_method)
        if free < needed:
            raise BackupError(
                f"{self._storage.location} has {free >> 20} MiB free, and this may need {needed >> 20} MiB. "
                "Free some space, keep fewer backups, or set another backup_location."
            )

    def add_databases(self, kind: Kind, sources: Sources) -> None:
        """Dump each database; with the method `physical` copy the cluster, weekly with dumps besides."""
        method: Method = self._settings.backup_method
        if method == "physical":
            self._add_cluster(kind, sources)
        if method != "physical" or kind == "full":
            for name, url in sources.databases.items():
                logger.info("%s: dumping the database %s", self.id, name)
                self.databases[name], wrote = dump_database(
                    name,
                    url,
                    "stream" if method == "physical" else method,
                    self._writer(name),
                    checksums=self._settings.backup_checksums in ("always", kind),
                )
                self._note_version(name, wrote)

    def _add_cluster(self, kind: Kind, sources: Sources) -> None:
        if sources.cluster is None:
            raise BackupError(
                "The method physical needs the connection postgres_replication: your own server, a role with "
                "REPLICATION. On a managed server take the method stream."
            )
        parent = None if kind == "full" else self._find_parent()
        taken = take_base_backup(sources.cluster, parent, self._writer("cluster"))
        self.databases["cluster"] = taken.facts
        self._note_version("cluster", taken.tool_version)
        if taken.incremental and parent is not None:
            self.parent = parent.id
        else:
            logger.info("%s: a full base backup: %s", self.id, taken.reason)

    def _note_version(self, of: str, wrote: str) -> None:
        """Note which version wrote the parts of a database: each server has its own."""
        self.parts = [
            part.model_copy(update={"version": wrote}) if part.of == of else part for part in self.parts
        ]

    def _find_parent(self) -> Parent | None:
        """The newest base backup that is not known to be bad, if its chain is not too long yet."""
        rows = {row.id: row for row in list_backups(self._engine, self._storage.location)}
        for row in rows.values():
            if row.method != "physical" or row.verified == "bad":
                continue
            root = row
            while root.parent is not None and root.parent in rows:
                root = rows[root.parent]
            if root.parent is not None or not -AHEAD < datetime.now(UTC) - root.started_at <= CHAIN:
                return None  # its beginning is gone, too old, or of a clock that was ahead
            try:
                manifest = open_backup(self._storage, row.id)
            except BackupError as error:  # the catalogue is wrong, or it is damaged: nothing can build on it
                logger.warning("%s: %s is passed over: %s", self.id, row.id, error)
                continue
            listed = [part for part in manifest.parts if part.content == "backup_manifest"]
            if listed:
                raw = b"".join(read_part(self._storage, manifest, listed[0]))
                return Parent(row.id, raw)
        return None

    def add_configuration(self, sources: Sources) -> None:
        """Keep the configuration, its secrets only under encryption."""
        files = ConfigurationFiles(
            sources.configuration, encrypted=self._settings.backup_recipient is not None
        )
        self.write("configuration.tar", files.tar(), "files", True, of="configuration")
        self.left_out += files.left_out

    def add_logs(self, kind: Kind, sources: Sources) -> None:
        """Keep the logs: in a full backup all, otherwise those written to since they were last kept."""
        since = None
        if kind == "logs":
            earlier = list_backups(self._engine, self._storage.location, "logs")
            known = datetime.now(UTC) + AHEAD
            since = next(
                (row.started_at for row in earlier if row.verified != "bad" and row.started_at <= known), None
            )
        logs = Logs(sources.log_folders, since)
        self.write("logs.tar", logs.tar(), "files", True, of="logs")
        self.left_out += logs.left_out

    def give_up(self, error: BaseException) -> None:
        """Remove what was stored and say why in the catalogue; what fails here must not hide the error."""
        try:
            for found in list(self._storage.list(f"{self.id}/")):
                self._storage.delete(found.key)
        except StorageError as failure:
            logger.warning("%s: its parts are left for the retention to remove: %s", self.id, failure)
        words = f"{type(error).__name__}: {error}"
        try:
            with self._engine.begin() as connection:
                mark(connection, [self.id], "failed", words, ["running"])
        except Exception:
            logger.exception("%s: failed, which could not be written into the catalogue: %s", self.id, words)

    def _writer(self, of: str) -> Write:
        return functools.partial(self.write, of=of)

    def _progress(self, name: str, chunks: Iterable[bytes]) -> Generator[bytes]:
        done, told = 0, 0
        for chunk in chunks:
            done += len(chunk)
            if done - told >= PROGRESS:
                told = done
                logger.info("%s: %s: %d MiB stored", self.id, name, done >> 20)
            yield chunk


def _estimate(kind: Kind, sources: Sources, method: Method) -> int:
    """Bytes that the first backup of a kind may need: as if nothing could be compressed."""
    needed = 0
    if kind in ("database", "full"):
        urls = list(sources.databases.values()) if method != "physical" or kind == "full" else []
        if method == "physical" and sources.cluster is not None:
            needed += cluster_size(sources.cluster)
        for url in urls:
            engine = connect(url, application="tradeops:backup", pool_size=0)
            with engine.connect() as connection:
                needed += connection.exec_driver_sql(
                    "SELECT pg_database_size(current_database())"
                ).scalar_one()
            engine.dispose()
    if kind in ("logs", "full"):
        needed += Logs(sources.log_folders, None).size
    return needed
