"""A report's files: pictures, the figures as JSON, the HTML. What is not stored is not sent."""

import json
import logging
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from include.database import sql
from include.reports.build import Report, ReportKey, read_report, read_version
from include.reports.periods import Kind
from include.reports.render import render_html
from include.storage import Storage

logger = logging.getLogger(__name__)

FIGURES_FILE, PAGE_FILE = "report.json", "report.html"
LARGEST_FILE = 10 << 20  # bytes
MAX_FORGOTTEN = 200  # reports at a time


class ReportReplacedError(RuntimeError):
    """Another run has built a newer version of the report meanwhile; this one stops."""


class ReportNotStoredError(RuntimeError):
    """The report has no files yet, so it is not sent; the message says what to do."""


def folder_of(kind: Kind, start: date, version: int) -> str:
    """The prefix of the keys of a version's files."""
    return f"{kind}/{start.isoformat()}/v{version}"


def draw_report(engine: Engine, storage: Storage, key: ReportKey) -> list[str]:
    """Draw a report's charts and store them; give the names of their files. Done again, it replaces them.

    Raises StorageError, and LookupError when a newer version replaced this one.
    """
    from include.reports.charts import draw_charts

    report = read_report(engine, key)
    folder = _folder(report)
    pictures = draw_charts(report)
    for picture in pictures:
        storage.write(f"{folder}/{picture.file}", [picture.png], size_limit=LARGEST_FILE)
    logger.info("%s: %d pictures in %s/%s", report.title, len(pictures), storage.location, folder)
    return [picture.file for picture in pictures]


def store_report(
    engine: Engine, storage: Storage, key: ReportKey, pictures: Sequence[str], *, desk_url: str
) -> str:
    """Store the figures as JSON and the HTML beside the pictures, and note in the database where they are.

    Args:
        engine: the platform's database.
        storage: where they go.
        key: which report.
        pictures: the names of the files that `draw_report` gave.
        desk_url: the address of the desk, for the links.

    Raises:
        StorageError: the storage does not take them.
        ReportReplacedError: a newer version replaced this one.
    """
    with engine.connect() as connection:
        report, row = read_version(connection, key)
    folder = _folder(report)
    html = render_html(report, {file.removesuffix(".png"): file for file in pictures}, desk_url=desk_url)
    figures = json.dumps({"version": key.version, **row.figures}, indent=1, ensure_ascii=False)
    files = {}
    for name, content in ((FIGURES_FILE, figures.encode()), (PAGE_FILE, html.encode())):
        stored = storage.write(f"{folder}/{name}", [content], size_limit=LARGEST_FILE)
        files[name] = {"key": stored.key, "bytes": stored.size, "sha256": stored.sha256}
    for name in pictures:
        found = storage.stat(f"{folder}/{name}")
        if found is None:
            raise ReportNotStoredError(
                f"{folder}/{name} is gone from {storage.location}: clear the task draw"
            )
        files[name] = {"key": found.key, "bytes": found.size}
    with engine.begin() as connection:
        noted = connection.execute(
            sql("reports/note_stored"),
            {"id": key.id, "version": key.version, "location": storage.location, "files": json.dumps(files)},
        ).one_or_none()
    if noted is None:
        raise ReportReplacedError(f"a newer version of {report.title} was built meanwhile")
    return f"{storage.location}/{folder}"


def read_file(storage: Storage, key: str) -> bytes:
    """Read a small file of a report whole. Raises StorageError."""
    content = bytearray()
    for piece in storage.read(key):
        content += piece
        if len(content) > LARGEST_FILE:
            raise ReportNotStoredError(f"{key} is larger than a file of a report can be")
    return bytes(content)


def read_pictures(storage: Storage, files: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Read the pictures of a stored report, by the names of their charts. Raises StorageError."""
    return {
        name.removesuffix(".png"): read_file(storage, file["key"])
        for name, file in files.items()
        if mimetypes.guess_type(name)[0] == "image/png"
    }


def forget_reports(engine: Engine, storage: Storage, before: date) -> int:
    """Delete the reports on periods that ended before a day, with their files; give their number.

    The files go first: a run that dies in between finds the row again. A report whose files are elsewhere,
    for the setting was changed since, stays.
    """
    asked = {"before": before, "location": storage.location}
    with engine.connect() as connection:
        rows = connection.execute(sql("reports/list_old_reports"), {**asked, "limit": MAX_FORGOTTEN}).all()
        stranded = connection.execute(sql("reports/count_stranded_reports"), asked).scalar_one()
    if stranded:
        logger.warning(
            "%d old reports have files elsewhere than at %s: they stay", stranded, storage.location
        )
    forgotten = 0
    for row in rows:
        for stored in list(storage.list(f"{row.kind}/{row.period_start.isoformat()}/")):
            storage.delete(stored.key)
        _forget(engine, row.id)
        forgotten += 1
    return forgotten


def _forget(engine: Engine, id: UUID) -> None:
    with engine.begin() as connection:
        connection.execute(sql("reports/forget_report"), {"id": id})


def _folder(report: Report) -> str:
    return folder_of(report.period.kind, report.period.start, report.key.version)
