"""Errors: how many, of which type and severity, which came most often, and how that compares."""

from datetime import timedelta
from typing import get_args

from include.alerts.messages import one_line
from include.reports.figures import FigureColumn, ReportSection, Table, compare, left_out_note, number
from include.reports.reading import Reading, time_text
from include.telemetry import ErrorType
from include.telemetry.records import Severity

MAX_ROWS = 5  # messages that are listed
LONGEST = 300  # characters of one
SERIES_DAYS = 30  # at least, in the picture


def measure(reading: Reading) -> ReportSection:
    """Count the errors of a period."""
    keep = reading.settings.keep_errors
    unknown = reading.unknown(keep)
    places = len(reading.periods)
    by_type: dict[str, list[int]] = {name: [0] * places for name in get_args(ErrorType)}
    by_severity: dict[str, list[int]] = {name: [0] * places for name in reversed(get_args(Severity))}
    for row in reading.by_moments("measure_errors"):
        by_type[row.error_type][row.place - 1] += row.errors
        by_severity[row.severity][row.place - 1] += row.errors
    days = reading.days
    rates = [
        100 * row.failed_operations / row.operations
        if row.known_days == row.days and row.operations
        else None
        for row in days
    ]
    total = [sum(counts) for counts in zip(*by_type.values(), strict=True)]
    figures = [
        compare("errors", "Errors", "count", total, good="down", unknown_before=unknown),
        *(
            compare(f"errors_{name}", f"… {name}", "count", counts, good="down", unknown_before=unknown)
            for name, counts in by_severity.items()
        ),
        compare(
            "error_rate",
            "Operations that failed",
            "%",
            rates,
            why="no operation was measured, or not every day of the period is rolled up",
            good="down",
        ),
    ]
    types = [
        [
            name,
            counts[0],
            None if unknown[1] else counts[1],
            number(100 * counts[0] / total[0]) if total[0] else None,
        ]
        for name, counts in by_type.items()
    ]
    columns = (
        FigureColumn("Type"),
        FigureColumn("Errors", "count"),
        FigureColumn("Period before", "count"),
        FigureColumn("Share", "%"),
    )
    return ReportSection(
        "errors",
        "Errors",
        figures,
        [Table("error_types", "By type", columns, types), _messages(reading)],
        reading.coverage_notes("Errors", "keep_errors", keep),
        {"errors": _by_day(reading)},
    )


def _messages(reading: Reading) -> Table:
    found = reading.of_moments("list_frequent_errors", limit=MAX_ROWS)
    rows = [
        [row.error_type, one_line(row.message, LONGEST), row.errors, time_text(row.last_at)] for row in found
    ]
    columns = (
        FigureColumn("Type"),
        FigureColumn("Message"),
        FigureColumn("Times", "count"),
        FigureColumn("Last (UTC)"),
    )
    note = "No error was recorded."
    if rows:
        note = left_out_note(found[0].messages - len(rows), "messages")
    return Table("error_messages", "Most frequent", columns, rows, note)


def _by_day(reading: Reading) -> list[dict[str, str | int]]:
    from include.database import sql

    period = reading.period
    begins = min(period.begins_at, period.ends_at - timedelta(days=SERIES_DAYS))
    rows = reading.connection.execute(
        sql("reports/count_errors_by_day"), {"begins": begins, "ends": period.ends_at}
    )
    return [{"day": row.day.isoformat(), "severity": row.severity, "errors": row.errors} for row in rows]
