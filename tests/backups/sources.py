"""What tests back up: the engines of a platform without Airflow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from include.backups.engine import BackupEngine
from include.backups.files.configuration import Configuration
from include.backups.files.engine import FilesEngine
from include.backups.postgres.engine import PostgresEngine

NO_CONFIGURATION = Configuration(Path("/nowhere"), {}, {}, {}, {})


@dataclass(frozen=True)
class Sources:
    """Sources of every engine; `create_backup` takes them, for they give the engines one by one."""

    databases: Mapping[str, str] = field(default_factory=dict)
    log_folders: tuple[Path, ...] = ()
    configuration: Configuration = NO_CONFIGURATION
    cluster: str | None = None

    def __iter__(self) -> Iterator[BackupEngine]:
        yield PostgresEngine(self.databases, self.cluster)
        yield FilesEngine(self.log_folders, self.configuration)
