"""What a backup says of itself: the manifest, written last, in JSON beside the parts.

In the storage a backup is a folder, named by its id: the parts, then `manifest.json`. No manifest, no backup.
Later `verified.json` may join them, which says how the last check ended. A manifest is data from outside when
it is read: `Manifest.model_validate_json` checks it; the facts of a database are checked by the engine that
wrote them.
"""

import secrets
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

MANIFEST_NAME = "manifest.json"
VERDICT_NAME = "verified.json"

Kind = Literal["logs", "database", "configuration", "full"]
Depth = Literal["decoded", "hashed", "bad"]

BACKUP_ID_PATTERN = r"^\d{8}T\d{6}Z-(logs|database|configuration|full)-[0-9a-f]{6}$"
PART_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$"


class BackupError(RuntimeError):
    """A backup cannot be made or used; the message says why and what to do, and holds no secret."""


class BackupDamagedError(BackupError):
    """What is stored is not what was written."""


class RestoreRefusedError(BackupError):
    """The restore was refused; nothing was touched."""


class RestoredDiffersError(BackupError):
    """A restored database is not what was backed up; it is left for a look at it."""


class ManifestRecord(BaseModel):
    """A record of a manifest: fixed, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BackupPart(ManifestRecord):
    """One stored object. `sha256` and `size` are of what is stored, `raw_size` of what it decodes to."""

    name: str = Field(pattern=PART_NAME_PATTERN)
    content: str = Field(
        min_length=1,
        max_length=60,
        description="what it decodes to; an engine reads it",
    )
    of: str = Field(description="platform or airflow, cluster, logs, configuration")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    raw_size: int = Field(ge=0)
    encrypted: bool
    version: str | None = Field(
        default=None,
        description="of the program that wrote it; null: none did, or the manifest is older",
    )

    @property
    def compressed(self) -> bool:
        """Whether it is a zstd stream beneath the encryption: its name says it."""
        return self.name.removesuffix(".age").endswith(".zst")


class Manifest(ManifestRecord):
    """A whole backup."""

    format: Literal[1] = 1
    id: str = Field(pattern=BACKUP_ID_PATTERN)
    kind: Kind
    method: str | None = Field(description="how the database was taken; null: none is in it")
    parent: str | None = Field(
        None, pattern=BACKUP_ID_PATTERN, description="the backup that an incremental one needs"
    )
    started_at: AwareDatetime
    finished_at: AwareDatetime
    seconds: float = Field(ge=0)
    parts: tuple[BackupPart, ...] = Field(min_length=1)
    databases: dict[str, dict[str, Any]] = Field(
        default={}, description="facts by what parts are of, as their engine writes and reads them"
    )
    versions: dict[str, str] = {}
    recipient: str | None = Field(None, description="the public age key of the encrypted parts")
    left_out: tuple[str, ...] = Field((), description="what is not in it, and why, in words")
    run_url: str = ""
    installation: str | None = Field(
        None, description="who made it: server and database, as this_installation() names them"
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Manifest":
        if len({part.name for part in self.parts}) < len(self.parts):
            raise ValueError("two parts have the same name")
        return self

    @property
    def size(self) -> int:
        """What it takes in the storage, without the manifest."""
        return sum(part.size for part in self.parts)

    def key(self, part: BackupPart) -> str:
        """Where a part is in the storage."""
        return f"{self.id}/{part.name}"

    def part(self, name: str) -> BackupPart:
        """The part of this name.

        Raises:
            BackupError: there is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise BackupError(f"The backup {self.id} has no part {name!r}; it has {', '.join(self.names)}.")

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return [part.name for part in self.parts]


class Verdict(ManifestRecord):
    """How a check ended: `decoded` to the end, only `hashed` (no private key at hand), or `bad`."""

    depth: Depth
    checked_at: AwareDatetime
    reason: str = Field("", description="what is wrong, or why it could only be hashed")


def new_id(kind: Kind, at: datetime) -> str:
    """An id that sorts by time: `20261121T020000Z-database-3f9c2a`."""
    return f"{at:%Y%m%dT%H%M%S}Z-{kind}-{secrets.token_hex(3)}"
