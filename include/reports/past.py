"""Past reports, for the page that lists them and opens one."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row

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
        key = ReportKey(self.id, self.version)
        return report_of(key, self.period.kind, self.period.start, self.period.end, self.figures)


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
    return [PastReport(**_shared(row)) for row in rows]


def find_report(engine: Engine, id: UUID) -> ShownReport | None:
    """Find a report; None when there is none of this id."""
    with engine.connect() as connection:
        row = connection.execute(sql("reports/show_report"), {"id": id}).one_or_none()
    if row is None:
        return None
    return ShownReport(**_shared(row), figures=row.figures, location=row.location, files=row.files or {})


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


def _shared(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "period": Period(row.kind, row.period_start, row.period_end),
        "version": row.version,
        "known_until": row.known_until,
        "stored_at": row.stored_at,
        "run_url": row.run_url,
        "deliveries": [_delivery(one) for one in row.deliveries],
    }


def _delivery(read: Mapping[str, Any]) -> PastDelivery:
    sent_at = read["sent_at"]
    return PastDelivery(
        read["channel"],
        read["version"],
        read["state"],
        datetime.fromisoformat(sent_at) if sent_at else None,
        read["sent_to"],
        read["reason"],
    )
