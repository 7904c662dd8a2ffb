"""Verifying a backup: every part is hashed again and decoded to its end. A table of contents is no proof."""

import logging
from datetime import UTC, datetime

from sqlalchemy import Engine

from include.backups.catalogue import record_verdict, this_installation
from include.backups.engines import engine_of
from include.backups.manifest import (
    MANIFEST_NAME,
    BackupDamagedError,
    BackupError,
    BackupPart,
    Manifest,
    Verdict,
)
from include.backups.read import check_hash, open_backup, read_part
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
            engine or program here can read it: no verdict then.
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
    except BackupDamagedError as error:
        verdict = Verdict(depth="bad", checked_at=datetime.now(UTC), reason=str(error))
    else:
        reason = f"hashed only, for there is no private key here: {', '.join(undecoded)}" if undecoded else ""
        verdict = Verdict(
            depth="hashed" if undecoded else "decoded", checked_at=datetime.now(UTC), reason=reason
        )
    record_verdict(engine, storage, backup_id, verdict)
    return verdict


def _check_parent(storage: Storage, parent: str) -> None:
    if storage.stat(f"{parent}/{MANIFEST_NAME}") is None:
        raise BackupDamagedError(f"the backup {parent}, on which it builds, is gone")
    open_backup(storage, parent)


def _decode(storage: Storage, manifest: Manifest, part: BackupPart, identity: str | None) -> None:
    """Read the content to its end as a restore would, then whatever follows, to the hash of the last byte."""
    chunks = read_part(storage, manifest, part, identity)
    engine = engine_of(part)
    try:
        engine.check(manifest, part, chunks)
        for _ in chunks:
            pass
    except BackupDamagedError as error:
        message = str(error)
        raise BackupDamagedError(message if part.name in message else f"{part.name}: {message}") from error
