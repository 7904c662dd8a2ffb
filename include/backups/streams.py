"""Streams of bytes on their way into and out of the storage: zstd and age. Memory stays flat.

Each step takes an iterable of chunks and is an iterator of chunks, so a backup is one chain that is pulled at
its end. An error anywhere in the chain passes through to whoever pulls, and nothing is stored.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from include.backups.manifest import BackupDamagedError, BackupError
from include.storage.streams import Outbox

CHUNK = 1 << 20  # bytes
BYTES_PER_GIB = 1 << 30
ZSTD_LEVEL = 3  # zstd's default: level 6 is half as fast and saves 4 %
ZSTD_THREADS = 3  # threads of zstd
CHUNKS_IN_FLIGHT = 4  # chunks that wait for the encryption


class ChunkReader:
    """A readable file over chunks: what age, zstd and tar ask for.

    `failure` keeps what the chunks raised: libraries wrap it in words of their own.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, fewer only at the end; all when negative."""
        pieces: list[bytes | memoryview] = []
        missing = size
        while size < 0 or missing > 0:
            if not self._rest:
                try:
                    self._rest = memoryview(next(self._chunks))
                except StopIteration:
                    break
                except BaseException as error:
                    self.failure = error
                    raise
                continue
            piece = self._rest if size < 0 else self._rest[:missing]
            self._rest = self._rest[len(piece) :]
            missing -= len(piece)
            pieces.append(piece)
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)


def compress(chunks: Iterable[bytes]) -> Generator[bytes]:
    """One zstd frame with a checksum of its content."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, threads=ZSTD_THREADS, write_checksum=True)
    chunker = compressor.chunker(chunk_size=CHUNK)
    for chunk in chunks:
        yield from chunker.compress(chunk)
    yield from chunker.finish()  # type: ignore[no-untyped-call]


def decompress(chunks: Iterable[bytes]) -> Generator[bytes]:
    """The content of a zstd frame, however strongly it was compressed, in chunks.

    A stream that was cut may end early without a word: compare the size (`read_part` does).

    Raises:
        BackupDamagedError: it is no zstd stream, or its checksum does not fit.
    """
    import zstandard

    source = ChunkReader(chunks)
    reader = zstandard.ZstdDecompressor().stream_reader(source, read_size=CHUNK, closefd=False)  # type: ignore[arg-type]
    try:
        while chunk := reader.read(CHUNK):
            yield chunk
    except zstandard.ZstdError as error:
        raise BackupDamagedError(f"cannot be decompressed: {error}") from error


def encrypt(chunks: Iterable[bytes], recipient: str) -> Generator[bytes]:
    """The chunks in age's format, for whoever has the private key of `recipient`; we do not.

    Raises:
        BackupError: the recipient is no public age key.
    """
    import pyrage

    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise BackupError(
            f"The setting backup_recipient is no public age key (age1…): {error}. `age-keygen` makes a pair."
        ) from error
    return _push(chunks, lambda source, target: pyrage.encrypt_io(source, target, [key]))


def decrypt(chunks: Iterable[bytes], identity: str) -> Generator[bytes]:
    """What was encrypted for the private key `identity`. Every 64 KiB are authenticated before they come out.

    Raises:
        BackupError: the identity is no private age key.
        BackupDamagedError: it was encrypted for another key, was changed, or was cut.
    """
    import pyrage

    try:
        key = pyrage.x25519.Identity.from_str(identity.strip())
    except pyrage.IdentityError:
        raise BackupError("The private key is no age key (AGE-SECRET-KEY-1…).") from None

    def work(source: ChunkReader, target: Any) -> None:
        try:
            pyrage.decrypt_io(source, target, [key])
        except (pyrage.DecryptError, OSError) as error:  # OSError: after the header, that is how it says so
            raise BackupDamagedError(f"cannot be decrypted: {error}") from error

    return _push(chunks, work)


class _StoppedError(Exception):
    """Whoever pulled has gone."""


def _push(chunks: Iterable[bytes], work: Callable[[ChunkReader, Any], None]) -> Generator[bytes]:
    """Run `work(source, target)` in a thread beside us and give what it writes.

    The chunks are pulled here, in the caller's thread, so that closing this generator closes them too and
    never waits for a program that says nothing. What comes out is as large as what goes in, so bounding the
    one side bounds both.
    """
    inbox: queue.Queue[bytes | type[_StoppedError] | None] = queue.Queue(CHUNKS_IN_FLIGHT)
    outbox = Outbox()
    failures: list[BaseException] = []

    def arriving() -> Iterator[bytes]:
        while (chunk := inbox.get()) is not None:
            if not isinstance(chunk, bytes):
                raise _StoppedError
            yield chunk

    def run() -> None:
        source = ChunkReader(arriving())
        try:
            work(source, outbox)
        except BaseException as error:
            failures.append(source.failure or error)

    thread = threading.Thread(target=run, name="age", daemon=True)

    def hand_over(chunk: bytes | type[_StoppedError] | None) -> None:
        while thread.is_alive():  # a thread that has failed takes nothing more
            with contextlib.suppress(queue.Full):
                inbox.put(chunk, timeout=0.2)
                break

    thread.start()
    last: bytes | type[_StoppedError] | None = _StoppedError
    try:
        for chunk in chunks:
            hand_over(chunk)
            if failures:
                break
            if written := outbox.take():
                yield written
        last = None
    finally:
        hand_over(last)
        thread.join()
    if failures:
        raise failures[0]
    if written := outbox.take():
        yield written
