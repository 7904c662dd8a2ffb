"""Replays: settled trades looked at, or settled, once more; the former results are kept.

The state is in PostgreSQL, so that a replay that dies goes on where it was: `start_replay` writes down which
trades it is about, in batches; workers take batches under a lease until none is left, each batch one
transaction; `report_replay` ends it. A replay touches settled trades only, and a trade whose rows change
while it is computed is read again: it gets in nobody's way.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

import pandas as pd
from sqlalchemy import Connection, Engine, text

from include.candles import Source
from include.candles.collect import collect_candles
from include.database import copy_frame, read_frame, sql, statement_timeout
from include.settings import Settings
from include.trades.gate import CHOSEN, judge_trades
from include.trades.results import sql_with_results
from include.trades.settle import evaluate_trades
from include.trades.trade_filter import TradeFilter, TradeRequestError

logger = logging.getLogger(__name__)

REDO_STEPS = ("candles", "settlement", "analysis")
SETTINGS_FIXED_AT_START = (
    "batch_size", "fee_rate", "slippage_rate", "trade_size_usd", "data_quality_min", "tail_patience",
    "candle_sources",
)  # fmt: skip
SELECTION_TIME = timedelta(minutes=10)  # for writing down a million trades
FETCHING_TIME = timedelta(minutes=10)  # for the candles of one batch
MAX_BATCH_TRADES = 10_000  # a batch is compared, kept in the history and written in one statement
MAX_PASSES = 5  # over a batch whose trades others keep changing
RESULT_KEY = {"id": "trade_signal_id"}  # the trade, as results name it
BUSY_REASON = "it was changed by somebody else each time that it was about to be written"


@dataclass(frozen=True)
class ReplayRequest:
    """What a person asks for."""

    trades: TradeFilter
    redo: tuple[str, ...]  # some of REDO_STEPS, in its order
    dry_run: bool = True
    reason: str | None = None  # why; a dry run needs none

    @classmethod
    def read(cls, form: Mapping[str, Any], today: date) -> Self:
        """Read a form: what TradeFilter reads, and `redo, dry_run, reason`. Raises TradeRequestError."""
        trades = TradeFilter.read(form, today)
        if trades.is_empty:
            raise TradeRequestError("nothing is chosen: give a window, symbols, users or trade ids")
        asked = form.get("redo") or []
        unknown = [str(name) for name in asked if name not in REDO_STEPS]
        if unknown or not asked:
            raise TradeRequestError(
                f"redo names {', '.join(unknown) or 'nothing'}: choose of {', '.join(REDO_STEPS)}"
            )
        redo = tuple(name for name in REDO_STEPS if name in asked)
        dry_run, reason = form.get("dry_run", True), str(form.get("reason") or "").strip() or None
        if not isinstance(dry_run, bool):
            raise TradeRequestError("dry_run is true or false")
        if not dry_run and not reason:
            raise TradeRequestError(
                "say why: a replay that is no dry run keeps its reason with every result it replaces"
            )
        if dry_run and redo == ("candles",):
            raise TradeRequestError(
                "a dry run fetches no candles: choose settlement as well, or switch dry_run off"
            )
        return cls(trades, redo, dry_run, reason)


@dataclass(frozen=True)
class Replay:
    """A replay under way, as it was started."""

    id: str
    redo: tuple[str, ...]
    dry_run: bool
    started_at: datetime
    settings: Settings  # the rates and rules that held at the start
    batches: dict[str, int]  # phase -> batches


def start_replay(
    engine: Engine,
    replay_id: str,
    request: ReplayRequest,
    *,
    requested_by: str,
    run_url: str,
    settings: Settings,
) -> Replay:
    """Write down a replay and the trades that it is about, once; called again, find the same.

    Raises TradeRequestError when the filter names what no trade has, or when no settled trade fits it.
    """
    chosen = request.trades.parameters()
    asked = {"redo": list(request.redo), "dry_run": request.dry_run, "filter": request.trades.as_json()}
    fixed = settings.model_dump(mode="json", include=set(SETTINGS_FIXED_AT_START))
    with engine.begin() as connection:
        statement_timeout(connection, SELECTION_TIME)
        new = connection.execute(
            sql("trades/start_replay"),
            {
                **asked,
                "replay_id": replay_id,
                "requested_by": requested_by,
                "reason": request.reason,
                "run_url": run_url,
                "filter": json.dumps(asked["filter"]),
                "settings": json.dumps(fixed),
            },
        ).scalar_one_or_none()
        if new is None:
            _check_same(connection, replay_id, asked)
        else:
            request.trades.check_known(connection)
            size = min(settings.batch_size, MAX_BATCH_TRADES)
            select = {"replay_id": replay_id, "batch_size": size, **chosen}
            trades = connection.execute(sql("trades/select_replayed"), select).rowcount
            left_out = {
                row.status: row.trades for row in connection.execute(sql("trades/count_left_out"), chosen)
            }
            if not trades:
                others = ", ".join(f"{count} {status}" for status, count in left_out.items())
                raise TradeRequestError(
                    "no settled trade fits the filter" + (f", only {others}" if others else "")
                )
            connection.execute(
                sql("trades/list_replay_batches"),
                {
                    "replay_id": replay_id,
                    "trades": trades,
                    "left_out": json.dumps(left_out),
                    "phases": _phases(request),
                },
            )
            logger.info("%d settled trades chosen; left out: %s", trades, left_out or "none")
    return read_replay(engine, replay_id, settings)


def read_replay(engine: Engine, replay_id: str, settings: Settings) -> Replay:
    """Read a replay; of the settings, those that it was started with. Raises LookupError without one."""
    with engine.begin() as connection:
        row = connection.execute(sql("trades/read_replay"), {"replay_id": replay_id}).one_or_none()
    if row is None:
        raise LookupError(f"there is no replay {replay_id}: it was never started")
    fixed = Settings.model_validate(settings.model_dump() | row.settings)
    return Replay(row.id, tuple(row.redo), row.dry_run, row.started_at, fixed, row.batches)


def refetch_candles(engine: Engine, replay: Replay, worker: str, sources: Sequence[Source]) -> dict[str, int]:
    """Fetch the candles of the replay's windows anew, batch after batch, until none is left.

    All of each window is asked for again, source after source; the store decides what replaces what: a
    better source's candle is never replaced by a worse one's. What was fetched since the replay began is not
    asked for twice.
    """
    total = {"candles": 0, "symbols_short": 0}
    while (batch := _claim_batch(engine, replay, "candles", worker)) is not None:
        with engine.begin() as connection:
            trades = _read_batch(connection, replay, batch, everything=True)
        windows = trades[["symbol", "generated_at", "expires_at"]].set_axis(
            ["symbol", "start", "end"], axis=1
        )
        collection = collect_candles(
            engine,
            windows[windows["start"] < windows["end"]],
            sources,
            enough=replay.settings.data_quality_min,
            budget=FETCHING_TIME,
            again_since=replay.started_at,
            tail_patience=replay.settings.tail_patience,
            at_once=replay.settings.candle_fetches_at_once,
        )
        for symbol, reason in collection.missing.items():
            logger.warning("%s: %s", symbol, reason)
        for source, why in collection.left_out.items():
            logger.warning("%s is left out: %s", source, why)
        total["candles"] += collection.written
        total["symbols_short"] += len(collection.missing)
        with engine.begin() as connection:
            _finish_batch(
                connection, replay, "candles", batch,
                {"candles": collection.written, "missing": collection.missing},
            )  # fmt: skip
        logger.info("batch %d of %d fetched again: %s", batch + 1, replay.batches["candles"], total)
    return total


def replay_batches(engine: Engine, replay: Replay, worker: str) -> int:
    """Replay batch after batch until none is left; count the batches done here.

    A batch is one transaction: it is done whole, or not at all and again. `worker` names the task: when it is
    started anew, it takes up the batch that it held when it died; others do so when the lease has lapsed.
    """
    done = 0
    while (batch := _claim_batch(engine, replay, "settlement", worker)) is not None:
        _replay_batch(engine, replay, batch)
        done += 1
        logger.info("batch %d of %d replayed", batch + 1, replay.batches["settlement"])
    return done


def _replay_batch(engine: Engine, replay: Replay, batch: int) -> None:
    key = {"replay_id": replay.id, "batch": batch}
    for _ in range(MAX_PASSES):
        with engine.begin() as connection:
            connection.execute(sql("trades/skip_replayed"), key | {"reason": None})
            found = _replay(connection, _read_batch(connection, replay, batch), replay)
        with engine.begin() as connection:
            connection.execute(sql("trades/create_replayed_rows"))
            for frame in found:
                copy_frame(connection, "replayed_rows", frame)
            connection.execute(text("ANALYZE replayed_rows"))  # unknown, it would be joined row by row
            connection.execute(sql("trades/lock_replay"), key)
            doing = {"dry_run": replay.dry_run, "redo_analysis": "analysis" in replay.redo}
            connection.execute(sql_with_results(connection, "trades/write_replayed"), key | doing)
            if _finish_batch(connection, replay, "settlement", batch, {}):
                return
    with engine.begin() as connection:
        connection.execute(sql("trades/skip_replayed"), key | {"reason": BUSY_REASON})
        _finish_batch(connection, replay, "settlement", batch, {})


def _replay(connection: Connection, trades: pd.DataFrame, replay: Replay) -> list[pd.DataFrame]:
    """Settle trades once more, by the gate and the rule book of the sweep; give rows of `replayed_rows`."""
    versions = ["trade_signal_id", "signal_version", "result_version"]
    if "settlement" not in replay.redo:
        return [trades.rename(columns=RESULT_KEY)[versions].assign(judged=False, poor=False)]
    judged = judge_trades(connection, trades, replay.settings)
    trades = trades.drop(columns="reason").join(judged.verdicts[CHOSEN])
    passed = judged.verdicts["passed"].to_numpy(dtype=bool)
    settled = [
        evaluate_trades(group, judged.candles(str(resolution)), str(resolution), replay.settings).merge(
            group.rename(columns=RESULT_KEY)[versions], on="trade_signal_id"
        )
        for resolution, group in trades[passed].groupby("resolution")
    ]
    poor = trades[~passed].rename(columns=RESULT_KEY)[[*versions, "reason"]]
    return [
        *(frame.assign(judged=True, poor=False) for frame in settled),
        poor.assign(judged=False, poor=True),
    ]


def _read_batch(
    connection: Connection, replay: Replay, batch: int, *, everything: bool = False
) -> pd.DataFrame:
    key = {"replay_id": replay.id, "batch": batch}
    return read_frame(connection, sql("trades/read_replay_batch"), key | {"everything": everything})


def _claim_batch(engine: Engine, replay: Replay, phase: str, worker: str) -> int | None:
    lease = replay.settings.lease
    with engine.begin() as connection:
        connection.execute(
            sql("maintenance/set_back_future_rows"), {"tables": ["replay_batches"], "lease": lease}
        )
        batch: int | None = connection.execute(
            sql("trades/claim_replay_batch"),
            {"replay_id": replay.id, "phase": phase, "worker": worker, "lease": lease},
        ).scalar_one_or_none()
    return batch


def _finish_batch(
    connection: Connection, replay: Replay, phase: str, batch: int, counts: dict[str, Any]
) -> bool:
    key = {"replay_id": replay.id, "phase": phase, "batch": batch, "counts": json.dumps(counts)}
    finished = connection.execute(sql("trades/finish_replay_batch"), key)
    return finished.one_or_none() is not None


def _phases(request: ReplayRequest) -> list[str]:
    fetches = "candles" in request.redo and not request.dry_run
    settles = request.redo != ("candles",)
    return ["candles"] * fetches + ["settlement"] * settles


def _check_same(connection: Connection, replay_id: str, asked: dict[str, Any]) -> None:
    row = connection.execute(sql("trades/read_replay"), {"replay_id": replay_id}).one()
    if asked != {"redo": row.redo, "dry_run": row.dry_run, "filter": row.filter}:
        raise TradeRequestError(
            f"the replay {replay_id} was started for something else: give this one another id"
        )
