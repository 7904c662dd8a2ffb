"""The report on the database: what was looked at, and what a person should do."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from include.database import sql
from include.humanize import count_text, size_text
from include.maintenance.forecast import ENOUGH_DAYS, TooFewSizesError, fit_line
from include.maintenance.vacuum import DEAD, WORTH_IT, VacuumedTable

Kind = Literal["weekly", "monthly"]

HISTORY = 90  # days of sizes that growth is read from
SOON, LATER = timedelta(days=30), timedelta(days=90)  # until the disk is full: warn, mention
WRAPAROUND = 1_000_000_000  # transactions; PostgreSQL stops at about two thousand million
SETTLED = timedelta(days=14)  # how old usage statistics must be to call an index unused
LARGE_INDEX = 8 * 1024 * 1024  # bytes under which an unused index costs too little to be told
READ_WHOLE = {"scans": 100, "rows": 100_000}
SLOW = 500  # milliseconds
LONG = timedelta(minutes=15)


@dataclass(frozen=True)
class DatabaseFinding:
    """What a person should know or do."""

    severity: Literal["warning", "info"]
    words: str
    remedy: str


@dataclass(frozen=True)
class Section:
    """One thing that was looked at, as a table; `note` says what cannot be seen in it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""


@dataclass(frozen=True)
class DatabaseReport:
    """One run's report."""

    kind: Kind
    run_url: str
    findings: list[DatabaseFinding] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    created_at: datetime | None = None
    id: UUID | None = None


def inspect_database(
    engine: Engine, kind: Kind, run_url: str, vacuumed: Sequence[VacuumedTable], free_bytes: int | None
) -> DatabaseReport:
    """Look at the database; the monthly report looks at indexes and slow statements too.

    Args:
        engine: the platform's database.
        kind: `weekly` or `monthly`.
        run_url: opens the run.
        vacuumed: what was vacuumed and analyzed just before.
        free_bytes: what is free on the database's disk; None when it cannot be seen from here.
    """
    report = DatabaseReport(kind, run_url)
    with engine.connect() as connection:
        _growth(connection, report, free_bytes)
        _state(connection, report)
        _transactions(connection, report)
        rows = [[one.table, one.what, one.seconds] for one in vacuumed]
        report.sections.append(
            Section("Vacuumed and analyzed in this run", ("table", "what", "seconds"), rows)
        )
        if kind == "monthly":
            _indexes(connection, report)
            _read_whole(connection, report)
            _slow(connection, report)
    return report


def store_report(engine: Engine, report: DatabaseReport) -> UUID:
    """Store a report; a run that is repeated replaces its own. Give its id."""
    with engine.begin() as connection:
        id: UUID = connection.execute(
            sql("maintenance/store_report"),
            {
                "kind": report.kind,
                "run_url": report.run_url,
                "findings": json.dumps([asdict(one) for one in report.findings]),
                "sections": json.dumps([asdict(one) for one in report.sections], default=_plain),
            },
        ).scalar_one()
    return id


