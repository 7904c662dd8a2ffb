"""Feedback that somebody waits to see stored: written at once, unlike other telemetry."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql
from include.telemetry.records import FeedbackType, feedback_record


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
) -> None:
    """Store feedback; it is there when this returns.

    `only_user` is the one user whose trades the author sees; None: everybody's. Raises UnknownTradeError, and
    ValueError, in words, for what the table does not take.
    """
    record = feedback_record(
        user_id,
        feedback_type,
        rating=rating,
        comment=comment,
        trade_signal_id=trade_signal_id,
        metadata=metadata,
    )
    with engine.begin() as connection:
        if trade_signal_id is not None:
            seen = {"id": trade_signal_id, "only_user": only_user}
            if connection.execute(sql("telemetry/find_trade"), seen).one_or_none() is None:
                raise UnknownTradeError(f"There is no trade {trade_signal_id}, or it is another user's.")
        connection.execute(sql("telemetry/write_feedback"), {"rows": json.dumps([record.row])})
