"""Tar as a stream: written file by file, unpacked, read to its end, or watched as it passes."""

import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.streams import CHUNK, ChunkReader

MAX_KEPT_SIZE = 256 << 20  # bytes of the one file that is kept; a list of a million files takes about 150 MB


def tar_folder(folder: Path) -> Iterator[bytes]:
    """A tar of a folder, file by file, in chunks."""
    yield from tar_files((f"{folder.name}/{path.name}", path) for path in sorted(folder.iterdir()))


def tar_files(files: Iterable[tuple[str, Path | IO[bytes]]]) -> Iterator[bytes]:
    """A tar of files, or of open ones at their beginning, under these names, in chunks; read once."""
    for name, source in files:
        if isinstance(source, Path):
            with source.open("rb") as handle:
                yield from _member(name, handle)
        else:
            yield from _member(name, source)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, handle: IO[bytes]) -> Iterator[bytes]:
    size = handle.seek(0, 2)
    handle.seek(0)
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o600
    yield header.tobuf(tarfile.PAX_FORMAT)
    left = size
    while left:
        chunk = handle.read(min(CHUNK, left))
        if not chunk:
            raise BackupError(f"{name} became shorter while it was read.")
        left -= len(chunk)
        yield chunk
    yield bytes(-size % tarfile.BLOCKSIZE)


def unpack(chunks: Iterable[bytes], folder: Path) -> None:
    """Unpack a tar, which may come from outside, into the folder and nowhere else.

    Raises:
        BackupDamagedError: it is no tar, was cut, or holds a path that leads out of the folder.
    """
    with _reading(chunks) as archive:
        archive.extractall(folder, filter="data")


def read_tar(chunks: Iterable[bytes]) -> dict[str, int]:
    """Read a tar to its end; gives the sizes of its files.

    Raises:
        BackupDamagedError: it is no tar, or was cut.
    """
    sizes = {}
    with _reading(chunks) as archive:
        for member in archive:
            content = archive.extractfile(member)
            while content is not None and content.read(CHUNK):
                pass
            sizes[member.name] = member.size
    return sizes


@contextmanager
def _reading(chunks: Iterable[bytes]) -> Iterator[tarfile.TarFile]:
    source = ChunkReader(chunks)
    try:
        with tarfile.open(fileobj=source, mode="r|") as archive:  # type: ignore[call-overload]
            yield archive
    except tarfile.TarError as error:
        raise source.failure or BackupDamagedError(f"the tar cannot be read: {error}") from error


class TarIndex:
    """The names and sizes of a tar's files, found while its bytes pass, and the content of one of them."""

    def __init__(self, keep: str) -> None:
        self.files: dict[str, int] = {}
        self.kept = bytearray()
        self.ended = False
        self._keep = keep
        self._header = bytearray()
        self._skip = 0  # bytes until the next header
        self._wanted = 0  # of them, how many are kept

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the chunks on unchanged.

        Raises:
            BackupDamagedError: this is no tar.
        """
        for chunk in chunks:
            self._feed(memoryview(chunk))
            yield chunk

    def _feed(self, rest: memoryview) -> None:
        while rest and not self.ended:
            if self._skip:
                step = min(self._skip, len(rest))
                self.kept += rest[: min(step, self._wanted)]
                self._wanted -= min(step, self._wanted)
                self._skip -= step
            else:
                step = min(tarfile.BLOCKSIZE - len(self._header), len(rest))
                self._header += rest[:step]
                if len(self._header) == tarfile.BLOCKSIZE:
                    self._begin_file(bytes(self._header))
                    self._header.clear()
            rest = rest[step:]

    def _begin_file(self, header: bytes) -> None:
        if not header.strip(b"\0"):
            self.ended = True
            return
        if header[257:262] != b"ustar":
            raise BackupDamagedError("the stream is no tar: a header is missing")
        prefix, name = _text(header[345:500]), _text(header[:100])
        size = _number(header[124:136])
        if header[156:157] in (b"0", b"\0"):
            name = f"{prefix}/{name}" if prefix else name
            name = name.removeprefix("./")
            self.files[name] = size
            if name == self._keep:
                if size > MAX_KEPT_SIZE:
                    raise BackupDamagedError(f"{name} is implausibly large")
                self._wanted = size
        self._skip = -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(raw: bytes) -> int:
    if raw[0] & 0x80:  # beyond 8 GiB: base 256
        return int.from_bytes(raw[1:], "big")
    digits = raw.strip(b" \0")
    if not re.fullmatch(rb"[0-7]*", digits):
        raise BackupDamagedError("the stream is no tar: a size cannot be read")
    return int(digits or b"0", 8)
