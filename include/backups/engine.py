"""What an engine is: it turns one sort of thing (a database, files) into streams, and reads them again.

The rest of a backup is done once for all engines: compression, encryption, hashes, the manifest, the
catalogue, retention. `include.backups.engines` lists them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from include.backups.catalogue import ListedBackup
from include.backups.manifest import BackupPart, Kind, Manifest
from include.settings import Settings
from include.storage import Storage


@dataclass(frozen=True)
class PartStream:
    """A stream that becomes a part of a backup.

    Attributes:
        name: of the part, without the endings for compression and encryption.
        content: one of the engine's `contents`.
        of: whose it is: a database, `logs`, `configuration`.
        chunks: the bytes; read once, closed whatever happens.
        compress: False for what is compressed already.
        stays_readable: True for what a later backup must read on a machine that cannot decrypt.
        version: of the program that writes it, if one does.
    """

    name: str
    content: str
    of: str
    chunks: Iterable[bytes] = field(repr=False)
    compress: bool = True
    stays_readable: bool = False
    version: str | None = None


@dataclass(frozen=True)
class BackupJob:
    """A backup in the making, as an engine sees it.

    Attributes:
        id: of the backup, for log lines.
        kind: what was asked for.
        settings: as they are now.
        store: stores a stream as a part; whatever goes wrong on the way is raised.
        list_earlier: the whole backups of this installation, newest first; of one kind, or of all.
        storage: where they are.
    """

    id: str
    kind: Kind
    settings: Settings
    store: Callable[[PartStream], None]
    list_earlier: Callable[[Kind | None], list[ListedBackup]]
    storage: Storage


@dataclass(frozen=True)
class Contribution:
    """What the manifest says of an engine's parts.

    Attributes:
        facts: by what the parts are of, in JSON: what a restore is compared with.
        method: how a database was taken; None: no database.
        parent: the backup that this one builds on.
        left_out: what is not in it, and why, in words.
    """

    facts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    method: str | None = None
    parent: str | None = None
    left_out: tuple[str, ...] = ()


class Surroundings(Protocol):
    """What an engine may ask of the place that it works in; `include.airflow` answers."""

    checkout: Path

    def database_url(self, connection: str) -> str | None:
        """The URL of a database, password included; None: there is no such connection."""

    def declared_connections(self) -> list[str]:
        """The names of the connections that airflow_settings.yaml holds."""

    def connection(self, name: str) -> Mapping[str, Any] | None:
        """A connection in the names of airflow_settings.yaml; None: there is none."""

    def log_folders(self) -> tuple[Path, ...]:
        """Where logs are, unless the settings say so."""

    def variables(self) -> Mapping[str, Any]:
        """The Variables of this product."""

    def environment(self) -> Mapping[str, str]:
        """The environment variables that configure it."""

    def keys(self) -> Mapping[str, str]:
        """Secrets without which other backups cannot be used."""


class BackupEngine(Protocol):
    """One sort of thing that can be backed up; made with its sources, and ready to read without them."""

    kinds: ClassVar[frozenset[Kind]]  # of the backups that it contributes to
    contents: ClassVar[frozenset[str]]  # of its parts; no other engine has them

    @classmethod
    def find(cls, settings: Settings, surroundings: Surroundings) -> "BackupEngine":
        """Look up what there is to back up here."""

    def estimate(self, kind: Kind, settings: Settings) -> int:
        """Bytes that the first backup of a kind may need: as if nothing could be compressed."""

    def contribute(self, job: BackupJob) -> Contribution:
        """Store the parts of a backup, one after the other, and say what they hold.

        Raises:
            BackupError: it cannot be done; the message says why. The whole backup fails then.
        """

    @staticmethod
    def check(manifest: Manifest, part: BackupPart, chunks: Iterator[bytes]) -> None:
        """Read the content of a part as a restore would; the caller reads on to the last byte.

        Raises:
            BackupDamagedError: it is not whole.
            BackupError: it cannot be read here: a program is missing. No verdict then.
        """
