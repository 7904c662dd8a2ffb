"""Monitoring: what happened of late, and what users say."""

import hashlib
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from include.json_rows import Number, ShownRow
from include.telemetry.feedback import FeedbackError, UnknownTradeError, store_feedback
from include.telemetry.monitoring import (
    RANGES,
    ShownFailure,
    ShownFeedback,
    ShownOperation,
    TimeRange,
    read_monitoring,
)
from include.telemetry.records import FeedbackType
from include.web.api.caching import NOT_MODIFIED, STATISTICS, answer_json
from include.web.api.caller import CallerDep, EngineDep
from include.web.api.encoding import JsonAnswer, encode
from include.web.api.errors import ApiError, refusals
from include.web.api.parameters import Body, Text
from include.web.api.selection import UserParameter, user_shown

router = APIRouter(tags=["monitoring"])


class ErrorFigures(ShownRow):
    """Rows of atge_error_logs in the range."""

    total: int
    by_type: dict[str, int]
    by_severity: dict[str, int]
    recent_errors: list[ShownFailure]


class PerformanceFigures(ShownRow):
    """Mean durations in the range, in milliseconds; null: nothing was measured."""

    average_api_response_time: Number | None
    average_database_query_time: Number | None
    average_generation_time: Number | None
    average_backtest_time: Number | None
    average_analysis_time: Number | None
    slowest_operations: list[ShownOperation]


class DatabaseFigures(ShownRow):
    """Trades, whenever they were proposed; completed are those won or lost."""

    total_trades: int
    active_trades: int
    completed_trades: int
    average_trade_success_rate: Number | None


class FeedbackFigures(ShownRow):
    """What users said in the range."""

    total_feedback: int
    average_rating: Number | None
    by_type: dict[str, int]
    recent_feedback: list[ShownFeedback]


class MonitoringFigures(ShownRow):
    """The four parts."""

    errors: ErrorFigures
    performance: PerformanceFigures
    database: DatabaseFigures
    user_feedback: FeedbackFigures


class MonitoringAnswer(ShownRow):
    """What happened of late."""

    success: Literal[True]
    time_range: TimeRange
    stats: MonitoringFigures
    timestamp: str


class FeedbackBody(Body):
    """What a user says."""

    feedback_type: FeedbackType
    rating: Annotated[int, Field(strict=True, ge=1, le=5)] | None = None
    comment: Annotated[Text, Field(max_length=10_000)] | None = None
    trade_signal_id: UUID | None = None
    metadata: dict[str, Any] | None = None


class FeedbackAnswer(ShownRow):
    """It is stored."""

    success: Literal[True]
    message: str


@router.get(
    "/monitoring/stats",
    response_model=MonitoringAnswer,
    responses=NOT_MODIFIED | refusals(400, 404),
    summary="Errors, durations, trades and feedback",
)
def show_monitoring(
    request: Request,
    engine: EngineDep,
    caller: CallerDep,
    time_range: Annotated[str, Query(alias="timeRange", json_schema_extra={"enum": list(RANGES)})] = "24h",
    user_id: UserParameter = None,
) -> Response:
    """Of all users for who sees all; else what bears the caller's user. At most a minute old."""
    if time_range not in RANGES:
        options = list(RANGES)
        words = f"timeRange is none of {', '.join(options)}."
        raise ApiError(400, words, more={"validOptions": options})
    found = read_monitoring(engine, cast("TimeRange", time_range), only_user=user_shown(caller, user_id))
    head = {"success": True, "timeRange": time_range, "timestamp": found.made_at}
    body = encode(head)[:-1] + b',"stats":' + found.body.encode() + b"}"
    return answer_json(request, body, hashlib.sha256(body).hexdigest(), STATISTICS)


@router.post(
    "/monitoring/feedback", response_model=FeedbackAnswer, responses=refusals(404), summary="Give feedback"
)
def take_feedback(engine: EngineDep, caller: CallerDep, body: FeedbackBody) -> JsonAnswer:
    """The user is the caller. A person of Airflow is no user of the platform: the row bears the login."""
    metadata = dict(body.metadata or {})
    if caller.person is not None:
        metadata["person"] = caller.person.name
    try:
        store_feedback(
            engine,
            caller.user_id if caller.person is None else None,
            body.feedback_type,
            rating=body.rating,
            comment=body.comment,
            trade_signal_id=body.trade_signal_id,
            metadata=metadata,
            only_user=caller.only_user,
        )
    except FeedbackError as error:
        raise ApiError(422, f"The feedback is not taken: {error}.") from None
    except UnknownTradeError as error:
        raise ApiError(404, str(error)) from None
    return JsonAnswer({"message": "Thank you. Your feedback is stored."})
