"""The figures of the page on monitoring as files: JSON, CSV, and Prometheus' text format.

They are those of `read_monitoring`, which the API shows too; what is counted for scrapers is another matter,
and grows for ever: `prometheus`.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

FigureFormat = Literal["json", "csv", "prometheus"]
FORMATS: tuple[FigureFormat, ...] = get_args(FigureFormat)
CONTENT_TYPES: dict[FigureFormat, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "prometheus": "text/plain; version=0.0.4; charset=utf-8",
}
# Where a figure stands in the answer, what it is called in a file, the label of its parts, and its words.
_FIGURES = (
    ("errors.byType", "errors", "type", "Errors of the range by type"),
    ("errors.bySeverity", "errors_by_severity", "severity", "Errors of the range by severity"),
    ("performance.averageApiResponseTime", "api_response_milliseconds", "", "Mean answer of a service"),
    ("performance.averageDatabaseQueryTime", "database_query_milliseconds", "", "Mean statement"),
    ("performance.averageGenerationTime", "generation_milliseconds", "", "Mean attempt at a signal"),
    ("performance.averageBacktestTime", "backtest_milliseconds", "", "Mean settling of a batch"),
    ("performance.averageAnalysisTime", "analysis_milliseconds", "", "Mean analysis"),
    ("database.totalTrades", "trades", "", "Trades, whenever they were proposed"),
    ("database.activeTrades", "trades_active", "", "Trades that are not settled yet"),
    ("database.completedTrades", "trades_completed", "", "Trades won or lost"),
    ("database.averageTradeSuccessRate", "trades_success_percent", "", "Trades won, of those won or lost"),
    ("userFeedback.byType", "feedback", "type", "Feedback of the range by type"),
    ("userFeedback.averageRating", "feedback_rating", "", "Mean rating of the range, 1 to 5"),
)


def write_figures(stats: Mapping[str, Any], time_range: str, form: FigureFormat) -> bytes:
    """Write the answer of `read_monitoring` in a format.

    A figure that was not measured is left out of CSV and Prometheus' text, and null in JSON.
    """
    if form == "json":
        return json.dumps({"timeRange": time_range, "stats": stats}, ensure_ascii=False).encode()
    if form == "csv":
        return _csv(stats, time_range)
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for name, words, label, part, value in _values(stats):
        if name not in gauges:
            gauges[name] = _gauge(name, words, ["range", label] if label else ["range"], registry)
        gauges[name].labels(*((time_range, part) if label else (time_range,))).set(value)
    return bytes(generate_latest(registry))


def _gauge(name: str, words: str, labels: list[str], registry: CollectorRegistry) -> Gauge:
    return Gauge(f"tradeops_monitoring_{name}", words, labels, registry=registry)


def _csv(stats: Mapping[str, Any], time_range: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("range", "figure", "label", "part", "value"))
    for name, _, label, part, value in _values(stats):
        writer.writerow((time_range, name, label, part, value))
    return text.getvalue().encode()


def _values(stats: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, float]]:
    """Name, words, label, part and value of each figure that was measured."""
    for place, name, label, words in _FIGURES:
        group, key = place.split(".")
        found = stats[group][key]
        parts = found.items() if label else [("", found)]
        for part, value in parts:
            if value is not None:
                yield name, words, label, part, float(value)
