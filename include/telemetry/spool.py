"""Records on disk: kept while the database is away, delivered when it is back, by whichever process comes by.

A file holds one batch, a record a line, and appears whole or not at all. Who delivers it holds its lock; a
delivery cut short is done again, which the records' ids make harmless. A file that cannot be read all the
same, by a fault of the disk or of a hand, is set aside for a person to look at: it must not stop those behind
it. What a process began to write and did not live to finish is taken up by the next one: whole records become
a batch, the rest is counted as lost.
"""

import contextlib
import itertools
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import lock_descriptor

from include.files import write_atomically
from include.telemetry.records import TABLES, Record

logger = logging.getLogger(__name__)

FOLDER_VARIABLE = "TRADEOPS_SPOOL"
LIMIT = 256 * 1024 * 1024  # bytes of all files; beyond that new records are refused
BROKEN_KEPT = 10  # files that could not be read; older ones are deleted
BROKEN_DAYS = 30  # and these, whatever their number
WRITING = 600.0  # seconds after which nobody writes at a batch any more
_ENDING = ".jsonl"
_BROKEN = ".broken"
_UNFINISHED = ".unfinished"

_numbers = itertools.count()


class SpoolFullError(OSError):
    """The spool holds as much as it may; the message says how many records had to go."""


def spool_folder() -> Path:
    """Where this process spools: TRADEOPS_SPOOL, or this user's folder in the temporary one of the system."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(tempfile.gettempdir()) / f"tradeops-spool-{os.getuid()}"


class Spool:
    """A folder of batches. Several processes may use it at once.

    Args:
        folder: made when it is first needed, for this user only.
        limit: bytes that all batches together may take.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self._limit = limit

    def keep(self, records: Sequence[Record]) -> None:
        """Write the records down, safe against a crash of the machine.

        Raises:
            SpoolFullError: there is no room by the limit.
            OSError: the disk is full, or the folder cannot be used.
        """
        text = "".join(
            json.dumps([record.table, record.row], ensure_ascii=False) + "\n" for record in records
        )
        body = text.encode()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_uid != os.getuid():
            raise PermissionError(f"the spool {self.folder} belongs to another user")
        if self._size() + len(body) > self._limit:
            raise SpoolFullError(f"the spool {self.folder} is full: {len(records)} records could not be kept")
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_numbers)}"
        write_atomically(
            self.folder / f"{name}{_ENDING}", [body], unfinished=self.folder / f"{name}{_UNFINISHED}"
        )

    def deliver(self, write: Callable[[list[Record]], None], *, limit: int) -> int:
        """Hand the oldest batches to `write` and forget those it took; give the number of records delivered.

        Stops after `limit` records, or with the exception that `write` raises; that batch stays. What is no
        batch is set aside, and the rest goes on.
        """
        delivered = 0
        for path in self._files():
            if delivered >= limit:
                break
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue  # another process has just delivered it
            with file:
                if not lock_descriptor(file.fileno(), blocking=False):
                    continue  # another process is at it
                if not path.exists():
                    continue
                try:
                    records = [_read(line) for line in file]
                except (ValueError, TypeError, RecursionError) as error:
                    self._set_aside(path, error)
                    continue
                write(records)
                path.unlink()
                delivered += len(records)
        return delivered

    def clean(self) -> int:
        """Take up what dead processes left, let go of old broken files; give the number of records lost."""
        lost = 0
        for path in self._files(_UNFINISHED):
            lost += self._take_up(path)
        broken = self._files(_BROKEN)
        for path in broken:
            if path not in broken[-BROKEN_KEPT:] or _age(path) > BROKEN_DAYS * 86400:
                lost += self._let_go(path)
        return lost

    def _take_up(self, path: Path) -> int:
        """Make a batch of the whole records of a file that nobody finishes; give the number of the others."""
        try:
            with path.open("rb") as file:
                if not lock_descriptor(file.fileno(), blocking=False):
                    return 0  # another one is at it
                if _age(path) < WRITING or not path.exists():
                    return 0
                lines = file.readlines()
                whole = [record for line in lines if (record := _record_if_whole(line))]
                if whole:
                    self.keep(whole)
                path.unlink()
        except FileNotFoundError:
            return 0  # another one has just finished with it
        except OSError as error:
            logger.warning("%s stays: %s", path, error)
            return 0
        if lines:
            logger.warning(
                "a process ended while it wrote to the spool: of its records %d are taken up, %d are lost",
                len(whole), len(lines) - len(whole),
            )  # fmt: skip
        return len(lines) - len(whole)

    def _let_go(self, path: Path) -> int:
        try:
            with path.open("rb") as file:
                lost = sum(1 for _ in file)
            path.unlink()
        except FileNotFoundError:
            return 0
        logger.error("the spooled records in %s, which nobody mended, are deleted: %d", path, lost)
        return lost

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_suffix(_BROKEN)
        path.rename(aside)
        logger.error("spooled records cannot be read and are left in %s: %s", aside, error)

    def _size(self) -> int:
        """Bytes that the spool takes, broken and unfinished files too."""
        total = 0
        for path in self._files(""):
            with contextlib.suppress(FileNotFoundError):  # another process has just delivered it
                total += path.stat().st_size
        return total

    def _files(self, ending: str = _ENDING) -> list[Path]:
        return sorted(self.folder.glob(f"*{ending}")) if self.folder.is_dir() else []


def _age(path: Path) -> float:
    """Seconds since a file was written to; a time in the future is as far away, for a clock was wrong."""
    try:
        return abs(time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def _record_if_whole(line: bytes) -> Record | None:
    try:
        return _read(line)
    except (ValueError, TypeError, RecursionError):
        return None


def _read(line: bytes) -> Record:
    """Raises ValueError or TypeError for what is no record, so that only records reach the database."""
    table, row = json.loads(line)
    if table not in TABLES or not isinstance(row, dict):
        raise ValueError(f"no record: {line[:60]!r}")
    return Record(table, row)
