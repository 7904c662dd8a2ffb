"""What a failure is due to, so that a thousand failures of one cause are one alert.

Some causes strike many tasks at once and are known by their words. Any other failure is its task's own: the
task, the type of the exception, and its text without what differs from one time to the next.
"""

import hashlib
import re
from dataclasses import dataclass

KILLED = "the worker stopped without a word: killed, out of memory, or cut off"

READ = 2_000  # characters of an error that are looked at
ALIKE = 200  # characters of a normalised text that tell causes apart

# Causes that many tasks share, by the words of the error.
_DATABASE = re.compile(
    r"The database '[^']*' at \S+ (?:cannot be reached|has no connection left)"
    r"|connection to server at .{0,200} failed|server closed the connection unexpectedly"
    r"|terminating connection due to|the database system is (?:starting up|shutting down|in recovery)"
    r"|include\.http\.errors\.QuotaUnknown"
)
_SERVICE = re.compile(
    r"include\.http\.errors\.(?:Unavailable|BreakerOpen|RateLimited|BadAnswer): ([\w.-]{1,60}): "
)
_DISK = re.compile(r"No space left on device|could not extend file")

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
    """`name` is short and the same for all failures of the cause; `words` introduce a shared one."""

    name: str
    words: str | None = None
    service: str | None = None  # as include.http and the probes name it

    @property
    def fingerprint(self) -> str:
        """The key under which its failures are counted."""
        return f"failure/{self.name}"


def cause_of(task: str, error: str) -> Cause:
    """Find the cause of a failure.

    Args:
        task: the DAG and the task, without the map index.
        error: the exception's type and text, as `traceback.format_exception_only` gives them.
    """
    text = error[:READ]
    if error.startswith(KILLED):
        return Cause("worker-lost", "Workers were lost")
    if _DATABASE.search(text):
        return Cause("database", "The database is away", "postgres")
    if _DISK.search(text):
        return Cause("disk", "A disk is full")
    if service := _SERVICE.match(text):
        return Cause(f"service:{service[1]}", f"{service[1]} does not answer as it should", service[1])
    kind = _TYPE.match(text)
    return Cause(f"{task}/{kind[0].rpartition('.')[2] if kind else 'error'}/{_digest(text)}")


def _digest(text: str) -> str:
    for pattern, shown in _VARIABLE:
        text = pattern.sub(shown, text)
    alike = " ".join(text.split())[:ALIKE]
    return hashlib.md5(alike.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:8]