def read_reports(engine: Engine, limit: int) -> list[DatabaseReport]:
    """Read the newest reports, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(sql("maintenance/read_reports"), {"limit": limit})
        return [
            DatabaseReport(
                row.kind,
                row.run_url,
                [DatabaseFinding(**one) for one in row.findings],
                [Section(**one) for one in row.sections],
                row.created_at,
                row.id,
            )
            for row in rows
        ]


def read_growth(engine: Engine, days: int = HISTORY) -> dict[date, int]:
    """Read the size of all tables together, in bytes, by day."""
    with engine.connect() as connection:
        rows = connection.execute(sql("maintenance/measure_database_growth"), {"days": days})
        return {row.day: row.bytes for row in rows}


def _growth(connection: Connection, report: DatabaseReport, free_bytes: int | None) -> None:
    tables = connection.execute(sql("maintenance/measure_table_growth"), {"days": HISTORY}).all()
    report.sections.append(
        Section(
            "Sizes and growth",
            ("table", "size", "rows", "growth a day"),
            [
                [one.table_name, size_text(one.bytes), one.rows,
                 size_text(one.bytes_a_day) if one.days >= ENOUGH_DAYS else "too few days"]
                for one in tables
            ],
            f"growth by a straight line through the last {HISTORY} days",
        )
    )  # fmt: skip
    if free_bytes is None:
        why = "the disk of the database is not seen from here: set database_volume for a forecast"
        report.findings.append(
            DatabaseFinding("info", f"no forecast of the disk: {why}", "docs/maintenance.md")
        )
        return
    sizes = {
        row.day: row.bytes
        for row in connection.execute(sql("maintenance/measure_database_growth"), {"days": HISTORY})
    }
    try:
        full, *_ = fit_line(sizes).full_after(free_bytes)
    except TooFewSizesError as error:
        report.findings.append(DatabaseFinding("info", f"no forecast of the disk yet: {error}", "wait"))
        return
    if full is None:
        return
    left = full - datetime.now(UTC).date()
    if left < LATER:
        report.findings.append(
            DatabaseFinding(
                "warning" if left < SOON else "info",
                f"the disk is full on {full} ({count_text(left.days, 'day')}) "
                f"if the database grows as it did; "
                f"{size_text(free_bytes)} are free",
                "make room, shorten keep_metrics or set keep_candles, or take a larger disk",
            )
        )


def _state(connection: Connection, report: DatabaseReport) -> None:
    tables = connection.execute(sql("maintenance/find_tables_to_vacuum")).all()
    report.sections.append(
        Section(
            "Dead rows and statistics",
            ("table", "rows", "dead", "changed since analyze", "vacuumed", "analyzed"),
            [[one.name, one.live, one.dead, one.changed, one.vacuumed_at, one.analyzed_at] for one in tables],
            "dead rows are the bloat that PostgreSQL itself knows of; what is inside pages needs pgstattuple",
        )
    )
    for one in tables:
        if one.dead > max(WORTH_IT, DEAD * one.live):
            report.findings.append(
                DatabaseFinding(
                    "warning",
                    f"{one.name} holds {one.dead} dead rows and {one.live} live ones, though it was vacuumed",
                    "look for an old transaction or replication slot that holds them",
                )
            )
        if one.transactions > WRAPAROUND:
            report.findings.append(
                DatabaseFinding(
                    "warning",
                    f"{one.name} was frozen {one.transactions} transactions ago",
                    f"VACUUM (FREEZE) {one.name}",
                )
            )


def _transactions(connection: Connection, report: DatabaseReport) -> None:
    for one in connection.execute(sql("maintenance/find_long_transactions"), {"longer_than": LONG}).all():
        report.findings.append(
            DatabaseFinding(
                "warning",
                f"a transaction of {one.role} ({one.application_name or 'no name'}, {one.state}) is open for "
                f"{str(one.open_for).partition('.')[0]}",
                f"SELECT pg_terminate_backend({one.pid})",
            )
        )


def _indexes(connection: Connection, report: DatabaseReport) -> None:
    since = connection.execute(
        text("SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()")
    ).scalar()
    started = connection.execute(text("SELECT pg_postmaster_start_time()")).scalar_one()
    age = datetime.now(UTC) - (since or started)
    indexes = connection.execute(sql("maintenance/review_indexes")).all()
    report.sections.append(
        Section(
            "Indexes",
            ("index", "table", "size", "scans"),
            [[one.name, one.table_name, size_text(one.bytes), one.scans] for one in indexes],
            f"scans are counted since {count_text(age.days, 'day')}",
        )
    )
    for one in indexes:
        if not one.valid:
            words = f"{one.name} is invalid: a build of it failed"
            remedy = f"REINDEX INDEX CONCURRENTLY {one.name}"
        elif one.same_as:
            words, remedy = f"{one.name} is the same as {one.same_as}", f"DROP INDEX CONCURRENTLY {one.name}"
        elif not one.needed and one.scans == 0 and one.bytes > LARGE_INDEX and age > SETTLED:
            words = f"{one.name} ({size_text(one.bytes)}) was not used in {count_text(age.days, 'day')}"
            remedy = f"DROP INDEX CONCURRENTLY {one.name}"
        else:
            continue
        report.findings.append(DatabaseFinding("warning" if not one.valid else "info", words, remedy))


def _read_whole(connection: Connection, report: DatabaseReport) -> None:
    for one in connection.execute(sql("maintenance/find_tables_read_whole"), READ_WHOLE).all():
        report.findings.append(
            DatabaseFinding(
                "info",
                f"{one.name} ({count_text(one.live, 'row')}) was read from end to end "
                f"{count_text(one.scans, 'time')}, by index {count_text(one.idx_scan or 0, 'time')}",
                "look for the statement among the slow ones; an index may be missing",
            )
        )


def _slow(connection: Connection, report: DatabaseReport) -> None:
    columns = ("statement", "calls", "mean ms", "max ms", "rows")
    if connection.execute(text("SELECT to_regclass('pg_stat_statements')")).scalar() is None:
        note = "pg_stat_statements is not installed, so PostgreSQL does not say which statements are slow"
        report.sections.append(Section("Slow statements", columns, [], note))
        return
    rows = connection.execute(sql("maintenance/find_slow_statements"), {"milliseconds": SLOW}).all()
    report.sections.append(Section("Slow statements", columns, [list(row) for row in rows]))


def _plain(value: Any) -> Any:
    return value.strftime("%F %H:%M") if isinstance(value, datetime) else str(value)
