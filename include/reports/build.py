"""From the database to the figures of a report, as one JSON document, kept as a row of `reports`."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, text

from include.database import sql
from include.maintenance import note_table_sizes
from include.reports.definitions import SECTIONS
from include.reports.figures import FORMAT, ReportSection, from_json, to_json
from include.reports.periods import Period
from include.reports.reading import Reading
from include.reports.sections.trends import summarise
from include.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportKey:
    """Which report, in which version: what the tasks of a run hand to each other."""

    id: UUID
    version: int


@dataclass(frozen=True)
class Report:
    """A report's figures.

    Attributes:
        key: its row.
        period: what it is about.
        known_until: nothing that came into the database later is in it; tz-aware UTC.
        sections: the figures.
    """

    key: ReportKey
    period: Period
    known_until: datetime
    sections: Sequence[ReportSection]

    @property
    def title(self) -> str:
        """How people name it."""
        return f"{self.period.kind.capitalize()} report, {self.period.title}"

    def section(self, name: str) -> ReportSection:
        """The section of a name."""
        return next(section for section in self.sections if section.name == name)


def build_report(
    engine: Engine,
    period: Period,
    settings: Settings,
    *,
    free_bytes: int | None,
    run_url: str,
    again: bool = False,
) -> ReportKey:
    """Figure a report and keep it; a period has one report.

    A report that is there stays as it is, unless `again` asks for a new version with what is known by now. A
    run that is repeated makes no further version.

    Args:
        engine: the platform's database.
        period: one that is over.
        settings: budgets, and what is kept for how long.
        free_bytes: what is free on the database's disk; None: it cannot be seen from here.
        run_url: opens the run that asks.
        again: make a new version of a report that is there.
    """
    found = _find(engine, period)
    if found is not None and (not again or found.run_url == run_url):
        logger.info("the report on %s is there, in version %d", period.start, found.version)
        return ReportKey(found.id, found.version)
    note_table_sizes(
        engine
    )  # today's, for the growth; the weekly upkeep alone would leave a forecast to guess
    now, sections = measure(engine, period, settings, free_bytes)
    figures = {
        "format": FORMAT,
        "kind": period.kind,
        "first_day": period.start.isoformat(),
        "last_day": period.last_day.isoformat(),
        "known_until": now.isoformat(),
        "sections": [to_json(section) for section in sections],
    }
    with engine.begin() as connection:
        row = connection.execute(
            sql("reports/keep_figures"),
            {
                "kind": period.kind,
                "start": period.start,
                "end": period.end,
                "known_until": now,
                "figures": json.dumps(figures, allow_nan=False),
                "run_url": run_url,
                "former": None if found is None else found.version,
            },
        ).one_or_none()
    if row is None:  # another run was faster: its figures stand
        row = _find(engine, period)
    return ReportKey(row.id, row.version)


def measure(
    engine: Engine, period: Period, settings: Settings, free_bytes: int | None
) -> tuple[datetime, list[ReportSection]]:
    """Measure all sections at one moment of the database; give the moment, tz-aware UTC, and them."""
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        connection.execute(text("SET TRANSACTION READ ONLY"))
        now = connection.execute(text("SELECT now()")).scalar_one().astimezone(UTC)
        reading = Reading(
            connection, period.with_former(), settings, now, _first_record(connection), free_bytes
        )
        sections = [measure_section(reading) for measure_section in SECTIONS]
    return now, [*sections, summarise(sections)]


def read_report(engine: Engine, key: ReportKey) -> Report:
    """Read a report's figures. Raises LookupError when this version of it is not there any more."""
    with engine.connect() as connection:
        return read_version(connection, key)[0]


def read_version(connection: Connection, key: ReportKey) -> tuple[Report, Row[Any]]:
    """Read a version of a report, and its row, which has `figures` as JSON, `files` and `stored_at`.

    Raises LookupError when this version is not there any more.
    """
    row = connection.execute(sql("reports/read_report"), {"id": key.id, "version": key.version}).one_or_none()
    if row is None:
        raise LookupError(
            f"version {key.version} of the report {key.id} is not there: a newer one replaced it"
        )
    return report_of(key, Period(row.kind, row.period_start, row.period_end), row.figures), row


def report_of(key: ReportKey, period: Period, figures: Mapping[str, Any]) -> Report:
    """A report from what is stored of it."""
    return Report(
        key,
        period,
        datetime.fromisoformat(figures["known_until"]),
        [from_json(section) for section in figures["sections"]],
    )


def _find(engine: Engine, period: Period) -> Any:
    with engine.connect() as connection:
        return connection.execute(
            sql("reports/find_report"), {"kind": period.kind, "start": period.start}
        ).one_or_none()


def _first_record(connection: Connection) -> datetime | None:
    first: datetime | None = connection.execute(sql("reports/find_first_record")).scalar_one()
    return first
