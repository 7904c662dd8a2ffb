"""The databases of this installation as an engine: dumps of each, or a copy of the whole cluster."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from include.backups.catalogue import CLOCK_TOLERANCE
from include.backups.engine import BackupEngine, BackupJob, Contribution, Surroundings
from include.backups.manifest import BackupError, BackupPart, Kind, Manifest
from include.backups.postgres.archive import find_reader
from include.backups.postgres.base_backup import (
    Parent,
    check_base_backup,
    cluster_size,
    read_manifest_file,
    take_base_backup,
)
from include.backups.postgres.dump import check_directory, check_dump, dump_database
from include.backups.read import open_backup, read_part
from include.database import connect
from include.settings import Settings

# Airflow's connections that lead to what is backed up.
PLATFORM_DATABASE = "tradeops_db"
AIRFLOW_DATABASE = "airflow_db"
CLUSTER = "postgres_replication"
CHAIN_LENGTH = timedelta(days=8)  # then an incremental chain begins anew: a week, and a late run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PostgresEngine:
    """What there is to back up of PostgreSQL.

    Attributes:
        databases: URLs by name: `platform`, and `airflow` where its database is known. They hold passwords.
        cluster: for the method `physical`, a URL whose role has REPLICATION.
        absent: what could not be looked at, and why, in words.
    """

    databases: Mapping[str, str] = field(repr=False)
    cluster: str | None = field(default=None, repr=False)
    absent: tuple[str, ...] = ()

    kinds: ClassVar[frozenset[Kind]] = frozenset({"database", "full"})
    contents: ClassVar[frozenset[str]] = frozenset(
        {"pg_dump", "pg_dump directory", "base backup", "backup_manifest"}
    )

    @classmethod
    def find(cls, settings: Settings, surroundings: Surroundings) -> BackupEngine:
        """Look up the databases behind the connections that there are."""
        found = {
            "platform": surroundings.database_url(PLATFORM_DATABASE),
            "airflow": surroundings.database_url(AIRFLOW_DATABASE),
        }
        return cls(
            {name: url for name, url in found.items() if url is not None},
            surroundings.database_url(CLUSTER),
            tuple(
                f"{whose} database: there is no connection {connection}"
                for name, whose, connection in (
                    ("platform", "the platform's", PLATFORM_DATABASE),
                    ("airflow", "Airflow's own", AIRFLOW_DATABASE),
                )
                if found[name] is None
            ),
        )

    def estimate(self, kind: Kind, settings: Settings) -> int:
        """The size of the databases that would be taken."""
        physical = settings.backup_method == "physical"
        needed = cluster_size(self.cluster) if physical and self.cluster is not None else 0
        for url in self.databases.values() if not physical or kind == "full" else ():
            engine = connect(url, application="tradeops:backup", pool_size=0)
            with engine.connect() as connection:
                needed += connection.exec_driver_sql(
                    "SELECT pg_database_size(current_database())"
                ).scalar_one()
            engine.dispose()
        return needed

    def contribute(self, job: BackupJob) -> Contribution:
        """Dump each database; with the method `physical` copy the cluster, weekly with dumps besides."""
        method = job.settings.backup_method
        facts, parent = {}, None
        if method == "physical":
            facts["cluster"], parent = self._copy_cluster(job)
        if method != "physical" or job.kind == "full":
            for name, url in self.databases.items():
                logger.info("%s: dumping the database %s", job.id, name)
                found = dump_database(
                    name,
                    url,
                    "stream" if method == "physical" else method,
                    job.store,
                    checksums=job.settings.backup_checksums in ("always", job.kind),
                )
                facts[name] = found.model_dump(mode="json")
        return Contribution(facts, method if facts else None, parent, self.absent)

    def _copy_cluster(self, job: BackupJob) -> tuple[dict[str, object], str | None]:
        if self.cluster is None:
            raise BackupError(
                f"The method physical needs the connection {CLUSTER}: your own server, a role with "
                "REPLICATION. On a managed server take the method stream."
            )
        parent = None if job.kind == "full" else _find_parent(job)
        taken = take_base_backup(self.cluster, parent, job.store)
        if not taken.incremental:
            logger.info("%s: a full base backup: %s", job.id, taken.reason)
        facts = taken.facts.model_dump(mode="json")
        return facts, parent.id if parent is not None and taken.incremental else None

    @staticmethod
    def check(manifest: Manifest, part: BackupPart, chunks: Iterator[bytes]) -> None:
        """Read a dump with pg_restore; compare a base backup with PostgreSQL's own list of its files."""
        match part.content:
            case "pg_dump":
                check_dump(chunks, find_reader(manifest, part))
            case "pg_dump directory":
                check_directory(chunks, part.raw_size, find_reader(manifest, part))
            case "base backup":
                check_base_backup(chunks)
            case _:
                read_manifest_file(b"".join(chunks))


def _find_parent(job: BackupJob) -> Parent | None:
    """The newest base backup that is not known to be bad, if its chain is not too long yet."""
    rows = {row.id: row for row in job.list_earlier(None)}
    for row in rows.values():
        if row.method != "physical" or row.verified == "bad":
            continue
        root = row
        while root.parent is not None and root.parent in rows:
            root = rows[root.parent]
        age = datetime.now(UTC) - root.started_at
        if root.parent is not None or not -CLOCK_TOLERANCE < age <= CHAIN_LENGTH:
            return None  # its beginning is gone, too old, or of a clock that was ahead
        try:
            manifest = open_backup(job.storage, row.id)
        except BackupError as error:  # the catalogue is wrong, or it is damaged: nothing can build on it
            logger.warning("%s: %s is passed over: %s", job.id, row.id, error)
            continue
        listed = [part for part in manifest.parts if part.content == "backup_manifest"]
        if listed:
            return Parent(row.id, b"".join(read_part(job.storage, manifest, listed[0])))
    return None
