"""Settling a claimed batch: one vectorised pass over its trades, judged and settled, one transaction."""

import logging
from collections.abc import Sequence

import pandas as pd
from sqlalchemy import Connection, Engine

from include.candles.frame import interval_of
from include.database import copy_frame, sql
from include.settings import Settings
from include.telemetry import timed
from include.trades.backtest import evaluate
from include.trades.claim import ClaimLostError, read_batch
from include.trades.gate import CHOSEN, judge_trades, write_verdicts
from include.trades.results import sql_with_results
from include.trades.tail import count_unseen
from include.trades.waiting import in_a_line

logger = logging.getLogger(__name__)

COMPUTED_BY_DATABASE = "net_profit_loss"  # in numeric: sql/queries/trades/create_settled_rows.sql


def settle_batch(engine: Engine, claim_id: str, batch: int, settings: Settings) -> dict[str, int]:
    """Judge and settle the batch's trades; answer how many wait, and how many ended in which status.

    Trades that pass the gate are settled by `evaluate` on the candles that they were judged on; trades that
    it refuses for good end `incomplete_data` with its reason; the others go back, to be due again later.
    Trades and candles are read once. Results, statuses, verdicts and the end of the claims are one
    transaction. Done twice, it changes nothing. What it takes is a `backtest_time`.

    Raises:
        ClaimLostError: another sweep took trades of the batch over at that moment.
    """
    with engine.begin() as connection:
        trades = read_batch(connection, claim_id, batch, settings)
    if trades.empty:
        return {}
    with timed("backtest_time", "settle_batch", metadata={"trades": len(trades)}):
        return _settle(engine, claim_id, batch, trades, settings)


def _settle(
    engine: Engine, claim_id: str, batch: int, trades: pd.DataFrame, settings: Settings
) -> dict[str, int]:
    with engine.begin() as connection:
        judged = judge_trades(connection, trades, settings)
    verdicts, passed = judged.verdicts, judged.verdicts["passed"]
    trades = trades.drop(columns="reason").join(verdicts[CHOSEN])
    settled = [
        evaluate_trades(group, judged.candles(str(resolution)), str(resolution), settings)
        for resolution, group in trades[passed].groupby("resolution")
    ]
    with engine.begin() as connection:
        gates = write_verdicts(connection, claim_id, batch, verdicts[~passed], settings)
        gate = trades["id"].map(gates)
        settled += [
            _refuse(group, judged.candles(str(resolution)), str(resolution), settings)
            for resolution, group in trades[gate == "refused"].groupby("resolution")
        ]
        statuses = _write(connection, claim_id, settled)
    for what in ("waiting", "refused"):
        if (gate == what).any():
            logger.info("%s: %s", what, in_a_line(trades[gate == what]))
    waiting = int((gate == "waiting").sum())
    return statuses | ({"waiting": waiting} if waiting else {})


def _write(connection: Connection, claim_id: str, settled: Sequence[pd.DataFrame]) -> dict[str, int]:
    if not settled:
        return {}
    connection.execute(sql("trades/create_settled_rows"))
    for rows in settled:
        copy_frame(connection, "settled_rows", rows)
    statuses = connection.execute(
        sql_with_results(connection, "trades/settle_trades"), {"claim_id": claim_id}
    ).all()
    if any(row.lost for row in statuses):
        raise ClaimLostError(
            f"another sweep took {statuses[0].lost} trades of {claim_id} over while they were settled"
        )
    return {row.status: row.trades for row in statuses}


def evaluate_trades(
    trades: pd.DataFrame, candles: pd.DataFrame, resolution: str, settings: Settings
) -> pd.DataFrame:
    """Settle trades by the rule book on candles of one resolution; nothing is read or written.

    `trades`: the engine's columns, and `data_source, resolution, data_quality_score` as the gate chose them.
    Returns, in the order of the trades, columns of `trade_results` and the trade's `status, status_reason`:
    what the engine answers, and where it comes from. `net_profit_loss` is left to the database.
    """
    results = evaluate(
        trades,
        candles,
        interval=interval_of(resolution),
        fee_rate=settings.fee_rate,
        slippage_rate=settings.slippage_rate,
        trade_size_usd=settings.trade_size_usd,
    )
    trades = trades.reset_index(drop=True)  # the engine answers in this order
    unseen = count_unseen(trades, results["exit_at"], candles, interval_of(resolution))
    invalid = results["exit_reason"].str.startswith("invalid")  # nobody looked for candles
    return (
        results.drop(columns=COMPUTED_BY_DATABASE)
        .rename(columns={"id": "trade_signal_id"})
        .assign(
            status_reason=results["exit_reason"],
            data_source=trades["data_source"],
            data_resolution=resolution,
            data_quality_score=trades["data_quality_score"],
            unseen_candles=unseen.mask(invalid),
            trade_size_usd=settings.trade_size_usd,
        )
    )


def _refuse(trades: pd.DataFrame, candles: pd.DataFrame, resolution: str, settings: Settings) -> pd.DataFrame:
    """Results of trades whose data never became good enough: no money moves."""
    never = pd.Series(pd.NaT, trades.index, dtype=trades["expires_at"].dtype)
    no_candles = trades["data_quality_score"].fillna(0) == 0
    return pd.DataFrame(
        {
            "trade_signal_id": trades["id"],
            "status": "incomplete_data",
            "status_reason": trades["reason"],
            "exit_reason": no_candles.map({True: "no_candles", False: "poor_data"}),
            "data_source": trades["data_source"],
            "data_resolution": resolution,
            "data_quality_score": trades["data_quality_score"],
            "unseen_candles": count_unseen(trades, never, candles, interval_of(resolution)),
            "trade_size_usd": settings.trade_size_usd,
        }
    )
