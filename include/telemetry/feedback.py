"""Feedback that somebody waits to see stored: checked, and written at once, unlike other telemetry."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql
from include.telemetry.plain import json_text
from include.telemetry.records import FeedbackType, feedback_record

MAX_COMMENT = 10_000  # characters
MAX_METADATA = 10_000  # characters of JSON


class FeedbackError(ValueError):
    """Feedback is not taken; the message says why."""


class UnknownTradeError(LookupError):
    """Feedback names a trade that is not there, or that its author may not see."""


def store_feedback(
    engine: Engine,
    user_id: UUID | None,
    feedback_type: FeedbackType,
    *,
    rating: int | None = None,
    comment: str | None = None,
    trade_signal_id: UUID | None = None,
    metadata: Mapping[str, Any] | None = None,
    only_user: UUID | None,
    id: UUID | None = None,
) -> None:
    """Store feedback; it is there when this returns. Secrets in its texts are masked.

    `only_user` is the one user whose trades the author sees; None: everybody's. `id` names the feedback:
    given twice, it is stored once. Raises UnknownTradeError, and FeedbackError for a rating that is no whole
    number from 1 to 5, an unknown type, and what is longer than 10,000 characters.
    """
    if rating is not None and type(rating) is not int:
        raise FeedbackError("a rating is a whole number from 1 to 5")
    if comment is not None and len(comment) > MAX_COMMENT:
        raise FeedbackError(f"a comment has {MAX_COMMENT:,} characters at most")
    if len(json_text(metadata or {})) > MAX_METADATA:
        raise FeedbackError(f"metadata has {MAX_METADATA:,} characters of JSON at most")
    try:
        record = feedback_record(
            user_id,
            feedback_type,
            rating=rating,
            comment=(comment or "").strip() or None,
            trade_signal_id=trade_signal_id,
            metadata=metadata,
        )
    except ValueError as error:
        raise FeedbackError(str(error)) from None
    row = dict(record.row) | ({} if id is None else {"id": str(id)})
    with engine.begin() as connection:
        if trade_signal_id is not None:
            seen = {"id": trade_signal_id, "only_user": only_user}
            if connection.execute(sql("telemetry/find_trade"), seen).one_or_none() is None:
                raise UnknownTradeError(f"There is no trade {trade_signal_id}, or it is another user's.")
        connection.execute(sql("telemetry/write_feedback"), {"rows": json.dumps([row])})
