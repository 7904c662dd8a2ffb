"""Objects as files below a local folder."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from include.files import free_bytes, write_atomically
from include.storage.storage import READ_BYTES, NotStoredError, StorageError, Stored, bounded, check_key
from include.storage.streams import HashedStream

UNFINISHED = ".unfinished"  # no key begins with a dot


class FolderStorage:
    """A folder; see `Storage`. It is made by the first `write`, readable by its owner only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self._root)

    def write(self, key: str, chunks: Iterable[bytes], *, size_limit: int | None = None) -> Stored:
        """Write beside the place and rename, so that a reader sees the whole or nothing."""
        path = self._path(key)
        content = HashedStream(bounded(chunks, key, size_limit))
        unfinished = self._root / UNFINISHED / uuid.uuid4().hex
        with self._in_words(key, content):
            for folder in (unfinished.parent, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(path, content, unfinished=unfinished)
            return self._stored(key, path, content.sha256)

    def read(self, key: str) -> Iterator[bytes]:
        """Open the file and give it piece by piece."""
        path = self._path(key)
        with self._in_words(key):
            file = path.open("rb")
        return self._pieces(key, file)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Walk the folder; links are not followed."""
        with self._in_words(prefix):
            keys = (
                sorted(key for key in self._keys() if key.startswith(prefix)) if self._root.exists() else []
            )
        for key in keys:
            if stored := self.stat(key):  # it may be gone by now
                yield stored

    def stat(self, key: str) -> Stored | None:
        """Describe the file."""
        path = self._path(key)
        with self._in_words(key):
            return self._stored(key, path) if path.is_file() else None

    def delete(self, key: str) -> None:
        """Remove the file; its folders stay."""
        path = self._path(key)
        with self._in_words(key):
            path.unlink(missing_ok=True)

    def free_bytes(self) -> int | None:
        """Count the free bytes of the disk that the folder is on, or will be on."""
        with self._in_words(""):
            return free_bytes(self._root)

    def abort_unfinished(self, older_than: timedelta) -> int:
        """Remove the files that writers left when they died."""
        before = (datetime.now(UTC) - older_than).timestamp()
        removed = 0
        with self._in_words(UNFINISHED):
            for path in (self._root / UNFINISHED).glob("*"):
                if path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _keys(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self._root, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (Path(folder, name) for name in files if not name.startswith(".")):
                if not path.is_symlink():
                    yield path.relative_to(self._root).as_posix()

    def _path(self, key: str) -> Path:
        """Where the key's file is: never outside the folder, whatever links lie in it."""
        path = self._root / check_key(key)
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise StorageError(f"{key} leads out of {self._root} over a link")
        return path

    def _stored(self, key: str, path: Path, sha256: str | None = None) -> Stored:
        status = path.stat()
        return Stored(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), sha256)

    def _pieces(self, key: str, file: BinaryIO) -> Iterator[bytes]:
        with file:
            while True:
                with self._in_words(key):
                    piece = file.read(READ_BYTES)
                if not piece:
                    return
                yield piece

    @contextmanager
    def _in_words(self, key: str, content: HashedStream | None = None) -> Iterator[None]:
        """Say what the disk cannot do; what the content itself raises passes as it is."""
        try:
            yield
        except OSError as error:
            if content is not None and error is content.failure:
                raise
            if isinstance(error, FileNotFoundError):
                raise NotStoredError(f"There is no {key} in {self._root}") from error
            raise StorageError(f"{self._root}: {key or 'the folder'}: {error.strerror or error}") from error


def _raise(error: OSError) -> None:
    raise error
