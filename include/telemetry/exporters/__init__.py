"""Ways in which others read what the platform measures; a file a way. So far: Prometheus."""

from include.telemetry.exporters.prometheus import (
    EndedRuns,
    MetricsUnavailableError,
    read_metrics,
    write_metrics,
)

__all__ = ["EndedRuns", "MetricsUnavailableError", "read_metrics", "write_metrics"]
