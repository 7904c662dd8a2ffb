"""How long the database takes for statements: a sample of them, as measurements of type `database_query`.

Listens at an engine. Of each minute at most SAMPLE statements are kept, each with the same chance, so that a
busy process writes no more rows than a quiet one and quantiles stay those of all. Only queries and changes
count: what waits on purpose (advisory locks) or is upkeep (VACUUM, CREATE, COPY) would say nothing of how
well the database does. The writer of telemetry does not measure its own statements: that would never end.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from include.telemetry.records import Record, metric_record

SAMPLE = 100  # statements of a minute and process
MINUTE = 60.0

_BEGUN = "tradeops_begun"  # in the notes of an execution
_QUIET = threading.local()
_FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_MEASURED = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"})


class Sampler:
    """Keeps a fair sample of what it hears, minute by minute, and hands each over in the end."""

    def __init__(self, add: Callable[[Record], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._add = add
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: list[Record] = []
        self._heard = 0
        self._until = 0.0

    def hear(self, name: str, milliseconds: float, outcome: str) -> None:
        """Take one statement that has ended."""
        with self._lock:
            now = self._clock()
            if now >= self._until:
                self._hand_over()
                self._until = now + MINUTE
            self._heard += 1
            place = len(self._kept) if len(self._kept) < SAMPLE else random.randrange(self._heard)
            if place < SAMPLE:
                record = metric_record(
                    "database_query", name, milliseconds, "ms", metadata={"outcome": outcome}
                )
                self._kept[place : place + 1] = [record]

    def close(self) -> None:
        """Hand over what is left."""
        with self._lock:
            self._hand_over()

    def _hand_over(self) -> None:
        for record in self._kept:
            self._add(record)
        self._kept, self._heard = [], 0


@contextmanager
def measure_statements(engine: Engine, add: Callable[[Record], None]) -> Iterator[None]:
    """Measure the statements of an engine; their records go to `add`, the last ones at the end."""
    sampler = Sampler(add)

    def begin(_c: Any, _u: Any, statement: str, _p: Any, context: Any, _m: Any) -> None:
        if not getattr(_QUIET, "on", False) and is_measured(statement):
            setattr(context, _BEGUN, time.perf_counter())

    def end(_c: Any, _u: Any, statement: str, _p: Any, context: Any, _m: Any) -> None:
        _hear(sampler, context, statement, "ok")

    def fail(failed: ExceptionContext) -> None:
        if failed.execution_context is not None and not failed.is_pre_ping:
            outcome = type(failed.original_exception).__name__
            _hear(sampler, failed.execution_context, failed.statement or "", outcome)

    heard = (("before_cursor_execute", begin), ("after_cursor_execute", end), ("handle_error", fail))
    for name, listener in heard:
        event.listen(engine, name, listener)
    try:
        yield
    finally:
        for name, listener in heard:
            event.remove(engine, name, listener)
        sampler.close()


@contextmanager
def unmeasured() -> Iterator[None]:
    """Leave the statements of this thread out: those that write telemetry."""
    former = getattr(_QUIET, "on", False)
    _QUIET.on = True
    try:
        yield
    finally:
        _QUIET.on = former


def is_measured(statement: str) -> bool:
    """Whether a statement is a query or a change, and does not wait on purpose."""
    word = _FIRST_WORD.match(statement[:5_000])
    return word is not None and word[1].upper() in _MEASURED and "pg_advisory" not in statement


def _hear(sampler: Sampler, context: Any, statement: str, outcome: str) -> None:
    begun = getattr(context, _BEGUN, None)
    if begun is None:
        return
    setattr(context, _BEGUN, None)  # heard once, also where an error follows an end
    name = context.execution_options.get("query") or _shortened(statement)
    sampler.hear(str(name), (time.perf_counter() - begun) * 1000, outcome)


def _shortened(statement: str) -> str:
    """The beginning of a statement that has no name: one line, no values, for they are parameters."""
    return " ".join(statement[:200].split())[:60]
