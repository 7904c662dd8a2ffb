"""What every store offers, whatever holds the bytes, and the keys that it accepts."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

READ_BYTES = 1 << 20  # what `read` hands out at a time

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class StorageError(RuntimeError):
    """The store cannot do what was asked; the message says why and holds no secret."""


class NotStoredError(StorageError):
    """There is no object of that key."""


class TooLargeError(StorageError):
    """The object would exceed the size limit; nothing of it is stored."""


@dataclass(frozen=True)
class Stored:
    """An object in a store."""

    key: str
    size: int  # bytes
    modified: datetime  # when it was stored, tz-aware UTC, by the store's clock
    sha256: str | None = None  # in hexadecimal; known to the one who wrote it only


class Storage(Protocol):
    """A place for objects under keys like `exports/2026-11-20/trades-00001.csv`.

    Every method raises StorageError when the store fails, and when a key is not relative, or has an empty
    part, one that begins with a dot, a backslash or a control character.
    """

    @property
    def location(self) -> str:
        """Where it is, in the form that `open_storage` takes."""

    def write(self, key: str, chunks: Iterable[bytes], *, size_limit: int | None = None) -> Stored:
        """Store the chunks as one object, in flat memory; it replaces a former one at once, when whole.

        When the chunks end in an error, or exceed `size_limit` bytes (TooLargeError), nothing has changed.
        """

    def read(self, key: str) -> Iterator[bytes]:
        """Open an object and give its bytes, piece by piece. Raises NotStoredError at once."""

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Give the objects whose keys begin with the prefix, in the order of their keys."""

    def stat(self, key: str) -> Stored | None:
        """Describe an object, None if there is none."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def free_bytes(self) -> int | None:
        """Count the bytes that still fit, None where nobody knows."""

    def abort_unfinished(self, older_than: timedelta) -> int:
        """Clear away what writers that died left behind longer ago than this; count it."""


def check_key(key: str) -> str:
    """Return the key, or raise StorageError saying what is wrong with it."""
    problem = None
    if not key or len(key.encode("utf-8", "surrogatepass")) > 1024:
        problem = "it must have 1 to 1024 bytes"
    elif _CONTROL.search(key):
        problem = "it holds a backslash or a control character"
    elif not key.isprintable():
        problem = "it holds a character that cannot be shown"
    elif key.startswith("/") or "" in key.split("/"):
        problem = "it must be relative and have no empty part"
    elif any(part.startswith(".") for part in key.split("/")):
        problem = "a part of it begins with a dot"
    elif any(len(part.encode()) > 255 for part in key.split("/")):
        problem = "a part of it is longer than 255 bytes"
    if problem:
        raise StorageError(f"{key[:200]!r} is no key for an object: {problem}")
    return key


def bounded(chunks: Iterable[bytes], key: str, size_limit: int | None) -> Iterator[bytes]:
    """Pass the chunks of an object on. Raises TooLargeError before the first byte beyond the limit."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size_limit is not None and size > size_limit:
            raise TooLargeError(f"{key} is larger than the limit of {size_limit} bytes; it was not stored")
        yield chunk
