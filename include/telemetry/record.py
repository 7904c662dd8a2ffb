"""What the rest of the product calls: write down an error, a measurement, a user's word, or a duration.

Records go to the writer that `writing_to` has put in force for this process. Nothing here waits, and nothing
that goes wrong with writing reaches the caller.
"""

import functools
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from sqlalchemy import Engine

from include.telemetry.records import (
    Id,
    MetricType,
    Record,
    error_record,
    feedback_record,
    metric_record,
)
from include.telemetry.spool import Spool
from include.telemetry.statements import measure_statements
from include.telemetry.writer import Writer

logger = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Function = TypeVar("Function", bound=Callable[..., Any])

# Everything of one metric_type is in one unit, so that averages over it mean something.
MILLISECONDS = frozenset({"api_response", "database_query"})

_writers: list[Writer] = []  # the last one is in force; several while threads overlap, as in a web server
_changing = threading.Lock()
_complained = False
# The writer's thread and connections stay behind in a fork.
os.register_at_fork(after_in_child=_writers.clear)


@contextmanager
def writing_to(engine: Engine, spool: Spool | None = None, *, statements: bool = False) -> Iterator[Writer]:
    """Let this process's records go to a database; they are flushed at the end, to the spool if need be.

    With `statements`, the engine's own statements are measured meanwhile.
    """
    writer = Writer(engine, spool)
    with _changing:
        _writers.append(writer)
    try:
        with measure_statements(engine, writer.add) if statements else nullcontext():
            yield writer
    finally:
        with _changing:
            if writer in _writers:  # not in a fork of the process that began
                _writers.remove(writer)
        writer.close()


def _recording(make: Callable[Arguments, Record]) -> Callable[Arguments, None]:
    """Make a function that takes what `make` takes, and whose record is written; it never raises."""

    @functools.wraps(make)
    def record(*arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        _take(lambda: make(*arguments, **named))

    return record


# `record_error("api", error, severity="high", context={…})`: the arguments are those of the records.
record_error = _recording(error_record)
record_metric = _recording(metric_record)


@functools.wraps(feedback_record)
def record_feedback(*arguments: Any, **named: Any) -> None:
    """As the others, but feedback comes from people: what cannot be taken raises ValueError, in words."""
    record = feedback_record(*arguments, **named)
    _take(lambda: record)


def timed(
    metric_type: MetricType,
    metric_name: str,
    *,
    user_id: Id = None,
    trade_signal_id: Id = None,
    metadata: Mapping[str, Any] | None = None,
) -> "Timer":
    """Measure how long something takes: `with timed(…):`, `async with timed(…):`, or `@timed(…)`.

    The unit is ms for `api_response` and `database_query`, seconds for the rest. The row's metadata says
    `outcome`: `ok`, or the name of the exception, which passes through.
    """
    return Timer(metric_type, metric_name, user_id, trade_signal_id, dict(metadata or {}))


class Timer:
    """One measurement under way; what is put into `metadata` before its end is recorded with it."""

    def __init__(
        self,
        metric_type: MetricType,
        metric_name: str,
        user_id: Id,
        trade_signal_id: Id,
        metadata: dict[str, Any],
    ) -> None:
        self._about = (metric_type, metric_name, user_id, trade_signal_id)
        self.metadata = metadata
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._started
        metric_type, metric_name, user_id, trade_signal_id = self._about
        in_ms = metric_type in MILLISECONDS
        record_metric(
            metric_type,
            metric_name,
            seconds * 1000 if in_ms else seconds,
            "ms" if in_ms else "seconds",
            user_id=user_id,
            trade_signal_id=trade_signal_id,
            metadata={**self.metadata, "outcome": kind.__name__ if kind else "ok"},
        )

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Function) -> Function:
        """Measure each call of a function, also of one that is called while it runs."""

        @functools.wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            with self._anew():
                return function(*arguments, **named)

        @functools.wraps(function)
        async def measured_async(*arguments: Any, **named: Any) -> Any:
            with self._anew():
                return await function(*arguments, **named)

        return cast("Function", measured_async if inspect.iscoroutinefunction(function) else measured)

    def _anew(self) -> "Timer":
        return Timer(*self._about, dict(self.metadata))


def _take(make: Callable[[], Record]) -> None:
    global _complained
    try:
        record = make()
    except Exception:  # whatever the caller handed over, its own work goes on
        logger.exception("a telemetry record could not be made, and is lost")
        return
    with _changing:
        writer = _writers[-1] if _writers else None
    if writer is not None:
        writer.add(record)
    elif not _complained:
        _complained = True
        logger.warning("no telemetry is written in this process: nothing says where to (writing_to)")
