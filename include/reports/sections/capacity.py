"""Capacity: how large the database and its tables are, how they grow, and where that leads."""

from datetime import timedelta

from include.database import sql
from include.maintenance.forecast import ENOUGH_DAYS, METHOD, Line, TooFewSizesError, fit_line
from include.maintenance.report import HISTORY
from include.reports.figures import Figure, FigureColumn, ReportSection, Table, compare, number
from include.reports.reading import Reading

AHEAD = (30, 90)  # days that are forecast
MAX_ROWS = 8  # tables that are listed
DISK_UNSEEN = "the disk of the database is not seen from here: set database_volume"


def measure(reading: Reading) -> ReportSection:
    """Measure sizes and growth at the end of what is known, and forecast."""
    rows = reading.connection.execute(sql("maintenance/measure_database_growth"), {"days": HISTORY}).all()
    sizes = {row.day: row.bytes for row in rows}
    line, why = None, ""
    try:
        line = fit_line(sizes)
    except TooFewSizesError as error:
        why = f"{error}; each report notes the size of its day"
    newest = max(sizes, default=None)
    figures = [
        Figure(
            "database_size_now",
            "All tables together, newest",
            "bytes",
            sizes[newest] if newest else None,
            why="" if newest else "no size was ever noted",
        ),
        compare(
            "database_size",
            "All tables together, on the last day of the period",
            "bytes",
            [sizes.get(period.last_day) for period in reading.periods],
            why="no size was noted on that day",
        ),
        _growth(line, why),
        *(_forecast(line, why, days) for days in AHEAD),
        _free(reading),
        _full(reading, line, why),
    ]
    points = [{"day": day.isoformat(), "bytes": size} for day, size in sorted(sizes.items())]
    notes = [METHOD]
    if newest:
        notes.append(
            f"The newest sizes, from which the forecast goes on, are those of {newest}, whatever the period."
        )
    return ReportSection(
        "capacity",
        "Capacity",
        figures,
        [_tables(reading)],
        notes,
        {"sizes": points, "forecast": _points(line)},
    )


def _growth(line: Line | None, why: str) -> Figure:
    low, high = line.slope_interval if line else (None, None)
    return Figure(
        "growth",
        "Growth a day",
        "bytes",
        line.slope if line else None,
        low=low,
        high=high,
        why=why,
        good="down",
    )


def _forecast(line: Line | None, why: str, days: int) -> Figure:
    name, label = f"size_in_{days}_days", f"Expected {days} days later"
    if line is None:
        return Figure(name, label, "bytes", None, why=why)
    found = line.at(line.last_day + timedelta(days=days))
    return Figure(name, label, "bytes", found.size, low=found.low, high=found.high)


def _free(reading: Reading) -> Figure:
    return Figure(
        "disk_free",
        "Free on the disk of the database",
        "bytes",
        reading.free_bytes,
        why="" if reading.free_bytes is not None else DISK_UNSEEN,
        good="up",
    )


def _full(reading: Reading, line: Line | None, why: str) -> Figure:
    name, label = "disk_full", "The disk is full"
    if reading.free_bytes is None:
        return Figure(name, label, "text", None, why=DISK_UNSEEN)
    if line is None:
        return Figure(name, label, "text", None, why=why)
    likely, earliest, latest = line.full_after(reading.free_bytes)
    if likely is None:
        words = (
            "not in the next ten years"
            if earliest is None
            else f"not in sight; at the earliest on {earliest}"
        )
        return Figure(name, label, "text", words)
    return Figure(name, label, "text", f"{likely} (from {earliest} to {latest or 'never'})")


def _tables(reading: Reading) -> Table:
    found = reading.connection.execute(sql("maintenance/measure_table_growth"), {"days": HISTORY}).all()
    rows = [
        [
            row.table_name,
            row.bytes,
            row.rows,
            number(row.bytes_a_day) if row.days >= ENOUGH_DAYS else None,
        ]
        for row in found[:MAX_ROWS]
    ]
    columns = (
        FigureColumn("Table"),
        FigureColumn("Size", "bytes"),
        FigureColumn("Rows", "count"),
        FigureColumn("Growth a day", "bytes"),
    )
    left = len(found) - len(rows)
    note = f"{left} smaller tables are left out." if left > 0 else ""
    return Table("tables", "The largest tables", columns, rows, note if rows else "No size was ever noted.")


def _points(line: Line | None) -> list[dict[str, str | float]]:
    if line is None:
        return []
    days = [line.last_day + timedelta(days=ahead) for ahead in range(0, max(AHEAD) + 1, 5)]
    return [
        {"day": day.isoformat(), "size": found.size, "low": found.low, "high": found.high}
        for day, found in ((day, line.at(day)) for day in days)
    ]
