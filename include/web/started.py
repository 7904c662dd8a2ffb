"""Runs that the API started: written down before Airflow is asked, so that none is started twice or lost.

A run is a row of `api_runs`, and `api__<id>` in Airflow. An Idempotency-Key stands in the row: a request that
comes again within 24 hours finds it, and is answered as before.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Engine

from include.database import sql
from include.freeze import raise_if_frozen
from include.web.host import RunNotStartedError, Runs, RunState
from include.web.work import Work

RUN_PREFIX = "api__"

# What came of a run, as a row with `reason`, by its id in Airflow and its trade.
OUTCOMES = {
    "generate_signals": "web/read_signal_outcome",
    "settle_trades": "web/read_settlement_outcome",
    "replay_trades": "web/read_replay_outcome",
    "analyse_trades": "web/read_analysis_outcome",
    "collect_candles": "web/read_collection_outcome",
}
# Of the others it is what one of their tasks returned.
RETURNS = {"export_trades": "export", "clean_up": "report"}


class KeyReusedError(ValueError):
    """An Idempotency-Key that stands for another request."""


@dataclass(frozen=True)
class Request:
    """Who asks, and which request it is."""

    caller: str
    path: str
    body: bytes
    idempotency_key: str | None = None

    @property
    def hash(self) -> bytes | None:
        """What tells this request from another one with the same key."""
        if self.idempotency_key is None:
            return None
        return hashlib.sha256(self.path.encode() + b"\x00" + self.body).digest()


@dataclass(frozen=True)
class Started:
    """A run that Airflow has."""

    id: UUID
    dag_id: str


@dataclass(frozen=True)
class RunReport:
    """A run that was started: how it stands, and what came of it. Times in UTC."""

    id: UUID
    dag_id: str
    user_id: UUID | None
    trade_signal_id: UUID | None
    asked_at: datetime
    state: str  # as in Airflow; `unknown` when it has no such run
    began: datetime | None
    ended: datetime | None
    result: dict[str, Any] | None
    reason: str | None  # why it failed, or why nothing came of it


def start_work(engine: Engine, runs: Runs, request: Request, plan: Callable[[Connection], Work]) -> Started:
    """Start what `plan` answers with, unless the request was made before; then give what that one started.

    One caller's requests are looked at one after the other, so that of two with the same key one plans.
    `plan` runs in the transaction that writes the run down; what it raises is raised. If this process dies
    before Airflow is asked, the same request with the same key starts the run.

    Raises KeyReusedError, RunNotStartedError, FrozenError.
    """
    with engine.begin() as connection:
        connection.execute(sql("web/await_turn"), {"who": request.caller})
        connection.execute(sql("web/forget_runs"))
        run = _find_former(connection, request)
        if run is None:
            work = plan(connection)
            raise_if_frozen(connection)
            run = connection.execute(
                sql("web/write_run"),
                {
                    "dag_id": work.dag_id,
                    "user_id": work.user_id,
                    "trade_signal_id": work.trade_signal_id,
                    "started_by": request.caller,
                    "conf": orjson.dumps(dict(work.conf)).decode(),
                    "idempotency_key": request.idempotency_key,
                    "request_hash": request.hash,
                },
            ).one()
    if run.started_at is None:
        try:
            runs.start(run.dag_id, f"{RUN_PREFIX}{run.id}", run.conf, request.caller)
        except RunNotStartedError as error:
            if error.certain:
                with engine.begin() as connection:
                    connection.execute(sql("web/drop_run"), {"id": run.id})
            raise
        with engine.begin() as connection:
            connection.execute(sql("web/note_run_started"), {"id": run.id})
    return Started(run.id, run.dag_id)


def _find_former(connection: Connection, request: Request) -> Any:
    if request.idempotency_key is None:
        return None
    key = {"caller": request.caller, "idempotency_key": request.idempotency_key}
    connection.execute(sql("web/release_old_key"), key)
    found = connection.execute(sql("web/find_run_by_key"), key).one_or_none()
    if found is not None and bytes(found.request_hash) != request.hash:
        raise KeyReusedError("this Idempotency-Key was used for another request within 24 hours")
    return found


def read_run(engine: Engine, runs: Runs, run_id: UUID, only_user: UUID | None) -> RunReport | None:
    """Read how a run stands; None when there is none of this id, or it is another user's."""
    with engine.connect() as connection:
        row = connection.execute(sql("web/read_run"), {"id": run_id, "only_user": only_user}).one_or_none()
    if row is None:
        return None
    name = f"{RUN_PREFIX}{row.id}"
    state = runs.read(row.dag_id, name) or RunState("unknown", None, None)
    result, reason = _read_outcome(engine, runs, row, name)
    with engine.connect() as connection:
        if state.state == "failed" and not reason:
            failure = {"run_id": name, "since": row.asked_at}
            reason = connection.execute(sql("web/read_run_failure"), failure).scalar()
    if state.state == "unknown":
        reason = "Airflow has no such run: it was not taken, or is deleted"
    return RunReport(
        id=row.id,
        dag_id=row.dag_id,
        user_id=row.user_id,
        trade_signal_id=row.trade_signal_id,
        asked_at=row.asked_at,
        state=state.state,
        began=state.began,
        ended=state.ended,
        result=result,
        reason=reason,
    )


def _read_outcome(
    engine: Engine, runs: Runs, row: Any, name: str
) -> tuple[dict[str, Any] | None, str | None]:
    if row.dag_id in RETURNS:
        returned = runs.returned(row.dag_id, name, RETURNS[row.dag_id])
        return (returned if isinstance(returned, dict) or returned is None else {"report": returned}), None
    with engine.connect() as connection:
        found = (
            connection.execute(
                sql(OUTCOMES[row.dag_id]), {"run_id": name, "trade_signal_id": row.trade_signal_id}
            )
            .mappings()
            .one_or_none()
        )
    if found is None:
        return None, None
    result = dict(found)
    reason = result.pop("reason")
    return result, reason
