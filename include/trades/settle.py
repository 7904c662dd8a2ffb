"""Settling a claimed batch: one vectorised pass over the trades that passed the gate, one transaction."""

import logging

import pandas as pd
from sqlalchemy import Connection, Engine

from include.candles.frame import interval_of
from include.candles.store import read_candles
from include.database import copy_frame, sql
from include.settings import SANDBOX, Settings
from include.telemetry import timed
from include.trades.backtest import evaluate
from include.trades.claim import read_batch
from include.trades.results import sql_with_results
from include.trades.tail import count_unseen
from include.trades.waiting import in_a_line

logger = logging.getLogger(__name__)

COMPUTED_BY_DATABASE = "net_profit_loss"  # in numeric: sql/queries/trades/create_settled_rows.sql


def settle_batch(engine: Engine, claim_id: str, batch: int, settings: Settings) -> dict[str, int]:
    """Settle the batch's judged trades; answer how many ended in which status.

    Trades that passed the gate are settled by `evaluate` on candles of the resolution that the gate chose;
    trades that it refused for good end `incomplete_data` with the gate's reason. Results, statuses and the
    end of the claims are one transaction. Done twice, it changes nothing. What it takes is a `backtest_time`.
    """
    with engine.begin() as connection:
        trades = read_batch(connection, claim_id, batch, settings)
    judged = trades[trades["gate"].isin(["passed", "refused"])]
    for left, what in (
        (trades[~trades.index.isin(judged.index)], "what waits"),
        (trades[trades["gate"] == "refused"], "what is given up"),
    ):
        if not left.empty:
            logger.info("%s: %s", what, in_a_line(left))
    if judged.empty:
        return {}
    with timed("backtest_time", "settle_batch", metadata={"trades": len(judged)}):
        return _settle(engine, claim_id, judged, settings)


def _settle(engine: Engine, claim_id: str, trades: pd.DataFrame, settings: Settings) -> dict[str, int]:
    with engine.begin() as connection:
        settled = [
            do(connection, group, str(resolution), settings)
            for gate, do in (("passed", evaluate_trades), ("refused", _refuse))
            for resolution, group in trades[trades["gate"] == gate].groupby("resolution")
        ]
    with engine.begin() as connection:
        connection.execute(sql("trades/create_settled_rows"))
        for rows in settled:
            copy_frame(connection, "settled_rows", rows)
        statuses = connection.execute(
            sql_with_results(connection, "trades/settle_trades"), {"claim_id": claim_id}
        )
        return {row.status: row.trades for row in statuses}


def evaluate_trades(
    connection: Connection, trades: pd.DataFrame, resolution: str, settings: Settings
) -> pd.DataFrame:
    """Settle trades by the rule book on the stored candles of one resolution; nothing is written.

    `trades`: the engine's columns, and `data_source, resolution, data_quality_score` as the gate chose them.
    Returns, in the order of the trades, columns of `trade_results` and the trade's `status, status_reason`:
    what the engine answers, and where it comes from. `net_profit_loss` is left to the database.
    """
    candles = _read_candles(connection, trades, resolution, settings)
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


def _read_candles(
    connection: Connection, trades: pd.DataFrame, resolution: str, settings: Settings
) -> pd.DataFrame:
    windows = trades[["symbol", "generated_at", "expires_at"]].set_axis(["symbol", "start", "end"], axis=1)
    return read_candles(connection, windows, resolution, sandbox=SANDBOX in settings.candle_sources)


def _refuse(
    connection: Connection, trades: pd.DataFrame, resolution: str, settings: Settings
) -> pd.DataFrame:
    """Results of trades whose data never became good enough: no money moves."""
    candles = _read_candles(connection, trades, resolution, settings)
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
