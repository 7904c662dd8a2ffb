"""What of a trade's window was not seen: the end that is still awaited, and the holes before the exit.

A hole somewhere in the window changes little. What is missing at its end decides whether a trade `expired`,
and is often only late: an exchange publishes minutes after the fact, a source answers late.
"""

from datetime import datetime, timedelta

import pandas as pd

from include.candles.frame import last_close, priced
from include.quality import count_candles
from include.trades.backtest import evaluate

REASONS_THAT_END = ("targets", "stopped", "targets_then_stopped")


def find_awaited(
    trades: pd.DataFrame, candles: pd.DataFrame, interval: timedelta, *, now: datetime, patience: timedelta
) -> "pd.Series[bool]":
    """Find the trades that are open at the last candle that is there, and whose window goes on behind it.

    A trade that was never entered is open. `trades`: the engine's columns; `candles`: of one resolution,
    sorted by symbol and timestamp. Nobody waits for the end of a window longer than `patience` after its
    expiry.
    """
    awaited: pd.Series[bool] = trades["expires_at"] > now - patience
    if not awaited.any():
        return awaited
    ends = last_close(trades["expires_at"], interval)
    last = pd.DataFrame({"symbol": trades["symbol"], "start": ends - interval, "end": ends})
    awaited &= count_candles(last, candles[priced(candles)], interval)["found"].to_numpy() == 0
    if awaited.any():
        reasons = evaluate(trades[awaited], candles, interval)["exit_reason"]
        awaited[awaited] = ~reasons.isin(REASONS_THAT_END).to_numpy()
    return awaited


def count_unseen(
    trades: pd.DataFrame, exits: "pd.Series[pd.Timestamp]", candles: pd.DataFrame, interval: timedelta
) -> "pd.Series[int]":
    """Count the whole candles of each window, up to the exit, that are not among the candles.

    `exits`: the open times of the exit candles, in the order of `trades`; missing for a trade that was never
    entered, whose whole window counts.
    """
    ends = (exits + interval).set_axis(trades.index).fillna(trades["expires_at"])
    windows = pd.DataFrame({"symbol": trades["symbol"], "start": trades["generated_at"], "end": ends})
    counts = count_candles(windows, candles[priced(candles)], interval)
    return (counts["expected"] - counts["found"]).set_axis(trades.index)
