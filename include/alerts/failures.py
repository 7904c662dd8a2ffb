"""A failed task or run: a row in `atge_error_logs` and the notice for people, in one transaction.

This module knows neither Airflow nor a channel: `include.airflow.callbacks` hands it the facts of a failure,
`include.alerts.delivery` takes the notice from there. While the database is away, both go to the spool of
`include.telemetry` as one record, and become rows when it is back.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Engine, text

from include.alerts.causes import DATABASE, Cause, cause_of
from include.database import sql, storable
from include.telemetry import ErrorType, Record, Spool, error_record, redact

# One id a failure: the same failure reported twice (a zombie and its successor) is one row and one notice.
_FAILURES = uuid.UUID("6c1c7f0e-5a0e-4f0f-9f3e-3f6f0f6b7a11")

Severity = Literal["critical", "warning", "info"]
RowSeverity = Literal["low", "medium", "high", "critical"]
# The rule: a row in atge_error_logs is as bad as the notice of it.
ROW_SEVERITY: dict[Severity, RowSeverity] = {"critical": "critical", "warning": "high", "info": "medium"}

QUOTED = 3_000  # characters of an exception that a notice carries
HEALING = 0x6865616C  # "heal": one success at a time looks what is left of a cause


@dataclass(frozen=True)
class Failure:
    """The facts of one failed task, or of a failed or late run when `task_id` is None."""

    dag_id: str
    run_id: str
    owner: str
    error: str  # the exception's type and text, or the reason that Airflow gives
    url: str  # opens the task, or the run, in the UI
    next_step: str
    stack: str | None = None
    task_id: str | None = None
    map_index: int = -1
    try_number: int | None = None
    late: bool = False  # a run that missed its deadline; it may still finish, or fail as well
    severity: Severity = "warning"  # how soon people are notified, and in which channels
    area: ErrorType = "backtesting"  # where it struck: as the task says where it is made
    raised: BaseException | None = field(default=None, compare=False, repr=False)  # where it is still there
    refused: bool = False  # what somebody asked for cannot be done: no failure of the platform
    job: str = ""  # tells runs by hand apart that were asked for different things
    watches: bool = False  # the task looks after others, and suffers last

    @property
    def id(self) -> uuid.UUID:
        """The same for every report of the same failure."""
        key = (self.dag_id, self.run_id, self.task_id, self.map_index, self.try_number)
        return uuid.uuid5(_FAILURES, json.dumps((*key, "late") if self.late else key))

    @property
    def task(self) -> str:
        """DAG and task, without the map index."""
        return f"{self.dag_id}.{self.task_id}" if self.task_id else self.dag_id

    @property
    def name(self) -> str:
        """DAG, task and map index as people say it."""
        return self.task + (f"[{self.map_index}]" if self.map_index >= 0 else "")

    @cached_property
    def cause(self) -> Cause:
        """What it is due to; failures of one cause are one alert."""
        return Cause(f"{self.task}/late") if self.late else cause_of(self.task, self.raised or self.error)

    @property
    def row_severity(self) -> RowSeverity:
        """How bad it is as a row: as its notice; without the database nothing works."""
        if self.refused:
            return "low"
        return "critical" if self.cause == DATABASE else ROW_SEVERITY[self.severity]


def record_failure(engine: Engine, failure: Failure) -> bool:
    """Write the failure down, and a notice of it; answer whether there is anything to send.

    There is not when this very failure has its row already, when a run failed because of a task that was
    reported on its own, or when somebody asked for what cannot be done: the run says it to whoever asked.
    """
    notice = {} if failure.refused else notice_of(failure)
    return _write(engine, failure, notice, failure.row_severity)


def record_retry(engine: Engine, failure: Failure) -> None:
    """Write down a failure after which the task is tried again: a row of low severity, and no notice."""
    _write(engine, failure, {}, "low")


def record_success(
    engine: Engine,
    *,
    dag_id: str,
    task_id: str | None,
    run_id: str,
    map_index: int = -1,
    try_number: int | None = None,
    started_at: datetime,
    url: str,
    job: str = "",
) -> bool:
    """Mark earlier failures of a task that has succeeded as healed; answer whether people must be notified.

    Healed are its failures in this run, and those of other runs of the same job from before this try began;
    of a mapped task those of the same index. Without a task it is the run that ended well: that it was late
    is healed, and what was reported of earlier runs as a whole. People are notified when nothing is left of a
    cause that they were notified of.
    """
    facts = {
        "dag_id": dag_id,
        "task_id": task_id,
        "run_id": run_id,
        "map_index": map_index,
        "started_at": started_at,
        "job": job,
    }
    with engine.begin() as connection:
        if not connection.execute(sql("alerts/find_unhealed_failures"), facts).scalar_one():
            return False
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": HEALING})
        message = f"by itself on try {try_number}" if try_number else "by itself"
        return bool(
            connection.execute(sql("alerts/heal_failures"), {**facts, "message": message, "link": url}).all()
        )


def keep_failure(spool: Spool, failure: Failure, *, told: str | None) -> None:
    """Keep the failure on disk while the database is away; `told` names a channel that was notified.

    Raises OSError when the disk cannot take it either.
    """
    notice = {} if failure.refused else notice_of(failure)
    if told:
        notice["body"]["told"] = told
    spool.keep([_row(failure, failure.row_severity, notice)])


def keep_retry(spool: Spool, failure: Failure) -> None:
    """As `keep_failure`, for a failure after which the task is tried again: nobody is notified of it."""
    spool.keep([_row(failure, "low", {})])


def _write(engine: Engine, failure: Failure, notice: dict[str, Any], severity: RowSeverity) -> bool:
    row = _row(failure, severity, {}).row
    with engine.begin() as connection:
        return bool(
            connection.execute(
                sql("alerts/record_failure"), {"row": json.dumps(row), "notice": json.dumps(notice)}
            ).all()
        )


def _row(failure: Failure, severity: RowSeverity, notice: dict[str, Any]) -> Record:
    """The row of `atge_error_logs`, redacted, cut and storable."""
    context = {
        "dag_id": failure.dag_id,
        "run_id": failure.run_id,
        "task_id": failure.task_id,
        "map_index": failure.map_index,
        "try_number": failure.try_number,
        "owner": failure.owner,
        "url": failure.url,
        "cause": failure.cause.name,
        **({"late": True} if failure.late else {}),
        **({"refused": True} if failure.refused else {}),
        **({"job": failure.job} if failure.job else {}),
        **({"notice": notice} if notice else {}),
    }
    record = error_record(
        failure.area,
        f"{failure.name}: {failure.error}",
        severity=severity,
        stack=failure.stack,
        context=context,
    )
    return Record(record.table, {**record.row, "id": str(failure.id)})


def notice_of(failure: Failure) -> dict[str, Any]:
    """The notice for people, as sql/queries/alerts/record_failure.sql takes it."""
    tries = f" on try {failure.try_number}" if failure.try_number else ""
    happened = "is late" if failure.late else "failed"
    what = f"{'task' if failure.task_id else 'run'} {failure.name} {happened}{tries}"
    shared = failure.cause.message
    # More is redacted than is kept, so that no secret is cut in half and then not known for one.
    error = redact(storable(failure.error[: 2 * QUOTED]))
    if len(failure.error) > QUOTED:
        error = f"{error[:QUOTED]} … ({len(failure.error)} characters in all)"
    return {
        "notice_key": f"failure {failure.id}",
        "fingerprint": failure.cause.fingerprint,
        "severity": failure.severity,
        "title": f"{shared}: {what}" if shared else what[:1].upper() + what[1:],
        "body": {
            "error": error,
            "run": failure.run_id,
            "task": failure.name,
            "next_step": failure.next_step,
            # People read of the work that suffers, where any does: sql/queries/alerts/route_notices.sql.
            **({"gives_way": True} if failure.watches and failure.cause == DATABASE else {}),
        },
        "labels": {
            "dag_id": failure.dag_id,
            "task_id": failure.task_id or "",
            "cause": failure.cause.name,
            **({"service": failure.cause.service} if failure.cause.service else {}),
        },
        "owner": failure.owner,
        "link": failure.url,
    }
