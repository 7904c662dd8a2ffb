"""What the platform, or one of its users, went through of late, in JSON."""

import functools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import Engine, TextClause, text

from include.database import composed_sql, sql
from include.json_rows import Number, ShownRow, object_sql, value_sql
from include.kept_answers import KeptAnswer, find_or_make
from include.telemetry.records import ErrorType, FeedbackType, MetricType, Severity

TimeRange = Literal["1h", "24h", "7d", "30d"]
RANGES: dict[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
MONITORING_AGE = timedelta(minutes=1)  # for which figures are kept
MOST_RECENT = 10  # errors, operations and feedback that are shown one by one

# Of everybody, what is kept by the hour and by status is read, and measurements themselves of the part of an
# hour with which the range begins. Of one user his own rows are read, by an index.
DURATIONS = """
  SELECT metric_type, unit, sum(total) AS total, sum(measured) AS rows
  FROM (
    SELECT metric_type, unit, total, measured
    FROM metric_hours
    WHERE hour >= CAST(:since AS timestamptz)
    UNION ALL
    SELECT metric_type, unit, value, 1
    FROM atge_performance_metrics
    WHERE timestamp >= CAST(:since AS timestamptz)
      AND timestamp < interval '1 hour'
        + date_trunc('hour', CAST(:since AS timestamptz) - interval '1 microsecond', 'UTC')
      AND unit IN ('ms', 'seconds') AND value > '-Infinity' AND value < 'Infinity'
  ) AS parts
  GROUP BY metric_type, unit
  HAVING sum(measured) > 0
"""
DURATIONS_OF_ONE = """
  SELECT metric_type, unit, sum(value) AS total, count(*) AS rows
  FROM atge_performance_metrics
  WHERE timestamp >= CAST(:since AS timestamptz) AND unit IN ('ms', 'seconds')
    AND user_id = CAST(:only_user AS uuid) AND value > '-Infinity' AND value < 'Infinity'
  GROUP BY metric_type, unit
"""
TRADES = "SELECT status, sum(trades)::bigint AS rows FROM trade_statuses GROUP BY status"
TRADES_OF_ONE = (
    "SELECT status, count(*) AS rows FROM trade_signals "
    "WHERE user_id = CAST(:only_user AS uuid) GROUP BY status"
)


class ShownFailure(ShownRow):
    """A row of atge_error_logs, without its stack and context."""

    id: UUID
    timestamp: datetime | None
    error_type: str
    severity: str
    error_message: str
    trade_signal_id: UUID | None


class ShownOperation(ShownRow):
    """A measurement."""

    id: UUID
    timestamp: datetime | None
    metric_type: str
    metric_name: str
    duration_ms: Number | None
    trade_signal_id: UUID | None


class ShownFeedback(ShownRow):
    """What a user said."""

    id: UUID
    timestamp: datetime | None
    feedback_type: str
    rating: int | None
    comment: str | None
    trade_signal_id: UUID | None


def read_monitoring(engine: Engine, time_range: TimeRange, *, only_user: UUID | None) -> KeptAnswer:
    """Read what happened in a range up to now: an object `errors, performance, database, userFeedback`.

    Of `only_user` what bears the user's id; None: everything. Trades are counted whenever they were proposed.
    Averages are milliseconds, null when nothing was measured. Figures are kept for a minute.
    """
    statement = _statement(only_user is not None)
    values: dict[str, Any] = {
        "only_user": only_user,
        "error_types": list(get_args(ErrorType)),
        "severities": list(get_args(Severity)),
        "metric_types": list(get_args(MetricType)),
        "feedback_types": list(get_args(FeedbackType)),
        "most": MOST_RECENT,
    }
    if only_user is None:
        del values["only_user"]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:

        def measure() -> str:
            now = connection.execute(text("SELECT now()")).scalar_one()
            return str(
                connection.execute(statement, {**values, "since": now - RANGES[time_range]}).scalar_one()
            )

        subject = "all" if only_user is None else str(only_user)
        return find_or_make(connection, f"monitoring {time_range}", subject, MONITORING_AGE, measure)


def count_ratings(engine: Engine, time_range: TimeRange) -> tuple[int, int]:
    """How many ratings there were in a range up to now, and how many of them were 4 or 5."""
    with engine.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
        row = connection.execute(sql("telemetry/count_ratings"), {"since": now - RANGES[time_range]}).one()
    return row.ratings, row.positive


@functools.cache
def _statement(of_one_user: bool) -> TextClause:
    return composed_sql(
        "telemetry/measure_monitoring",
        whose="user_id = CAST(:only_user AS uuid)" if of_one_user else "true",
        durations=DURATIONS_OF_ONE if of_one_user else DURATIONS,
        trades=TRADES_OF_ONE if of_one_user else TRADES,
        ms=value_sql("ms", Decimal),
        error=object_sql(ShownFailure, "error"),
        slow=object_sql(ShownOperation, "slow"),
        given=object_sql(ShownFeedback, "given"),
    )
