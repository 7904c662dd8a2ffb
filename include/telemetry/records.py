"""The rows of the three telemetry tables, as they are queued, spooled and written.

A record has its id and its time from the start, so that writing it twice is writing it once, and writing it
late does not move it. Texts are redacted, cut to a length that a person can read, and rid of what PostgreSQL
cannot hold.
"""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from include.database import storable
from include.telemetry.plain import json_text
from include.telemetry.redaction import redact

ErrorType = Literal["api", "database", "generation", "backtesting", "analysis", "frontend"]
Severity = Literal["low", "medium", "high", "critical"]
MetricType = Literal["api_response", "database_query", "generation_time", "backtest_time", "analysis_time"]
Unit = Literal["ms", "seconds", "count"]
FeedbackType = Literal["trade_accuracy", "ui_experience", "performance", "feature_request", "bug_report"]

MESSAGE_LIMIT = 10_000  # characters
STACK_LIMIT = 50_000
DETAILS_LIMIT = 50_000  # characters of JSON

TABLES = ERRORS, METRICS, FEEDBACK = "atge_error_logs", "atge_performance_metrics", "atge_user_feedback"

Id = str | uuid.UUID | None


@dataclass(frozen=True)
class Record:
    """One row, ready for JSON: `table` is one of the three, `row` names its columns."""

    table: str
    row: Mapping[str, Any]


def error_record(
    error_type: ErrorType,
    error: BaseException | str,
    *,
    severity: Severity = "medium",
    stack: str | None = None,
    user_id: Id = None,
    trade_signal_id: Id = None,
    context: Mapping[str, Any] | None = None,
) -> Record:
    """A row of `atge_error_logs`; an exception brings its own stack.

    Raises:
        ValueError: a value that the table does not take, in words.
    """
    if isinstance(error, BaseException):
        import traceback

        words = "".join(traceback.format_exception_only(error)).strip()
        stack = stack or "".join(traceback.format_exception(error))
    else:
        words = error
    return _record(
        ERRORS,
        user_id,
        trade_signal_id,
        error_type=_one_of(error_type, ErrorType, "error_type"),
        error_message=_text(words, MESSAGE_LIMIT) or "no words",
        error_stack=_text(stack, STACK_LIMIT) if stack else None,
        severity=_one_of(severity, Severity, "severity"),
        context=_details(context),
    )


def metric_record(
    metric_type: MetricType,
    metric_name: str,
    value: float,
    unit: Unit,
    *,
    user_id: Id = None,
    trade_signal_id: Id = None,
    metadata: Mapping[str, Any] | None = None,
) -> Record:
    """A row of `atge_performance_metrics`.

    Raises:
        ValueError: a value that the table does not take, or a measurement that is no number.
    """
    if not math.isfinite(value):
        raise ValueError(f"the metric {metric_name} measured {value}, which is no number to average")
    return _record(
        METRICS,
        user_id,
        trade_signal_id,
        metric_type=_one_of(metric_type, MetricType, "metric_type"),
        metric_name=_text(metric_name, 200),
        value=round(float(value), 6),
        unit=_one_of(unit, Unit, "unit"),
        metadata=_details(metadata),
    )


def feedback_record(
    user_id: Id,
    feedback_type: FeedbackType,
    *,
    rating: int | None = None,
    comment: str | None = None,
    trade_signal_id: Id = None,
    metadata: Mapping[str, Any] | None = None,
) -> Record:
    """A row of `atge_user_feedback`.

    Raises:
        ValueError: a value that the table does not take, in words for whoever sent it.
    """
    if rating is not None and (isinstance(rating, bool) or rating not in range(1, 6)):
        raise ValueError(f"rating {rating!r}: give a whole number from 1 to 5")
    return _record(
        FEEDBACK,
        user_id,
        trade_signal_id,
        feedback_type=_one_of(feedback_type, FeedbackType, "feedback_type"),
        rating=rating,
        comment=_text(comment, MESSAGE_LIMIT) if comment else None,
        metadata=_details(metadata),
    )


def _record(table: str, user_id: Id, trade_signal_id: Id, **columns: Any) -> Record:
    return Record(
        table,
        {
            "id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).isoformat(),
            "user_id": _uuid(user_id, "user_id"),
            "trade_signal_id": _uuid(trade_signal_id, "trade_signal_id"),
            **columns,
        },
    )


def _uuid(value: Id, name: str) -> str | None:
    if value is None:
        return None
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise ValueError(f"{name} {value!r} is no UUID") from None


def _one_of(value: str, kinds: Any, name: str) -> str:
    if value not in get_args(kinds):
        raise ValueError(f"{name} {value!r}: one of {', '.join(get_args(kinds))} is needed")
    return value


def _text(value: str, limit: int) -> str:
    # Cut before redacting, so that a megabyte costs nothing; once more after, since masks have a length too.
    cleaned = redact(storable(value[: 2 * limit]))
    if len(cleaned) <= limit:
        return cleaned
    return f"{cleaned[:limit]} … ({len(value)} characters in all)"


def _details(details: Mapping[str, Any] | None) -> dict[str, Any]:
    """Redact, and turn into what JSON can hold; what is too long is kept as its beginning."""
    text = storable(json_text(redact(details or {})))
    if len(text) > DETAILS_LIMIT:
        return {"too_long": f"{len(text)} characters of details", "beginning": text[:MESSAGE_LIMIT]}
    plain: dict[str, Any] = json.loads(text)
    return plain
