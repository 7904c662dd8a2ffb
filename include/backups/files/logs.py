"""Log files as a backup: those that changed since the last one, redacted, in one tar.

What a rotation has compressed by gzip meanwhile is unpacked on the way, for a redaction has to read it; its
name gets a `.txt` behind, so that it does not meet the file that it was made of.
"""

import gzip
import logging
import math
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

from include.backups.manifest import BackupError
from include.backups.tar import tar_files
from include.telemetry import redact

BLOCK_LENGTH = 256 * 1024  # characters that are redacted at a time
MAX_KEY_LENGTH = 64 * 1024  # characters that a private key may go on after a block
MAX_FILE_IN_MEMORY = 8 << 20  # bytes of a redacted file before it goes to the disk
MAX_UNPACKED_SIZE = 4 << 30  # bytes that one .gz may hold
UNREDACTABLE_SUFFIXES = {".zst", ".bz2", ".xz", ".zip"}
MAX_FILES_NAMED = 20  # files left out that the manifest names

logger = logging.getLogger(__name__)


class Logs:
    """The files to take: everything in the folders that was written to since `since` (all, when None)."""

    def __init__(self, folders: Sequence[Path], since: datetime | None) -> None:
        self.left_out: list[str] = []
        missing = [str(folder) for folder in folders if not folder.is_dir()]
        if missing:
            raise BackupError(f"There is no folder of logs {', '.join(missing)}: see backup_log_folders.")
        start = since.timestamp() if since else -math.inf
        self._files = [
            (f"{number}-{in_utf8(folder.name)}/{in_utf8(str(path.relative_to(folder)))}", path)
            for number, folder in enumerate(folders)
            for path in self._walk(folder)
            if path.stat().st_mtime >= start
        ]

    def _walk(self, folder: Path) -> Iterator[Path]:
        """The files below a folder, in the order of their paths; a folder that may not be read is noted."""

        def note(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                self.left_out.append(f"log folder {in_utf8(str(error.filename))}: {error.strerror}")

        found = []
        for parent, folders, names in os.walk(folder, onerror=note):
            folders[:] = [name for name in folders if self._may_enter(Path(parent, name))]
            found += [Path(parent, name) for name in names]
        for path in sorted(found):
            try:
                if not path.is_symlink() and path.is_file():
                    yield path
            except OSError as error:
                note(error)

    def _may_enter(self, folder: Path) -> bool:
        """Whether its files can be read: one that may be listed and not entered has names only."""
        if folder.is_symlink():
            return False
        if os.access(folder, os.R_OK | os.X_OK):
            return True
        self.left_out.append(f"log folder {in_utf8(str(folder))}: this user may not read it")
        return False

    @property
    def size(self) -> int:
        """What they are on the disk."""
        return sum(path.stat().st_size for _, path in self._files if path.exists())

    def tar(self) -> Iterator[bytes]:
        """The redacted files as a tar, in chunks. What cannot be redacted is left out and noted."""
        yield from tar_files(self._redacted())
        further = len(self.left_out) - MAX_FILES_NAMED
        if further > 0:
            self.left_out[MAX_FILES_NAMED:] = [f"{further} further log files of these kinds"]

    def _redacted(self) -> Iterator[tuple[str, IO[bytes]]]:
        for name, path in self._files:
            if path.suffix in UNREDACTABLE_SUFFIXES:
                self.left_out.append(f"log {name}: packed, so it cannot be redacted")
                continue
            zipped = path.suffix == ".gz"
            opener = gzip.open if zipped else open
            try:
                # universal newlines off: the file is kept as it is but for its secrets
                with opener(path, "rt", encoding="utf-8", errors="replace", newline="") as source:
                    if "\0" in source.read(1024):
                        self.left_out.append(f"log {name}: no text, so it cannot be redacted")
                        continue
                    source.seek(0)
                    with tempfile.SpooledTemporaryFile(MAX_FILE_IN_MEMORY) as cleaned:
                        for block in redacted_blocks(source):
                            cleaned.write(block.encode())
                            if zipped and cleaned.tell() > MAX_UNPACKED_SIZE:
                                raise zlib.error(f"it holds more than {MAX_UNPACKED_SIZE >> 20} MiB")
                        yield f"{name}.txt" if zipped else name, cleaned
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                self.left_out.append(f"log {name}: it cannot be unpacked: {error}")
            except FileNotFoundError:
                logger.info("log %s was rotated away meanwhile", name)
            except PermissionError:
                self.left_out.append(f"log {name}: this user may not read it")


def in_utf8(name: str) -> str:
    """A name without the bytes that are no UTF-8, which no manifest can hold: `caf\\xe9.log`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def redacted_blocks(source: IO[str]) -> Iterator[str]:
    """The text without secrets, in blocks of whole lines. A private key over two blocks is seen as one."""
    while block := source.read(BLOCK_LENGTH):
        block += source.readline()
        most = len(block) + MAX_KEY_LENGTH
        while block.rfind("-----BEGIN") > block.rfind("-----END") and len(block) < most:
            line = source.readline()
            if not line:
                break
            block += line
        yield redact(block)
