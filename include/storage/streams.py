"""Bytes on their way, chunk by chunk: counted, hashed, joined, cut, and taken from who writes them to a file.

Memory stays flat: a tool here holds a chunk or two. An error in the chunks passes through to whoever pulls.
"""

import hashlib
import io
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any


class CountedStream:
    """Chunks that are counted as they pass. An iterator: what was pulled is not given again.

    Attributes:
        chunks: how many have passed.
        size: bytes that have passed.
        failure: what the source raised, None so far: libraries that pull may wrap it in words of their own.
    """

    def __init__(self, source: Iterable[bytes]) -> None:
        self._source = iter(source)
        self.chunks = 0
        self.size = 0
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._source)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise
        self.chunks += 1
        self.size += len(chunk)
        return chunk

    def drain(self) -> None:
        """Pull what is left, so that count and hash are those of the whole."""
        for _ in self:
            pass


class HashedStream(CountedStream):
    """Chunks that are counted and hashed (SHA-256) as they pass."""

    def __init__(self, source: Iterable[bytes]) -> None:
        super().__init__(source)
        self._hash = hashlib.sha256()

    def __next__(self) -> bytes:
        chunk = super().__next__()
        self._hash.update(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        """The hash of what has passed so far, in hexadecimal."""
        return self._hash.hexdigest()


def cut_chunks(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Join and cut chunks into parts of exactly `size` bytes; the last may be shorter."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def join_chunks(chunks: Iterable[bytes], at_least: int) -> Iterator[bytes]:
    """Join chunks, none of which is cut, until they have `at_least` bytes; the last may have fewer."""
    held = io.BytesIO()
    for chunk in chunks:
        held.write(chunk)
        if held.tell() >= at_least:
            yield held.getvalue()
            held = io.BytesIO()
    if held.tell():
        yield held.getvalue()


class Outbox(io.RawIOBase):
    """A writable file that keeps what is written until it is taken. One may write while another takes."""

    def __init__(self) -> None:
        self._held: deque[bytes] = deque()
        self._position = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keep the bytes until they are taken."""
        piece = bytes(data)
        self._held.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        """The number of bytes written so far."""
        return self._position

    def take(self) -> bytes:
        """Give what was written since the last time; empty when that is nothing."""
        return b"".join(self._held.popleft() for _ in range(len(self._held)))
