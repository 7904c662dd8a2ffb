"""The ledger of attempts: each one is a row that says what became of it, also when there is no signal.

A run's steps find their attempts by the run's id and the number of a batch. An attempt is `working` under a
lease; what ends it is written with the outcome, and later steps no longer see it.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from include.database import sql
from include.humanize import count_text
from include.settings import Settings, SignalRequest
from include.telemetry import record_error, record_metric

logger = logging.getLogger(__name__)

ATTEMPTS_A_BATCH = 50  # attempts in one mapped batch
LINES_SHOWN = 20  # of a summary, so that it stays readable, and small as an XCom
FINE_OUTCOMES = frozenset({"stored", "no_trade", "rate_limited"})  # outcomes by which nothing failed


@dataclass(frozen=True)
class Attempt:
    """One attempt under way; jsonb columns as Python objects, None where the step has not run."""

    id: str
    user_id: str
    symbol: str
    timeframe: str
    snapshot: dict[str, Any] | None
    indicators: dict[str, Any] | None
    recent_candles: list[list[Any]] | None
    proposal: dict[str, Any] | None

    @property
    def name(self) -> str:
        """`BTC 1h for 0000…0001`: the user by the first and last four characters of the id."""
        return f"{self.symbol} {self.timeframe} for {self.user_id[:4]}…{self.user_id[-4:]}"


@dataclass(frozen=True)
class Opened:
    """What `open_attempts` took up."""

    batches: list[int]
    put_off: str  # why there is nothing, or not all, in words


def open_attempts(
    engine: Engine, requests: Sequence[SignalRequest], run_id: str, run_url: str, settings: Settings
) -> Opened:
    """Take up the requests of a run, in batches; each leaves a row.

    Called again for the same run, it finds what it took up before; what had ended without a signal begins
    anew. A user gets one attempt a run: of several requests the one whose turn it is. A user with another
    attempt under way, or a signal within the last minute, is put off, with outcome `rate_limited`.
    """
    key = {"run_id": run_id}
    with engine.begin() as connection:
        connection.execute(
            sql("maintenance/set_back_future_rows"),
            {"tables": ["signal_attempts", "signal_slots"], "lease": settings.lease},
        )
        connection.execute(sql("signals/forget_attempts"))
        connection.execute(
            sql("signals/open_attempts"),
            {
                **key,
                "run_url": run_url,
                "users": [str(request.user_id) for request in requests],
                "symbols": [request.symbol for request in requests],
                "timeframes": [request.timeframe for request in requests],
                "batch_size": ATTEMPTS_A_BATCH,
                "lease": settings.lease,
            },
        )
        rows = connection.execute(sql("signals/read_attempts"), key).all()
    late = [f"{row.symbol} {row.timeframe}: {row.reason}" for row in rows if row.outcome == "rate_limited"]
    nothing = "every request has its signal" if requests else "the setting signal_requests is empty"
    return Opened(
        batches=sorted({row.batch for row in rows if row.outcome == "working"}),
        put_off="; ".join(late[:LINES_SHOWN]) or f"nothing to do: {nothing}",
    )


def read_batch(connection: Connection, run_id: str, batch: int, settings: Settings) -> list[Attempt]:
    """Renew the batch's lease and read its attempts that are still under way."""
    rows = connection.execute(
        sql("signals/note_working"), {"run_id": run_id, "batch": batch, "lease": settings.lease}
    )
    return [Attempt(**row) for row in rows.mappings()]


def note(connection: Connection, attempt: Attempt, seconds: float, **parts: Any) -> None:
    """Write down what a step found (a column of the same name each), and add its seconds."""
    written = dict.fromkeys(("snapshot", "indicators", "recent_candles", "proposal"))
    written |= {name: json.dumps(part, allow_nan=False) for name, part in parts.items()}
    connection.execute(sql("signals/note_attempts"), {"id": attempt.id, "seconds": seconds, **written})


def end(connection: Connection, attempt: Attempt, outcome: str, reason: str, seconds: float) -> None:
    """End an attempt without a signal; does nothing when it has ended already."""
    ended = connection.execute(
        sql("signals/end_attempt"),
        {"id": attempt.id, "outcome": outcome, "reason": reason, "seconds": seconds},
    ).one_or_none()
    if ended is not None:
        measure(attempt, outcome, ended.seconds)
    logger.warning("%s: %s: %s", attempt.name, outcome, reason)


def measure(attempt: Attempt, outcome: str, seconds: float, trade_signal_id: str | None = None) -> None:
    """Record what an ended attempt took, also one that failed: a KPI of the stored ones alone flatters."""
    record_metric(
        "generation_time",
        "generate_signal",
        seconds,
        "seconds",
        user_id=attempt.user_id,
        trade_signal_id=trade_signal_id,
        metadata={
            "symbol": attempt.symbol,
            "timeframe": attempt.timeframe,
            "outcome": "ok" if outcome in FINE_OUTCOMES else outcome,
        },
    )


def summarise(lines: Mapping[str, str]) -> dict[str, str]:
    """Shorten a step's lines to what fits on a page, and say how many were left out."""
    shown = dict(list(lines.items())[:LINES_SHOWN])
    if len(lines) > LINES_SHOWN:
        shown["…"] = f"{len(lines) - LINES_SHOWN} more, see signal_attempts"
    return shown


@dataclass(frozen=True)
class SignalRunReport:
    """What became of a run."""

    lines: dict[str, str]  # attempt -> outcome, in words
    stored: int
    failed: bool  # nothing came of it, and not because the model or the minute said no


def report_run(engine: Engine, run_id: str) -> SignalRunReport:
    """Say what became of each attempt of a run, the ones without a signal first.

    Where only some came to nothing, that is one row of `atge_error_logs`: a run that failed as a whole is
    reported by whoever started it.
    """
    with engine.begin() as connection:
        rows = connection.execute(sql("signals/read_attempts"), {"run_id": run_id}).all()
    rows = sorted(rows, key=lambda row: row.outcome in FINE_OUTCOMES)
    lines = {}
    for row in rows:
        name = f"{row.symbol} {row.timeframe} for {row.user_id[:4]}…{row.user_id[-4:]}"
        said = f"signal {row.trade_signal_id}: {row.description}" if row.outcome == "stored" else row.reason
        lines[name] = f"{row.outcome}: {said or 'not finished'}"
    bad = sum(row.outcome not in FINE_OUTCOMES for row in rows)
    if 0 < bad < len(rows):
        first = next(iter(lines.values()))
        message = f"{bad} of {count_text(len(rows), 'request')} came to nothing, the first one: {first}"
        record_error("generation", message, severity="low", context={"run_id": run_id})
    return SignalRunReport(
        lines=summarise(lines),
        stored=sum(row.outcome == "stored" for row in rows),
        failed=0 < bad == len(rows),
    )
