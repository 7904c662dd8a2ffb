"""Reading backups: find them in a storage, open one, take its parts out decoded."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from include.backups.manifest import MANIFEST_NAME, BackupDamagedError, BackupError, BackupPart, Manifest
from include.backups.streams import decompress, decrypt
from include.storage import NotStoredError, Storage
from include.storage.streams import CountedStream, HashedStream

MAX_MANIFEST_SIZE = 64 << 20  # bytes of a manifest


def open_backup(storage: Storage, backup_id: str) -> Manifest:
    """Read the manifest of a backup from the storage itself; the catalogue is not asked.

    Raises:
        BackupError: there is no backup of this id.
        BackupDamagedError: its manifest cannot be read.
        StorageError: the storage cannot be reached.
    """
    if "/" in backup_id or not backup_id:
        raise BackupError(f"{backup_id!r} is no id of a backup.")
    raw = read_small(storage, f"{backup_id}/{MANIFEST_NAME}")
    if raw is None:
        raise BackupError(
            f"There is no backup {backup_id}: it has no manifest. It was never finished, or was deleted."
        )
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(place) for place in first["loc"])
        raise BackupDamagedError(
            f"the manifest of {backup_id} cannot be read: {where}: {first['msg']}"
        ) from error
    if manifest.id != backup_id:
        raise BackupDamagedError(f"the manifest in the folder {backup_id} is that of {manifest.id}")
    return manifest


def read_part(
    storage: Storage, manifest: Manifest, part: BackupPart, identity: str | None = None
) -> Iterator[bytes]:
    """The content of a part, decrypted and decompressed, in chunks: flat memory for any size.

    The hash is known only at the end: use nothing of it for good before the iterator has ended.

    Args:
        storage: where the backup is.
        manifest: the backup.
        part: one of its parts.
        identity: the private age key (AGE-SECRET-KEY-1…), for encrypted parts.

    Raises:
        BackupError: the part is encrypted, and no identity was given.
        BackupDamagedError: what is stored is not what was written.
        StorageError: the storage cannot be reached.
    """
    if part.encrypted and identity is None:
        raise BackupError(
            f"{part.name} of {manifest.id} is encrypted for {manifest.recipient}: it needs that private key, "
            "as password of the connection backup_identity."
        )
    with _naming(manifest, part):
        stored = HashedStream(read_stored(storage, manifest, part))
        chunks: Iterator[bytes] = stored
        if part.encrypted and identity is not None:
            chunks = decrypt(chunks, identity)
        if part.compressed:
            chunks = decompress(chunks)
        decoded = CountedStream(chunks)
        yield from decoded
        _compare(stored, part)
        if decoded.size != part.raw_size:
            raise BackupDamagedError(f"decodes to {decoded.size} bytes instead of {part.raw_size}")


def check_hash(storage: Storage, manifest: Manifest, part: BackupPart) -> None:
    """Read a part as it is stored and compare its SHA-256 with the manifest's.

    Raises:
        BackupDamagedError: they differ, or the part is gone.
        StorageError: the storage cannot be reached.
    """
    with _naming(manifest, part):
        _compare(HashedStream(read_stored(storage, manifest, part)), part)


def read_stored(storage: Storage, manifest: Manifest, part: BackupPart) -> Iterator[bytes]:
    """The bytes of a part as they are stored.

    Raises:
        BackupDamagedError: the part is gone.
    """
    try:
        pieces = storage.read(manifest.key(part))
    except NotStoredError:
        raise BackupDamagedError("it is gone from the storage") from None
    yield from pieces


def read_small(storage: Storage, key: str) -> bytes | None:
    """A small object whole; None when there is none.

    Raises:
        BackupDamagedError: it is far larger than anything we write there.
    """
    found = storage.stat(key)
    if found is None:
        return None
    if found.size > MAX_MANIFEST_SIZE:
        raise BackupDamagedError(f"{key} has {found.size} bytes: that is none of ours")
    return b"".join(storage.read(key))


@contextmanager
def _naming(manifest: Manifest, part: BackupPart) -> Iterator[None]:
    """Say of which part a damage is."""
    try:
        yield
    except BackupDamagedError as error:
        raise BackupDamagedError(f"{part.name} of {manifest.id}: {error}") from error


def _compare(stored: HashedStream, part: BackupPart) -> None:
    """Read what is left, then compare size and hash with the manifest's."""
    stored.drain()
    if stored.size != part.size:
        raise BackupDamagedError(f"has {stored.size} bytes instead of {part.size}")
    if stored.sha256 != part.sha256:
        raise BackupDamagedError("its SHA-256 is not that of the manifest: bytes have changed")
