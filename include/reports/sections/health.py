"""Health: uptime, what the probes saw, incidents, how long trades waited, backups and drills."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from include.reports.figures import Figure, FigureColumn, ReportSection, Table, compare, left_out_note, number
from include.reports.reading import Reading, time_text

MAX_ROWS = 10  # incidents and services that are listed
EVENTS_KEPT = timedelta(days=90)  # include/alerts forgets its history after so long


def measure(reading: Reading) -> ReportSection:
    """Measure the health of a period."""
    days = reading.days
    latency = reading.by_moments("measure_latency")
    begun = reading.unknown(None)
    uptime = [None if row.uptime is None or row.known_days < row.days else row.uptime for row in days]
    figures = [
        compare(
            "uptime",
            "Uptime of the platform's own parts",
            "%",
            [days[0].uptime, *uptime[1:]],
            why="nobody looked: no probe of the platform's own parts ran, or no day is rolled up",
            good="up",
        ),
        compare(
            "looked_at",
            "Of the time somebody looked",
            "%",
            [row.looked_at for row in days],
            why="no day is rolled up, or no probe ran",
            good="up",
        ),
        *_incidents(reading, reading.unknown(EVENTS_KEPT)),
        *(
            compare(
                f"latency_{name}",
                f"Sweep latency, {words}",
                "s",
                [getattr(row, name) for row in latency],
                why="no trade came to its end by itself in the period",
                good="down",
            )
            for name, words in (("p50", "half of the trades within"), ("p95", "95 of 100 within"))
        ),
        *_safekeeping(reading, begun),
    ]
    probes = reading.of_moments("measure_probes")
    notes = reading.coverage_notes(
        "Looks of the probes", "keep_probe_results", reading.settings.keep_probe_results
    )
    notes += reading.coverage_notes("Incidents", f"after {EVENTS_KEPT.days} days", EVENTS_KEPT)
    if any(row.sandbox for row in probes):
        notes.append(
            "Some services are the sandbox, an imitation: their health says nothing of the real ones."
        )
    return ReportSection("health", "Health", figures, [_probe_table(probes), _incident_table(reading)], notes)


def _incidents(reading: Reading, begun: list[bool]) -> list[Figure]:
    counted: dict[str, list[int]] = {name: [0] * len(reading.periods) for name in ("critical", "warning")}
    for row in reading.by_moments("measure_incidents"):
        if row.severity in counted:
            counted[row.severity][row.place - 1] = row.incidents
    return [
        compare(
            f"incidents_{severity}",
            f"Incidents: {severity} alerts that began",
            "count",
            values,
            good="down",
            unknown_before=begun,
        )
        for severity, values in counted.items()
    ]


def _safekeeping(reading: Reading, begun: list[bool]) -> list[Figure]:
    rows = reading.by_moments("measure_safekeeping")
    named = (
        ("backups_made", "Backups made", ""),
        ("backups_failed", "Backups that failed or are bad", "down"),
        ("drills", "Restore drills", ""),
        ("drills_failed", "Restore drills that failed", "down"),
    )
    return [
        compare(
            name,
            label,
            "count",
            [getattr(row, name) for row in rows],
            good=good,  # type: ignore[arg-type]
            unknown_before=begun,
        )
        for name, label, good in named
    ]


def _probe_table(probes: Sequence[Row[Any]]) -> Table:
    rows = [
        [row.service, row.looks, number(100 * row.healthy / row.looks), row.degraded, row.down]
        for row in probes[:MAX_ROWS]
    ]
    columns = (
        FigureColumn("Service"),
        FigureColumn("Looks", "count"),
        FigureColumn("Healthy", "%"),
        FigureColumn("Degraded", "count"),
        FigureColumn("Down", "count"),
    )
    note = "No probe looked in the period, or its results are deleted by now."
    if rows:
        note = left_out_note(len(probes) - len(rows), "services, each at least as healthy,")
    return Table("probes", "What the probes saw, the least healthy first", columns, rows, note)


def _incident_table(reading: Reading) -> Table:
    found = reading.of_moments("list_incidents", limit=MAX_ROWS)
    rows = [
        [
            time_text(row.at),
            row.severity,
            row.rule,
            number((row.ended_at - row.at).total_seconds()) if row.ended_at else None,
            row.reason or "",
        ]
        for row in found
    ]
    columns = (
        FigureColumn("Began (UTC)"),
        FigureColumn("Severity"),
        FigureColumn("Alert"),
        FigureColumn("Lasted", "s"),
        FigureColumn("Reason"),
    )
    note = "No alert began to fire."
    if rows:
        note = left_out_note(found[0].incidents - len(rows), "incidents")
    return Table("incidents", "Incidents", columns, rows, note)
