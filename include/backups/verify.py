"""Verifying a backup: every part is hashed again and decoded to its end. A table of contents is no proof."""

import logging
from datetime import UTC, datetime

from sqlalchemy import Engine

from include.backups.catalogue import record_verdict, this_installation
from include.backups.manifest import BackupDamaged, BackupError, Manifest, Part, Verdict
from include.backups.postgres.archive import find_reader
from include.backups.postgres.base_backup import check_base_backup, read_manifest_file
from include.backups.postgres.dump import check_directory, check_dump
from include.backups.read import check_hash, open_backup, read_part
from include.backups.tar import read_tar
from include.storage import Storage

logger = logging.getLogger(__name__)


def verify_backup(engine: Engine, storage: Storage, backup_id: str, identity: str | None = None) -> Verdict:
    """Check a whole backup and write the verdict down, in the catalogue and beside the manifest.

    Parts that are encrypted are decoded only where their private key is given; without it they are hashed,
    and the verdict is `hashed`. An incremental backup is `bad` when its parent cannot be opened.

    Args:
        engine: the platform's database, for the catalogue.
        storage: where the backup is.
        backup_id: which.
        identity: the private age key, if this machine may read backups.

    Raises:
        BackupError: there is no such backup, it is another installation's, the identity is no key, or no
            pg_restore fits: no verdict then.
        StorageError: the storage cannot be reached: no verdict either.
    """
    manifest = open_backup(storage, backup_id)
    if manifest.installation not in (None, this_installation(engine)):
        raise BackupError(
            f"{backup_id} was made by another installation ({manifest.installation}): verify it there, "
            "where its verdict is kept. To restore it here is possible."
        )
    undecoded: list[str] = []
    try:
        if manifest.parent is not None:
            _check_parent(storage, manifest.parent)
        for part in manifest.parts:
            logger.info("%s: checking %s, %d MiB", backup_id, part.name, part.size >> 20)
            if part.encrypted and identity is None:
                check_hash(storage, manifest, part)
                undecoded.append(part.name)
            else:
                _decode(storage, manifest, part, identity)
    except BackupDamaged as error:
        verdict = Verdict(depth="bad", checked_at=datetime.now(UTC), reason=str(error))
    else:
        reason = f"hashed only, for there is no private key here: {', '.join(undecoded)}" if undecoded else ""
        verdict = Verdict(
            depth="hashed" if undecoded else "decoded", checked_at=datetime.now(UTC), reason=reason
        )
    record_verdict(engine, storage, backup_id, verdict)
    return verdict


def _check_parent(storage: Storage, parent: str) -> None:
    if storage.stat(f"{parent}/manifest.json") is None:
        raise BackupDamaged(f"the backup {parent}, on which it builds, is gone")
    open_backup(storage, parent)


def _decode(storage: Storage, manifest: Manifest, part: Part, identity: str | None) -> None:
    """Read the content to its end as a restore would, then whatever follows, to the hash of the last byte."""
    chunks = read_part(storage, manifest, part, identity)
    try:
        if part.content == "pg_dump":
            check_dump(chunks, find_reader(manifest, part))
        elif part.content == "pg_dump directory":
            check_directory(chunks, part.raw_size, find_reader(manifest, part))
        elif part.content == "base backup":
            check_base_backup(chunks)
        elif part.content == "backup_manifest":
            read_manifest_file(b"".join(chunks))
        else:
            read_tar(chunks)
        for _ in chunks:
            pass
    except BackupDamaged as error:
        words = str(error)
        raise BackupDamaged(words if part.name in words else f"{part.name}: {words}") from error
