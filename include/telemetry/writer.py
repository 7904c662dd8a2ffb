"""Takes records from the program at once, and writes them behind its back: in batches, within bounds.

The queue is bounded, and so is the time that closing takes. While the database is away, batches go to the
spool; what no longer fits anywhere is counted, and the count is told as soon as something can be written.
"""

import json
import logging
import queue
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from include.database import DatabaseError, sql
from include.humanize import count_text
from include.telemetry.records import ERRORS, FEEDBACK, METRICS, Record, error_record
from include.telemetry.redaction import redact
from include.telemetry.spool import Spool, spool_folder
from include.telemetry.statements import unmeasured

logger = logging.getLogger(__name__)

QUEUE = 10_000  # records waiting at most
BATCH = 500  # records a statement
GATHER = 0.2  # seconds in which a batch may grow
REST = (1.0, 30.0)  # seconds between tries while the database is away: the first, and the longest
DELIVERY = 20_000  # records taken from the spool at a time
PATIENCE = 5.0  # seconds that closing waits for the database before it turns to the spool

_STATEMENTS = {
    ERRORS: "telemetry/write_errors",
    METRICS: "telemetry/write_metrics",
    FEEDBACK: "telemetry/write_feedback",
}


class Writer:
    """Writes records to the platform's database; a context manager, which flushes at its end.

    The thread that writes starts with the first record. Threads may share a writer; processes may not.

    Args:
        engine: the platform's database.
        spool: where records wait while it is away; None: this process's own.
        gather: seconds in which a batch may grow, for which closing does not wait; None: GATHER.
    """

    def __init__(self, engine: Engine, spool: Spool | None = None, *, gather: float | None = None) -> None:
        self._engine = engine
        self._gather_for = GATHER if gather is None else gather
        self._spool = spool or Spool(spool_folder())
        self._queue: queue.Queue[Record | None] = queue.Queue(QUEUE)
        self._lost: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._in_hand: list[Record] = []
        self._rest = 0.0
        self._next_try = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, record: Record) -> None:
        """Take a record; returns at once. A full queue costs the record, which is counted."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._lost["the queue was full"] += 1
            return
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)
                    self._thread.start()

    def close(self, patience: float = PATIENCE) -> None:
        """Write what waits, here or in the spool; takes little longer than `patience` seconds."""
        thread = self._thread
        if thread is None:
            self._deliver_spooled()
            return
        self._closing.set()
        try:
            self._queue.put(None, timeout=patience)
            thread.join(patience)
        except queue.Full:
            pass  # the thread hangs in the database; what waits goes to the spool below
        if thread.is_alive():
            # The thread may still succeed: the records' ids let the second copy pass unnoticed.
            self._keep([*self._in_hand, *self._drain()])

    def _work(self) -> None:
        going_on = True
        while going_on:
            self._in_hand, going_on = self._gather()
            try:
                self._put_away(self._in_hand)
            except Exception as error:  # nobody hears a thread die, and the queue would fill up unseen
                logger.exception("telemetry could not be written")
                self._lost[f"the writer failed: {error_in_words(error)}"] += len(self._in_hand)
            self._in_hand = []
        self._deliver_spooled()

    def _gather(self) -> tuple[list[Record], bool]:
        """Wait for a record and take what follows within a moment; False when closing."""
        record = self._queue.get()
        if record is None:
            return self._drain(), False
        batch = [record]
        if self._queue.qsize() < BATCH - 1:
            self._closing.wait(self._gather_for)  # not at the queue: each record would wake the thread
        while len(batch) < BATCH:
            try:
                record = self._queue.get_nowait()
            except queue.Empty:
                break
            if record is None:
                return batch + self._drain(), False
            batch.append(record)
        return batch, True

    def _drain(self) -> list[Record]:
        rest: list[Record] = []
        while True:
            try:
                record = self._queue.get_nowait()
            except queue.Empty:
                return rest
            if record is not None:
                rest.append(record)

    def _put_away(self, records: list[Record]) -> None:
        """Into the database; into the spool while that is away."""
        if not records:
            return
        if time.monotonic() >= self._next_try:
            try:
                self._write(records)
            except (SQLAlchemyError, DatabaseError) as error:
                self._rest = min(max(2 * self._rest, REST[0]), REST[1])
                self._next_try = time.monotonic() + self._rest
                logger.warning("telemetry waits in %s: %s", self._spool.folder, error_in_words(error))
            else:
                self._rest = 0.0
                self._deliver_spooled()
                return
        self._keep(records)

    def _write(self, records: list[Record]) -> None:
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            try:
                self._write_batch(batch)
            except DBAPIError as error:
                if _is_outage(error):
                    raise
                for record in batch:  # one of them is at fault; the others are not
                    try:
                        self._write_batch([record])
                    except DBAPIError as fault:
                        if _is_outage(fault):
                            raise
                        self._lost[f"the database refused it: {error_in_words(fault)}"] += 1

    def _write_batch(self, records: list[Record]) -> None:
        by_table: dict[str, list[Any]] = {}
        for record in records:
            by_table.setdefault(record.table, []).append(record.row)
        with unmeasured(), self._engine.begin() as connection:
            for table, rows in by_table.items():
                connection.execute(sql(_STATEMENTS[table]), {"rows": json.dumps(rows)})

    def _deliver_spooled(self) -> None:
        try:
            if lost := self._spool.clean():
                self._lost["a process ended while it wrote them, or nobody mended their file"] += lost
            self._own_up()
            delivered = self._spool.deliver(self._write, limit=DELIVERY)
        except (SQLAlchemyError, DatabaseError, OSError) as error:
            logger.warning("telemetry stays in %s: %s", self._spool.folder, error_in_words(error))
            return
        except Exception:  # whatever it is, it is no fault of the task that happens to deliver it
            logger.exception("telemetry stays in %s", self._spool.folder)
            return
        if delivered:
            logger.info("%s from %s written", count_text(delivered, "record"), self._spool.folder)

    def _own_up(self) -> None:
        """Write down what was lost, and why: a gap in the telemetry is told."""
        for reason, count in list(self._lost.items()):
            words = f"{count} telemetry records were lost: {reason}"
            logger.error(words)
            self._write_batch([error_record("database", words, severity="high")])
            self._lost[reason] -= count
        self._lost += Counter()  # forgets the reasons that are told

    def _keep(self, records: list[Record]) -> None:
        if not records:
            return
        try:
            self._spool.keep(records)
        except OSError as error:
            self._lost[f"the spool could not keep it: {error_in_words(error)}"] += len(records)
            logger.error("%d telemetry records were lost: %s", len(records), error_in_words(error))


def error_in_words(error: Exception) -> str:
    """The cause in one redacted line, without the statement."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return redact(" ".join(str(cause).split()) or type(cause).__name__)[:300]


def _is_outage(error: DBAPIError) -> bool:
    """Whether the server is at fault, and not the rows (classes 22 and 23: data and constraints)."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] not in ("22", "23")
