"""Physical backups of a server that is our own: pg_basebackup, full or incremental, as one tar stream.

They copy the whole cluster, so they need a role with REPLICATION and direct access to the server; managed
servers give neither. `pg_combinebackup` puts a chain together again. PostgreSQL's own list of files
(`backup_manifest`) is kept as a part beside the tar: the next incremental backup starts from it, and
`check_base_backup` compares the tar with it. Its CRC32C of each file is not recomputed: no library here has
CRC32C, SHA-256 in its place makes the backup three times as slow, and the SHA-256 of the part already covers
every stored byte.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from include.backups.engine import PartStream
from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.postgres.dump import Store
from include.backups.postgres.facts import DatabaseFacts
from include.backups.postgres.tools import address, find_tools
from include.backups.programs import read_output
from include.backups.tar import TarIndex
from include.database import connect, sql

MANIFEST_FILE = "backup_manifest"
OF_CLUSTER = "cluster"  # what its parts are of


@dataclass(frozen=True)
class Parent:
    """The backup that an incremental one builds on: its id, and PostgreSQL's list of its files."""

    id: str
    manifest: bytes = field(repr=False)


@dataclass(frozen=True)
class BaseBackup:
    """What was taken. `incremental` is False when it is a full one; `reason` says why not an incremental."""

    facts: DatabaseFacts
    incremental: bool
    reason: str


def take_base_backup(url: str, parent: Parent | None, store: Store) -> BaseBackup:
    """Copy the cluster through `store`: `base.tar`, then its list of files.

    Incremental on top of `parent` if the server still knows what has changed since (`summarize_wal = on`,
    PostgreSQL 17 or newer); otherwise full, and the answer says why.

    Raises:
        BackupError: no fitting client, or pg_basebackup failed: no REPLICATION, tablespaces, WAL recycled, …
        BackupDamagedError: the server sent less than it lists.
        DatabaseError: the server cannot be reached.
    """
    access = address(url)
    facts, major, reason = _look_at(url, parent)
    tools = find_tools(major, ["pg_basebackup", "pg_combinebackup"] if major >= 17 else ["pg_basebackup"],
                       tls=access.tls)  # fmt: skip
    incremental = parent is not None and not reason
    with tempfile.TemporaryDirectory(prefix="tradeops-manifest-") as folder:
        command: list[str | Path] = [
            tools.path("pg_basebackup"),
            f"--dbname={access.dsn}",
            "--format=tar",
            "--pgdata=-",
            "--wal-method=fetch",  # the WAL that makes it consistent is inside, so it stands alone
            "--checkpoint=fast",
            "--no-password",
            "--label=tradeops",
        ]
        if parent is not None and incremental:
            known = Path(folder) / MANIFEST_FILE
            known.write_bytes(parent.manifest)
            command.append(f"--incremental={known}")
        index = TarIndex(keep=MANIFEST_FILE)
        chunks = index.watch(read_output(command, access))
        store(PartStream("base.tar", "base backup", OF_CLUSTER, chunks, version=tools.version))
    check_files(index)
    # PostgreSQL's list of files stays readable: the next incremental backup starts from it, on a machine that
    # cannot decrypt. It holds names and sizes, no rows.
    store(
        PartStream(
            MANIFEST_FILE,
            "backup_manifest",
            OF_CLUSTER,
            [bytes(index.kept)],
            stays_readable=True,
            version=tools.version,
        )
    )
    return BaseBackup(facts, incremental, reason)


def cluster_size(url: str) -> int:
    """Bytes of the databases of a server, of those whose size the login may ask."""
    engine = connect(url, application="tradeops:backup", pool_size=0)
    with engine.connect() as connection:
        size: int = connection.execute(sql("backups/describe_cluster")).one().size
    engine.dispose()
    return size


