"""JSON logs: a line an event, redacted, with floods held back.

    {"timestamp": "2026-11-21T04:00:00.123456Z", "level": "info", "service": "sandbox",
     "trace_id": "…", "message": "…", "details": {…}}

Inside Airflow its own logs stay as they are, and are redacted (`redact_handlers`); `write_json_logs` adds a
file in the format above for those who ship logs.
"""

import contextlib
import logging
import random
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

from include.telemetry.plain import json_text
from include.telemetry.redaction import RedactingFilter, message_of, redact, redact_event

_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)

SAME_EVENTS = 60  # of one kind a minute
KINDS = 1_000  # kinds of events remembered
WINDOW = 60.0  # seconds


@contextmanager
def trace(trace_id: str | None) -> Iterator[None]:
    """Mark what is logged within as belonging together: a run, a request. Follows asyncio's tasks."""
    token = _trace_id.set(trace_id)
    try:
        yield
    finally:
        _trace_id.reset(token)


class RateLimit(logging.Filter):
    """Lets a kind of event pass so many times a minute; then says how many it held back.

    A kind is a logger's message before its arguments are filled in, at one level.
    """

    def __init__(self, per_minute: int = SAME_EVENTS) -> None:
        super().__init__()
        self._per_minute = per_minute
        self._seen: OrderedDict[tuple[str, int, str], list[float]] = OrderedDict()  # since, passed, held
        self._changing = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass or hold back; a record that passes may carry `held_back`, the number that did not."""
        said = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        kind = (record.name, record.levelno, said[:200])
        now = time.monotonic()
        with self._changing:
            counts = self._seen.pop(kind, None) or [now, 0, 0]
            if now - counts[0] >= WINDOW:
                if counts[2]:
                    record.held_back = int(counts[2])
                counts = [now, 0, 0]
            passes = counts[1] < self._per_minute
            counts[1 if passes else 2] += 1
            self._seen[kind] = counts
            while len(self._seen) > KINDS:
                self._seen.popitem(last=False)
        return passes


class Sample(logging.Filter):
    """Keeps a share of the events below WARNING; a trace is kept or left out as a whole."""

    def __init__(self, share: float) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"sampling share {share}: give a number from 0 to 1")
        self._share = share

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass by the share."""
        if record.levelno >= logging.WARNING or self._share == 1:
            return True
        trace_id = _trace_id.get()
        draw = random.Random(trace_id).random() if trace_id else random.random()
        return draw < self._share


def json_formatter(service: str) -> logging.Formatter:
    """Make the formatter of the lines above; it redacts what it writes."""

    def arrange(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        details = {key: value for key, value in event.items() if key not in ("timestamp", "level", "event")}
        return {
            "timestamp": event["timestamp"],
            "level": event["level"],
            "service": service,
            "trace_id": _trace_id.get(),
            "message": str(event["event"]),
            "details": details,
        }

    return _JsonFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            arrange,
            redact_event,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: json_text(event)),
        ],
    )


def write_json_logs(
    handler: logging.Handler,
    service: str,
    *,
    logger: str = "include",
    level: int = logging.INFO,
    per_minute: int = SAME_EVENTS,
    share: float = 1.0,
) -> None:
    """Let `handler` write the events of a logger and those below it as JSON lines, limited and sampled."""
    handler.setFormatter(json_formatter(service))
    handler.setLevel(level)
    _say_what_cannot_be_written(handler)
    handler.addFilter(Sample(share))
    handler.addFilter(RateLimit(per_minute))
    logging.getLogger(logger).addHandler(handler)


def redact_handlers() -> None:
    """Clean whatever this process logs through the root logger's handlers; called again, it changes nothing.

    A filter on a logger would not see the records of the loggers below it.
    """
    for handler in logging.getLogger().handlers:
        if not any(isinstance(one, RedactingFilter) for one in handler.filters):
            handler.addFilter(RedactingFilter())
            _say_what_cannot_be_written(handler)


class _JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Loses no record: arguments that do not fit their message are written beside it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line."""
        fitting = logging.makeLogRecord(record.__dict__)
        fitting.msg, fitting.args = message_of(record), None
        return super().format(fitting)


def _say_what_cannot_be_written(handler: logging.Handler) -> None:
    """Let a handler that fails say so in one redacted line; logging would print message and arguments raw."""
    if type(handler).handleError is not logging.Handler.handleError:
        return  # it has its own way

    def handle_error(record: logging.LogRecord) -> None:
        if not logging.raiseExceptions or not sys.stderr:
            return
        error = sys.exc_info()[1]
        words = redact(f"a log line of {record.name} could not be written: {type(error).__name__}: {error}")
        with contextlib.suppress(OSError, ValueError):  # there is nobody left to tell
            print(words.encode("ascii", "backslashreplace").decode(), file=sys.stderr)  # noqa: T201

    handler.handleError = handle_error  # type: ignore[method-assign]
