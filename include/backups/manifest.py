"""What a backup says of itself: the manifest, written last, in JSON beside the parts.

In the storage a backup is a folder, named by its id: the parts, then `manifest.json`. No manifest, no backup.
Later `verified.json` may join them, which says how the last check ended. A manifest is data from outside when
it is read: `Manifest.model_validate_json` checks it.
"""

import secrets
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

MANIFEST = "manifest.json"
VERDICT = "verified.json"

Kind = Literal["logs", "database", "configuration", "full"]
Method = Literal["stream", "directory", "physical"]
# What a part holds once it is decrypted and decompressed.
Content = Literal["pg_dump", "pg_dump directory", "base backup", "backup_manifest", "files"]
Depth = Literal["decoded", "hashed", "bad"]

ID = r"^\d{8}T\d{6}Z-(logs|database|configuration|full)-[0-9a-f]{6}$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$"


class BackupError(RuntimeError):
    """A backup cannot be made or used; the message says why and what to do, and holds no secret."""


class BackupDamaged(BackupError):
    """What is stored is not what was written."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableFacts(_Record):
    """One table in the snapshot of the dump; the checksum is null where none was asked for."""

    rows: int = Field(ge=0)
    checksum: str | None = None


class DatabaseFacts(_Record):
    """A database as it was in the very snapshot that its dump shows.

    `tables` are named `schema.table`, quoted where SQL needs it; a partitioned table is in it by its
    partitions. `sequences` are last values; null: never used. `revisions` are the schema revisions by
    version table. `shape` is what a database has from its birth: encoding, locale, sorting. `objects` are
    digests of what each column, index, function and so on means. Empty in a physical backup: it copies files,
    and no snapshot belongs to it. Older manifests have `schema_sha256` instead of the last two, a digest of
    one text, which nobody compares any more.
    """

    database: str
    server_version: str
    size: int
    revisions: dict[str, str] = {}
    extensions: dict[str, str] = {}
    shape: dict[str, str] = {}
    objects: dict[str, str] = {}
    schema_sha256: str | None = None
    tables: dict[str, TableFacts] = {}
    sequences: dict[str, int | None] = {}


class Part(_Record):
    """One stored object. `sha256` and `size` are of what is stored, `raw_size` of what it decodes to."""

    name: str = Field(pattern=NAME)
    content: Content
    of: str = Field(description="platform or airflow, cluster, logs, configuration")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    raw_size: int = Field(ge=0)
    encrypted: bool
    version: str | None = Field(
        default=None,
        description="of the PostgreSQL program that wrote it; null: none did, or the manifest is older",
    )


class Manifest(_Record):
    """A whole backup."""

    format: Literal[1] = 1
    id: str = Field(pattern=ID)
    kind: Kind
    method: Method | None = Field(description="how the database was taken; null: none is in it")
    parent: str | None = Field(None, pattern=ID, description="the backup that an incremental one needs")
    started_at: AwareDatetime
    finished_at: AwareDatetime
    seconds: float = Field(ge=0)
    parts: tuple[Part, ...] = Field(min_length=1)
    databases: dict[str, DatabaseFacts] = {}
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

    def key(self, part: Part) -> str:
        """Where a part is in the storage."""
        return f"{self.id}/{part.name}"

    def part(self, name: str) -> Part:
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


class Verdict(_Record):
    """How a check ended: `decoded` to the end, only `hashed` (no private key at hand), or `bad`."""

    depth: Depth
    checked_at: AwareDatetime
    reason: str = Field("", description="what is wrong, or why it could only be hashed")


def new_id(kind: Kind, at: datetime) -> str:
    """An id that sorts by time: `20261121T020000Z-database-3f9c2a`."""
    return f"{at:%Y%m%dT%H%M%S}Z-{kind}-{secrets.token_hex(3)}"
