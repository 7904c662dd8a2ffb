"""`neo4j-admin`, where an operator has one: a dump of a database that is stopped, and its way back.

No real Neo4j has confirmed this module: its tests run a fake program. docs/backups.md says what that
leaves open.
"""

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.programs import feed, read_output
from include.backups.streams import ChunkReader

PIECE = 1 << 10  # compressed bytes decoded at once: zeros grow by a factor of 30,000
ENVIRONMENT = ("PATH", "HOME", "JAVA_HOME", "LANG")  # and NEO4J_…: what the program reads

# How a dump begins: of version 5, then of version 4, whose streams have no name before them.
ZSTD_DUMP, GZIP_DUMP = b"DZV1", b"DGV1"
ZSTD_FRAME, GZIP_FRAME = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"


@dataclass(frozen=True)
class AdminProgram:
    """The program; it works on the files of the server's machine, and knows no password."""

    path: Path
    password: None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """Of the child: where Java and Neo4j are."""
        return {
            name: value
            for name, value in os.environ.items()
            if name in ENVIRONMENT or name.startswith("NEO4J_")
        }

    def version(self) -> str:
        """What it says its version is.

        Raises:
            BackupError: there is no such program, or it fails.
        """
        try:
            said = b"".join(read_output([self.path, "--version"], self))
        except OSError as error:
            raise BackupError(
                f"The setting neo4j_admin names {self.path}, which does not start: {error}"
            ) from None
        return said.decode("utf-8", "replace").strip()

    def dump(self, database: str) -> Iterator[bytes]:
        """A dump of a stopped database, in chunks.

        Raises:
            BackupError: it failed; a database that runs is refused by the program.
        """
        return read_output([self.path, "database", "dump", database, "--to-stdout"], self)

    def load(self, database: str, chunks: Iterable[bytes], *, replace: bool) -> None:
        """Load a dump into a stopped database; one that is there is only overwritten if told.

        Raises:
            BackupError: it failed, or there is such a database.
        """
        overwrite = ["--overwrite-destination=true"] if replace else []
        feed([self.path, "database", "load", database, "--from-stdin", *overwrite], chunks, self)


def check_dump(chunks: Iterable[bytes]) -> None:
    """Decompress a dump to its end: that finds one that was cut, though not one that was never whole.

    Raises:
        BackupDamagedError: it was cut or changed.
        BackupError: it begins as no dump that is known here does, so nobody can say.
    """
    import zstandard

    source = ChunkReader(chunks)
    beginning = source.read(PIECE)
    content = beginning[4:] if beginning[:4] in (ZSTD_DUMP, GZIP_DUMP) else beginning
    if not beginning:
        raise BackupDamagedError("the dump is empty")
    if not content.startswith((ZSTD_FRAME, GZIP_FRAME)):
        raise BackupError(f"The dump begins with {beginning[:4]!r}, which this version does not know.")
    zstd = zstandard.ZstdDecompressor()
    begin = zstd.decompressobj if content.startswith(ZSTD_FRAME) else lambda: zlib.decompressobj(31)
    decoder = begin()
    try:
        for piece in chain([content], iter(lambda: source.read(PIECE), b"")):
            rest = piece
            while rest:
                if decoder.eof:
                    decoder = begin()
                decoder.decompress(rest)
                rest = decoder.unused_data if decoder.eof else b""
    except (zstandard.ZstdError, zlib.error) as error:
        raise BackupDamagedError(f"the dump cannot be decompressed: {error}") from error
    if not decoder.eof:
        raise BackupDamagedError("the dump ends too early")
