"""Which exports and replays there are: who asked for what, what became of it, where an export's files are.

An export is written down when it begins and when it ends. One whose process died never ends: it is known by
its age.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from include.database import sql, storable
from include.storage import StorageError
from include.telemetry import redact
from include.trades.trade_filter import TradeRequestError

EXPORT_MANIFEST = "manifest.json"
LONGEST_EXPORT = timedelta(hours=1)  # a task that exports is ended by then
MAX_ERROR = 500  # characters of a reason that are kept

WorkKind = Literal["export", "replay"]
ReplayOutcome = Literal["changed", "unchanged", "poor_data", "skipped"]


@dataclass(frozen=True)
class ListedWork:
    """One line of the list of exports and replays; times are UTC.

    Attributes:
        state: running, died, failed or done; of a replay only running or done, for it goes on when its
            failed tasks are cleared.
        rows: trades written, or looked at; None while an export runs.
        batches: of a replay that runs: done, and all.
        difference: of the net profit and loss that a replay changed, or would change, in USD, as its report
            has it.
    """

    kind: WorkKind
    id: str
    started_at: datetime
    ended_at: datetime | None
    requested_by: str
    filter: dict[str, Any]
    run_url: str
    state: str
    rows: int | None
    file_format: str | None
    files: int | None
    bytes: int | None
    error: str | None
    dry_run: bool | None
    redo: tuple[str, ...]
    reason: str | None
    batches: tuple[int, int] | None
    changed: int | None
    difference: str | None


@dataclass(frozen=True)
class StoredExport:
    """An export as it is written down; its files are below `folder` of the location `root`."""

    id: str
    requested_by: str
    file_format: str
    filter: dict[str, Any]
    root: str
    folder: str
    run_url: str
    started_at: datetime
    ended_at: datetime | None
    rows: int | None
    files: int
    bytes: int | None
    error: str | None
    state: str

    @property
    def location(self) -> str:
        """Where its files are, as a person writes it."""
        return f"{self.root.rstrip('/')}/{self.folder}"

    @property
    def manifest_key(self) -> str:
        """The manifest's key below the root."""
        return f"{self.folder}/{EXPORT_MANIFEST}"

    def file_key(self, number: int) -> str:
        """The key below the root of a file, counted from 1. Raises LookupError for one that there is not."""
        if self.state != "done" or not 1 <= number <= self.files:
            raise LookupError(f"the export {self.id} has no file {number}")
        return export_file_key(self.folder, number, self.file_format)


def export_file_key(folder: str, number: int, file_format: str) -> str:
    """The key of a file of an export, counted from 1."""
    return f"{folder}/trades-{number:05}.{file_format}"


@contextmanager
def recorded_export(
    engine: Engine,
    export_id: str,
    *,
    requested_by: str,
    file_format: str,
    filter: dict[str, Any],
    root: str,
    folder: str,
    run_url: str,
) -> Iterator[dict[str, int]]:
    """Write down that an export begins, and how it ends; the body notes `rows`, `files` and `bytes`.

    What the body raises is noted, redacted and cut, and goes on. `folder` is that of its files below `root`.
    """
    begun = {
        "requested_by": requested_by,
        "format": file_format,
        "filter": json.dumps(filter),
        "root": root,
        "folder": folder,
        "run_url": run_url,
    }
    with engine.begin() as connection:
        connection.execute(sql("trades/start_export"), {"export_id": export_id, **begun})
    written: dict[str, int] = {}
    try:
        yield written
    except Exception as error:
        in_words = isinstance(error, TradeRequestError | StorageError)
        said = redact(storable(str(error) if in_words else f"{type(error).__name__}: {error}"))
        failed = {"rows": None, "files": None, "bytes": None, "error": said[:MAX_ERROR]}
        with engine.begin() as connection:
            connection.execute(sql("trades/finish_export"), {"export_id": export_id, **failed})
        raise
    with engine.begin() as connection:
        connection.execute(sql("trades/finish_export"), {"export_id": export_id, "error": None, **written})


def list_exports_and_replays(
    connection: Connection,
    *,
    limit: int,
    kind: WorkKind | None = None,
    who: str | None = None,
    behind: tuple[datetime, str, str] | None = None,
) -> list[ListedWork]:
    """List exports and replays, the newest first; of one kind, or asked for by one person.

    `behind` is the time, the id and the kind of the last one of the page before.
    """
    before, behind_id, behind_kind = behind or (None, None, None)
    rows = connection.execute(
        sql("trades/list_exports_and_replays"),
        {
            "kind": kind,
            "who": who,
            "before": before,
            "behind_id": behind_id,
            "behind_kind": behind_kind,
            "limit": limit,
        },
    )
    return [_listed(row) for row in rows]


def read_export(connection: Connection, export_id: str) -> StoredExport | None:
    """Read an export; None: there is none of this id."""
    row = connection.execute(sql("trades/read_export"), {"export_id": export_id}).one_or_none()
    if row is None:
        return None
    return StoredExport(
        id=row.id,
        requested_by=row.requested_by,
        file_format=row.format,
        filter=row.filter,
        root=row.root,
        folder=row.folder,
        run_url=row.run_url,
        started_at=row.started_at,
        ended_at=row.ended_at,
        rows=row.rows,
        files=row.files or 0,
        bytes=row.bytes,
        error=row.error,
        state=_export_state(row),
    )


def list_replay_trades(
    connection: Connection, replay_id: str, outcome: ReplayOutcome, *, limit: int, behind: UUID | None = None
) -> list[Row[Any]]:
    """List the trades of a replay that have this outcome, in the order of their ids, behind one of them.

    They are kept for 30 days after the replay. Money is in US dollars, with all its digits.
    """
    parameters = {"replay_id": replay_id, "outcome": outcome, "behind": behind, "limit": limit}
    return list(connection.execute(sql("trades/list_replay_trades"), parameters))


def _listed(row: Row[Any]) -> ListedWork:
    replay = row.kind == "replay"
    return ListedWork(
        kind=row.kind,
        id=row.id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        requested_by=row.requested_by,
        filter=row.filter,
        run_url=row.run_url,
        state=("done" if row.ended_at else "running") if replay else _export_state(row),
        rows=row.rows,
        file_format=row.format,
        files=row.files,
        bytes=row.bytes,
        error=row.error,
        dry_run=row.dry_run,
        redo=tuple(row.redo or ()),
        reason=row.reason,
        batches=(row.batches_done, row.batches_all) if replay and not row.ended_at else None,
        changed=row.changed,
        difference=row.difference,
    )


def _export_state(row: Row[Any]) -> str:
    if row.ended_at is not None:
        return "failed" if row.error else "done"
    return "died" if row.at - row.started_at > LONGEST_EXPORT else "running"
