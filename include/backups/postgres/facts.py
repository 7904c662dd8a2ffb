"""What a manifest says of a database of PostgreSQL: the facts that a restore is compared with."""

from pydantic import Field, ValidationError

from include.backups.manifest import BackupDamagedError, BackupError, BackupPart, Manifest, ManifestRecord

DUMPS = ("pg_dump", "pg_dump directory")  # the contents that a database can be restored from


class TableFacts(ManifestRecord):
    """One table in the snapshot of the dump; the checksum is null where none was asked for."""

    rows: int = Field(ge=0)
    checksum: str | None = None


class DatabaseFacts(ManifestRecord):
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
    revisions: dict[str, str] = Field(default_factory=dict)
    extensions: dict[str, str] = Field(default_factory=dict)
    shape: dict[str, str] = Field(default_factory=dict)
    objects: dict[str, str] = Field(default_factory=dict)
    schema_sha256: str | None = None
    tables: dict[str, TableFacts] = Field(default_factory=dict)
    sequences: dict[str, int | None] = Field(default_factory=dict)


def read_facts(manifest: Manifest, database: str) -> DatabaseFacts:
    """What a manifest says of one of its databases, `platform` or `airflow`.

    Raises:
        BackupDamagedError: it says nothing of it, or what cannot be read.
    """
    try:
        return DatabaseFacts.model_validate(manifest.databases[database])
    except KeyError:
        raise BackupDamagedError(f"the manifest of {manifest.id} says nothing of {database}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(place) for place in ("databases", database, *first["loc"]))
        raise BackupDamagedError(
            f"the manifest of {manifest.id} cannot be read: {where}: {first['msg']}"
        ) from error


def find_dump(manifest: Manifest, database: str) -> tuple[BackupPart, DatabaseFacts]:
    """The part that holds a database's dump, and what the manifest says of the database.

    Raises:
        BackupError: there is none.
    """
    for part in manifest.parts:
        if part.of == database and part.content in DUMPS:
            return part, read_facts(manifest, database)
    dumped = sorted({part.of for part in manifest.parts if part.content in DUMPS})
    missing = f"{manifest.id} holds no dump of the database {database!r}"
    if dumped:
        raise BackupError(f"{missing}, only of {', '.join(dumped)}.")
    if manifest.method == "physical":
        raise BackupError(f"{missing}: it is a copy of a whole cluster. docs/backups.md restores it by hand.")
    raise BackupError(f"{missing}: it is a backup of {manifest.kind}.")
