"""Past reports, for the page that lists them and opens one."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from include.database import sql
from include.reports.build import Report, ReportKey, report_of
from include.reports.periods import Kind, Period
from include.reports.store import PAGE_FILE, read_file, read_pictures
from include.storage import Storage


@dataclass(frozen=True)
class PastDelivery:
    """What became of sending one version by one channel."""

    channel: str
    version: int
    state: str
    sent_at: datetime | None
    sent_to: str | None
    reason: str | None


@dataclass(frozen=True)
class PastReport:
    """A report as the list has it, in its newest version."""

    id: UUID
    period: Period
    version: int
    known_until: datetime
    stored_at: datetime | None
    run_url: str
    deliveries: Sequence[PastDelivery]


@dataclass(frozen=True)
class ShownReport(PastReport):
    """A report with its figures and where its files are."""

    figures: Mapping[str, Any]
    location: str | None
    files: Mapping[str, Mapping[str, Any]]

    @property
    def report(self) -> Report:
        """Its figures, as objects."""
        return report_of(ReportKey(self.id, self.version), self.period, self.figures)


@dataclass(frozen=True)
class ReportPlace:
    """Where a page of the list ends: the next begins after the report on this period."""

    end: date
    kind: Kind


def list_reports(
    engine: Engine, *, kind: Kind | None, after: ReportPlace | None, limit: int
) -> Sequence[PastReport]:
    """List reports, the newest period first; `after` continues a page."""
    with engine.connect() as connection:
        rows = connection.execute(
            sql("reports/list_reports"),
            {
                "kind": kind,
                "after_end": after and after.end,
                "after_kind": after and after.kind,
                "limit": limit,
            },
        ).all()
        deliveries = _deliveries(connection, [row.id for row in rows])
    return [PastReport(**_shared(row, deliveries)) for row in rows]


def find_report(engine: Engine, id: UUID) -> ShownReport | None:
    """Find a report; None when there is none of this id."""
    with engine.connect() as connection:
        row = connection.execute(sql("reports/show_report"), {"id": id}).one_or_none()
        if row is None:
            return None
        shared = _shared(row, _deliveries(connection, [id]))
    return ShownReport(**shared, figures=row.figures, location=row.location, files=row.files or {})


def read_page(storage: Storage, shown: ShownReport) -> str:
    """Read the stored HTML of a report, with its pictures in it: whoever shows it loads nothing.

    Raises StorageError.
    """
    html = read_file(storage, shown.files[PAGE_FILE]["key"]).decode()
    encoded = {
        f"{name}.png": base64.b64encode(png).decode()
        for name, png in read_pictures(storage, shown.files).items()
    }

    def with_bytes(found: re.Match[str]) -> str:
        return f'src="data:image/png;base64,{encoded[found[1]]}"' if found[1] in encoded else found[0]

    return re.sub(r'src="([a-z_]+\.png)"', with_bytes, html)


def _shared(row: Row[Any], deliveries: Mapping[UUID, Sequence[PastDelivery]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "period": Period(row.kind, row.period_start, row.period_end),
        "version": row.version,
        "known_until": row.known_until,
        "stored_at": row.stored_at,
        "run_url": row.run_url,
        "deliveries": deliveries.get(row.id, ()),
    }


def _deliveries(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[PastDelivery]]:
    found: dict[UUID, list[PastDelivery]] = {}
    for row in connection.execute(sql("reports/list_deliveries"), {"ids": list(ids)}):
        one = PastDelivery(row.channel, row.version, row.state, row.sent_at, row.sent_to, row.reason)
        found.setdefault(row.report_id, []).append(one)
    return found
