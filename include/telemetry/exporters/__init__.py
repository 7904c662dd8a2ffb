"""Ways in which others read what the platform measures; a file a way."""

from include.telemetry.exporters.prometheus import (
    EndedRuns,
    MetricsUnavailableError,
    read_metrics,
    write_metrics,
)
from include.telemetry.exporters.shown_figures import CONTENT_TYPES, FORMATS, write_figures

__all__ = [
    "CONTENT_TYPES",
    "FORMATS",
    "EndedRuns",
    "MetricsUnavailableError",
    "read_metrics",
    "write_figures",
    "write_metrics",
]
