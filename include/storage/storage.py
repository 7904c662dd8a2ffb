"""What every store offers, whatever holds the bytes, and the keys that it accepts."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

READ_BYTES = 1 << 20  # what `read` hands out at a time

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class StorageError(RuntimeError):
    """The store cannot do what was asked; the message says why and holds no secret."""


class NotStored(StorageError):
    """There is no object of that key."""


class TooLarge(StorageError):
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

        When the chunks end in an error, or exceed `size_limit` bytes (TooLarge), nothing has changed.
        """

    def read(self, key: str) -> Iterator[bytes]:
        """Open an object and give its bytes, piece by piece. Raises NotStored at once."""

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


class Measure:
    """Counts and digests chunks on their way, and ends them at a limit."""

    def __init__(self, key: str, size_limit: int | None) -> None:
        self.size = 0
        self._key, self._limit, self._digest = key, size_limit, hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what has passed so far, in hexadecimal."""
        return self._digest.hexdigest()

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the chunks on. Raises TooLarge before the first byte beyond the limit."""
        for chunk in chunks:
            self.size += len(chunk)
            if self._limit is not None and self.size > self._limit:
                raise TooLarge(
                    f"{self._key} is larger than the limit of {self._limit} bytes; it was not stored"
                )
            self._digest.update(chunk)
            yield chunk
