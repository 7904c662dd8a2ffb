"""Files as an engine: the configuration and the logs, each as a tar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from include.backups.catalogue import CLOCK_TOLERANCE
from include.backups.engine import BackupEngine, BackupJob, Contribution, PartStream, Surroundings
from include.backups.files.configuration import Configuration, ConfigurationFiles, find_configuration
from include.backups.files.logs import Logs
from include.backups.manifest import BackupPart, Kind, Manifest
from include.backups.tar import read_tar
from include.settings import Settings

FILES = "files"  # the content of its parts


@dataclass(frozen=True)
class FilesEngine:
    """What files there are to back up.

    Attributes:
        log_folders: folders of log files.
        configuration: what to keep of the configuration.
    """

    log_folders: tuple[Path, ...]
    configuration: Configuration

    kinds: ClassVar[frozenset[Kind]] = frozenset({"logs", "configuration", "full"})
    contents: ClassVar[frozenset[str]] = frozenset({FILES})

    @classmethod
    def find(cls, settings: Settings, surroundings: Surroundings) -> BackupEngine:
        """Look up the folders of logs, and what this installation is configured by."""
        return cls(
            settings.backup_log_folders or surroundings.log_folders(),
            find_configuration(settings, surroundings),
        )

    def estimate(self, kind: Kind, settings: Settings) -> int:
        """What the logs are on the disk; the configuration is small."""
        return Logs(self.log_folders, None).size if kind != "configuration" else 0

    def contribute(self, job: BackupJob) -> Contribution:
        """Keep the configuration, its secrets only under encryption, and the logs without secrets."""
        left_out: list[str] = []
        if job.kind != "logs":
            files = ConfigurationFiles(
                self.configuration, encrypted=job.settings.backup_recipient is not None
            )
            job.store(PartStream("configuration.tar", FILES, "configuration", files.tar()))
            left_out += files.left_out
        if job.kind != "configuration":
            logs = Logs(self.log_folders, _last_kept(job) if job.kind == "logs" else None)
            job.store(PartStream("logs.tar", FILES, "logs", logs.tar()))
            left_out += logs.left_out
        return Contribution(left_out=tuple(left_out))

    @staticmethod
    def check(manifest: Manifest, part: BackupPart, chunks: Iterator[bytes]) -> None:
        """Read a tar to its end."""
        read_tar(chunks)


def _last_kept(job: BackupJob) -> datetime | None:
    """When logs were last kept, by a backup that is not known to be bad; a full backup keeps them all."""
    known = datetime.now(UTC) + CLOCK_TOLERANCE
    for row in job.list_earlier("logs"):
        if row.verified != "bad" and row.started_at <= known:
            return row.started_at
    return None