def _look_at(url: str, parent: Parent | None) -> tuple[DatabaseFacts, int, str]:
    """The cluster's facts, the server's major version, and why it cannot be an incremental ('': it can)."""
    engine = connect(url, application="tradeops:backup", pool_size=0, statement_timeout=timedelta(minutes=5))
    with engine.connect() as connection:
        version, number, size, summaries = connection.execute(sql("backups/describe_cluster")).one()
        reason = ""
        if parent is None:
            reason = "there is no full backup to build on"
        elif summaries != "on":
            reason = "the server does not track changes: set summarize_wal = on (PostgreSQL 17 or newer)"
        else:
            start = read_wal_ranges(parent.manifest)[0]["Start-LSN"]
            covered = connection.exec_driver_sql(
                "SELECT coalesce(bool_or(start_lsn <= %s::pg_lsn), false) FROM pg_available_wal_summaries()",
                (start,),
            ).scalar_one()
            if not covered:
                reason = "the server no longer knows what has changed since: raise wal_summary_keep_time"
    engine.dispose()
    facts = DatabaseFacts(database="the whole cluster", server_version=version, size=size)
    return facts, number // 10_000, reason


def check_base_backup(chunks: Iterable[bytes]) -> TarIndex:
    """Read a base backup's tar to its end and compare it with PostgreSQL's own list of its files.

    Raises:
        BackupDamagedError: it was cut, a file is missing or of another size, or the list itself was changed.
    """
    index = TarIndex(keep=MANIFEST_FILE)
    for _ in index.watch(chunks):
        pass
    check_files(index)
    return index


def check_files(index: TarIndex) -> None:
    """Compare what passed with the list: every file, its size, and the WAL that makes it consistent.

    Raises:
        BackupDamagedError: they differ.
    """
    if not index.ended:
        raise BackupDamagedError("the tar was cut: its end is missing")
    listed = read_manifest_file(bytes(index.kept))
    for entry in listed["Files"]:
        name = entry.get("Path") or bytes.fromhex(entry["Encoded-Path"]).decode("utf-8", "surrogateescape")
        size = index.files.get(name)
        if size is None:
            raise BackupDamagedError(f"the file {name} is missing")
        if size != entry["Size"]:
            raise BackupDamagedError(f"the file {name} has {size} bytes instead of {entry['Size']}")
    segments = {name.removeprefix("pg_wal/") for name in index.files if name.startswith("pg_wal/")}
    size = max((index.files[f"pg_wal/{name}"] for name in segments if re.fullmatch("[0-9A-F]{24}", name)),
               default=0)  # fmt: skip
    for wal in listed["WAL-Ranges"]:
        for segment in _segments(
            wal["Timeline"], _position(wal["Start-LSN"]), _position(wal["End-LSN"]), size
        ):
            if segment not in segments:
                raise BackupDamagedError(
                    f"the write-ahead log {segment} is missing: it could not be recovered"
                )


def read_manifest_file(raw: bytes) -> dict[str, Any]:
    """Read PostgreSQL's `backup_manifest`, whose last line is the SHA-256 of what stands before it.

    Raises:
        BackupDamagedError: it is missing, cut or changed.
    """
    body, found, _ = raw.rpartition(b'"Manifest-Checksum"')
    try:
        listed: dict[str, Any] = json.loads(raw)
    except ValueError:
        raise BackupDamagedError("PostgreSQL's list of files (backup_manifest) is missing or cut") from None
    if not found or hashlib.sha256(body).hexdigest() != listed.get("Manifest-Checksum"):
        raise BackupDamagedError("PostgreSQL's list of files (backup_manifest) was changed")
    return listed


def read_wal_ranges(raw: bytes) -> list[dict[str, Any]]:
    """From where to where the write-ahead log is needed."""
    ranges: list[dict[str, Any]] = read_manifest_file(raw)["WAL-Ranges"]
    if not ranges:
        raise BackupError("PostgreSQL's list of files names no range of the write-ahead log.")
    return ranges


def _position(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _segments(timeline: int, start: int, end: int, size: int) -> Iterator[str]:
    """The names of the WAL segments of `size` bytes that hold start up to end (XLogFileName)."""
    if not size:
        yield f"{timeline:08X}, from the start of the backup to its end,"
        return
    per_file = (1 << 32) // size
    for number in range(start // size, max(start, end - 1) // size + 1):
        yield f"{timeline:08X}{number // per_file:08X}{number % per_file:08X}"
