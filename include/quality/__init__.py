"""Is this data good enough to settle on, and is what was stored sound?

The gate: `score` counts, `explain` says what is missing. The audit: expectation suites over what is stored,
each batch of data a row of data_quality_results; `validate_settled` does so for what a sweep has settled on.
"""

from include.quality.audit import MAX_AUDIT_DAYS, audit_candles, audit_trades
from include.quality.results import (
    AuditedDay,
    QualityReport,
    Result,
    read_day,
    read_days,
    read_report,
    read_result,
    write_results,
)
from include.quality.score import count_candles, explain, score
from include.quality.swept import validate_settled
from include.quality.validation import Check, QualityFinding, Validation

__all__ = [
    "MAX_AUDIT_DAYS",
    "AuditedDay",
    "Check",
    "QualityFinding",
    "QualityReport",
    "Result",
    "Validation",
    "audit_candles",
    "audit_trades",
    "count_candles",
    "explain",
    "read_day",
    "read_days",
    "read_report",
    "read_result",
    "score",
    "validate_settled",
    "write_results",
]
