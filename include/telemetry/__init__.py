"""What the product says about itself: errors, measurements, users' feedback, logs; and keeping secrets out.

`record_error`, `record_metric`, `record_feedback` and `timed` write rows by the writer that `writing_to` has
put in force: at once for the caller, in batches for the database, on disk while that is away.
`redact` cleans a text or a mapping, `RedactingFilter` does so for a standard logger, `redact_event` for
structlog; `write_json_logs` makes log lines that machines read.
"""

from include.telemetry.logs import redact_handlers, trace, write_json_logs
from include.telemetry.record import Timer, record_error, record_feedback, record_metric, timed, writing_to
from include.telemetry.records import ErrorType, Record, error_record, feedback_record, metric_record
from include.telemetry.redaction import RedactingFilter, redact, redact_event
from include.telemetry.secret_shapes import MASK
from include.telemetry.spool import Spool, SpoolFullError, spool_folder
from include.telemetry.writer import Writer, error_in_words

__all__ = [
    "MASK",
    "ErrorType",
    "Record",
    "RedactingFilter",
    "Spool",
    "SpoolFullError",
    "Timer",
    "Writer",
    "error_in_words",
    "error_record",
    "feedback_record",
    "metric_record",
    "record_error",
    "record_feedback",
    "record_metric",
    "redact",
    "redact_event",
    "redact_handlers",
    "spool_folder",
    "timed",
    "trace",
    "write_json_logs",
    "writing_to",
]
