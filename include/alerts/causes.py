"""What a failure is due to, so that a thousand failures of one cause are one alert.

Some causes strike many tasks at once. Our own exceptions say so as a value, `shared_cause`; of foreign ones
the text is matched. Any other failure is its task's own: the task, the type of the exception, and its text
without what differs from one time to the next.
"""

import errno
import hashlib
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass


class WorkerLostError(RuntimeError):
    """A task's worker stopped, and left no exception."""

    shared_cause = "worker"

    def __init__(self) -> None:
        super().__init__("the worker stopped without a word: killed, out of memory, or cut off")


MAX_ERROR_READ = 2_000  # characters of an error that are looked at
COMPARED_LENGTH = 200  # characters of a normalised text that tell causes apart

# Of libraries and programs, of which only text is left. Nothing of ours is recognised by its text: a class
# may move, and a sentence may be said better.
_DATABASE_AWAY = re.compile(
    r"(?:sqlalchemy\.exc|psycopg(?:\.errors)?)\.\w+: .{0,200}(?:server closed the connection unexpectedly"
    r"|terminating connection due to (?!idle)"
    r"|the database system is (?:starting up|shutting down|in recovery))"
    r"|psycopg\.OperationalError: connection to server at .{0,200} failed"
)
_DISK_IS_FULL = re.compile(r"No space left on device|could not extend file")
_DISK_FULL_STATE = "53100"  # SQLSTATE

_TYPE = re.compile(r"[A-Za-z_][\w.]{0,150}(?=:|\Z)")
# What differs from one time to the next: quoted names, UUIDs, times, addresses, numbers.
_VARIABLE = (
    (re.compile(r"'[^']{0,500}'|\"[^\"]{0,500}\"|`[^`]{0,500}`"), "'…'"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]?[\d:.,+Z-]*"), "<time>"),
    (re.compile(r"\b(?:0x)?(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"\d+"), "#"),
)


@dataclass(frozen=True)
class Cause:
    """`name` is short and the same for all failures of the cause; `message` introduces a shared one."""

    name: str
    message: str | None = None
    service: str | None = None  # as include.http and the probes name it

    @property
    def fingerprint(self) -> str:
        """The key under which its failures are counted."""
        return f"failure/{self.name}"


DATABASE = Cause("database", "The database is away", "postgres")
DISK = Cause("disk", "A disk is full")
WORKER_LOST = Cause("worker-lost", "Workers were lost")


def cause_of(task: str, error: BaseException | str) -> Cause:
    """Find the cause of a failure.

    Our own errors carry it as a value, whatever they were turned into on their way; the text counts where an
    exception is not ours, or is no longer there.

    Args:
        task: the DAG and the task, without the map index.
        error: the exception; or its type and text, as `traceback.format_exception_only` gives them.
    """
    if isinstance(error, str):
        return _shared_by_text(error[:MAX_ERROR_READ]) or _own(task, error[:MAX_ERROR_READ])
    message = "".join(traceback.format_exception_only(error)).strip()[:MAX_ERROR_READ]
    for one in _chain(error):
        if found := _shared_by_value(one):
            return found
        if hasattr(one, "shared_cause"):
            return _own(task, message)  # it says what it is about, and that is nothing shared
    return _shared_by_text(message) or _own(task, message)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what it came of, as a traceback shows it."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        yield from _driver_s(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _driver_s(error: BaseException) -> Iterator[BaseException]:
    """What the driver raised, inside SQLAlchemy's error."""
    original = getattr(error, "orig", None)
    if isinstance(original, BaseException):
        yield original


def _shared_by_value(error: BaseException) -> Cause | None:
    # Our own errors have it, and those of the driver that connect() has seen.
    match getattr(error, "shared_cause", None):
        case "worker":
            return WORKER_LOST
        case "database":
            return DATABASE
        case "service":
            return _service(str(getattr(error, "service", "")))
    if getattr(error, "sqlstate", None) == _DISK_FULL_STATE:
        return DISK
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DISK
    return None


def _shared_by_text(text: str) -> Cause | None:
    if _DATABASE_AWAY.match(text):
        return DATABASE
    if _DISK_IS_FULL.search(text):
        return DISK
    return None


def _service(name: str) -> Cause:
    return Cause(f"service:{name}", f"{name} does not answer as it should", name)


def _own(task: str, text: str) -> Cause:
    kind = _TYPE.match(text)
    return Cause(f"{task}/{kind[0].rpartition('.')[2] if kind else 'error'}/{_digest(text)}")


def _digest(text: str) -> str:
    for pattern, shown in _VARIABLE:
        text = pattern.sub(shown, text)
    alike = " ".join(text.split())[:COMPARED_LENGTH]
    return hashlib.md5(alike.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:8]
