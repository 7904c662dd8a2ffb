"""What the suites said, as rows of data_quality_results: the audit writes, its report and the page read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from include.database import sql
from include.humanize import count_text
from include.quality.validation import Check, QualityFinding, Validation, to_details, worst_first

FAILED_BATCHES = 1_000  # of one run that are read for its report


@dataclass(frozen=True)
class Result:
    """One row: what a suite said of a batch, in which run."""

    id: UUID
    day: date
    validation: Validation
    run_url: str
    created_at: datetime


@dataclass(frozen=True)
class AuditedDay:
    """How many batches of a day were looked at, and how many had critical faults or warnings only."""

    day: date
    batches: int
    critical: int
    warnings: int


@dataclass(frozen=True)
class QualityReport:
    """What one run of the audit found."""

    batches: int
    critical: int  # batches with a critical fault
    warnings: int  # batches with warnings only
    findings: tuple[QualityFinding, ...]  # the worst first

    def in_words(self) -> str:
        """Say how much was found, and the three worst findings."""
        listed = " ".join(
            f"{number}. {one.suite}, {one.words}." for number, one in enumerate(self.findings[:3], 1)
        )
        return (
            f"{self.critical} of {count_text(self.batches, 'batch', 'batches')} of data "
            f"{'has' if self.critical == 1 else 'have'} critical faults, "
            f"{self.warnings} only warnings. The worst: {listed}"
        )


def write_results(connection: Connection, day: date, validations: Sequence[Validation], run_url: str) -> None:
    """Store what was said, in place of what was said of the same batches before."""
    rows = [
        {
            "suite": one.suite,
            "batch": one.batch,
            "day": day,
            "success": one.success,
            "severity": one.severity,
            "rows": one.rows,
            "evaluated": len(one.checks),
            "failed": sum(not check.success for check in one.checks),
            "details": json.dumps(to_details(one), default=str),
            "run_url": run_url,
        }
        for one in validations
    ]
    if rows:
        connection.execute(sql("quality/write_results"), rows)


def forget_others(connection: Connection, day: date, suites: Sequence[str], batches: Sequence[str]) -> None:
    """Remove what suites said of a day's other batches: there is nothing left of them to look at."""
    others = {"day": day, "suites": list(suites), "batches": list(batches)}
    connection.execute(sql("quality/forget_results"), others)


def read_report(engine: Engine, run_url: str) -> QualityReport:
    """Sum up one run of the audit."""
    with engine.connect() as connection:
        counts = connection.execute(sql("quality/count_findings"), {"run_url": run_url}).one()
        rows = connection.execute(sql("quality/read_findings"), {"run_url": run_url, "limit": FAILED_BATCHES})
        found = [finding for row in rows for finding in _validation(row).findings]
    return QualityReport(counts.batches, counts.critical, counts.warnings, tuple(worst_first(found)))


def read_days(engine: Engine, *, limit: int) -> list[AuditedDay]:
    """Read which days were audited, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(sql("quality/list_days"), {"limit": limit})
        return [AuditedDay(*row) for row in rows]


def read_day(engine: Engine, day: date, *, limit: int) -> list[Result]:
    """Read what was said of a day's batches, the worst first, then by suite and batch."""
    with engine.connect() as connection:
        rows = connection.execute(sql("quality/read_day"), {"day": day, "limit": limit})
        return [_result(row) for row in rows]


def read_result(engine: Engine, id: UUID) -> Result | None:
    """Read one row; None when there is none."""
    with engine.connect() as connection:
        row = connection.execute(sql("quality/read_result"), {"id": id}).one_or_none()
    return None if row is None else _result(row)


def _result(row: Row[Any]) -> Result:
    return Result(row.id, row.day, _validation(row), row.run_url, row.created_at)


def _validation(row: Row[Any]) -> Validation:
    details = row.details
    checks = [Check(**{**check, "examples": tuple(check["examples"])}) for check in details["checks"]]
    return Validation(row.suite, row.batch, row.rows, details["noun"], tuple(checks), tuple(details["notes"]))
