"""Performance of the platform: how long its operations took, and which took longest."""

from typing import get_args

from include.reports.figures import FigureColumn, ReportSection, Table, compare, number
from include.reports.reading import Reading
from include.telemetry.records import MetricType

MAX_ROWS = 5  # operations that are listed
LABELS = {
    "api_response": "A call of a service, or of our API",
    "database_query": "A statement of the database",
    "generation_time": "Generating a signal",
    "backtest_time": "Settling a batch",
    "analysis_time": "Analysing a trade",
}


def measure(reading: Reading) -> ReportSection:
    """Measure the durations of a period."""
    keep = reading.settings.keep_metrics
    unknown = reading.unknown(keep)
    places = len(reading.periods)
    p50: dict[str, list[float | None]] = {name: [None] * places for name in get_args(MetricType)}
    p95: dict[str, list[float | None]] = {name: [None] * places for name in get_args(MetricType)}
    counts = dict.fromkeys(get_args(MetricType), 0)
    for row in reading.by_moments("measure_durations"):
        p50[row.metric_type][row.place - 1] = row.p50
        p95[row.metric_type][row.place - 1] = row.p95
        if row.place == 1:
            counts[row.metric_type] = row.operations
    figures = [
        compare(
            f"{name}_p95",
            f"{LABELS[name]}: 95 of 100 within",
            "ms",
            p95[name],
            why="none was measured in the period",
            good="down",
            unknown_before=unknown,
        )
        for name in get_args(MetricType)
    ]
    durations = Table(
        "durations",
        "Durations by type",
        (
            FigureColumn("Operation"),
            FigureColumn("Measured", "count"),
            FigureColumn("Half within", "ms"),
            FigureColumn("95 of 100 within", "ms"),
        ),
        [
            [LABELS[name], counts[name], number(p50[name][0]), number(p95[name][0])]
            for name in get_args(MetricType)
        ],
    )
    slow = [
        [row.metric_name, LABELS[row.metric_type], row.operations, number(row.slowest)]
        for row in reading.of_moments("list_slow_operations", limit=MAX_ROWS)
    ]
    slowest = Table(
        "slow_operations",
        "Slowest operations",
        (
            FigureColumn("Name"),
            FigureColumn("Operation"),
            FigureColumn("Measured", "count"),
            FigureColumn("Slowest", "ms"),
        ),
        slow,
        "" if slow else "Nothing was measured.",
    )
    notes = reading.coverage_notes("Measurements", "keep_metrics", keep)
    return ReportSection("performance", "Performance", figures, [durations, slowest], notes)
