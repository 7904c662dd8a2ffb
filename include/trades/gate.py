"""The gate between collecting and settling: which trades of a batch have data good enough to settle on."""

import logging
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from include.candles.frame import RESOLUTIONS, interval_of, no_candles
from include.candles.store import read_candles
from include.database import copy_frame, sql
from include.quality import explain, score
from include.settings import SANDBOX, Settings
from include.trades.backtest import evaluate
from include.trades.claim import read_batch
from include.trades.tail import find_awaited
from include.trades.waiting import in_a_line

logger = logging.getLogger(__name__)

FINEST_RESOLUTION = next(iter(RESOLUTIONS))


def gate_batch(engine: Engine, claim_id: str, batch: int, settings: Settings) -> dict[str, int]:
    """Judge the batch's unjudged trades; answer how many `passed`, are `waiting` or were `refused`.

    A trade passes on the finest stored resolution whose score reaches `settings.data_quality_min`. Otherwise
    it waits with its reason until `settings.data_quality_patience` after its expiry, and is then refused. One
    that is still open where its candles end waits for the end of its window, `settings.tail_patience` after
    its expiry at most. A trade with bad parameters, or whose window can hold no candle, passes: settling
    answers it at once, and no better data would change that.
    """
    with engine.begin() as connection:
        trades = read_batch(connection, claim_id, batch, settings)
        unjudged = trades[trades["gate"].isna()].reset_index(drop=True)
        if unjudged.empty:
            return {}
        verdicts = judge_trades(connection, unjudged, settings)
    poor = unjudged[["id", "symbol"]].assign(reason=verdicts["reason"])[~verdicts["passed"]]
    if not poor.empty:
        logger.info("what does not pass: %s", in_a_line(poor))
    with engine.begin() as connection:
        connection.execute(sql("trades/create_gate_verdicts"))
        copy_frame(connection, "gate_verdicts", verdicts)
        rows = connection.execute(
            sql("trades/gate_trades"),
            {
                "claim_id": claim_id,
                "batch": batch,
                "patience": settings.data_quality_patience,
                "tail_patience": settings.tail_patience,
                "lease": settings.lease,
            },
        )
        return {row.gate: row.trades for row in rows}


def judge_trades(connection: Connection, trades: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Give a verdict for each trade: the finest resolution that is good enough, else the best there is.

    `trades`: the engine's columns, and `reason`, what the sources said when candles were collected.
    Returns, in the order of `trades`: `id, passed, awaited, resolution, data_source, data_quality_score,
    reason`; what is `awaited` is good enough but for the end of its window, which may come a little later.
    The database's clock says how late it is.
    """
    now = connection.execute(text("SELECT now()")).scalar_one()
    answered = _needs_no_candles(trades)
    verdicts = pd.DataFrame(
        {
            "id": trades["id"],
            "passed": answered,
            "awaited": False,
            "resolution": FINEST_RESOLUTION,
            "data_source": pd.Series(None, index=trades.index, dtype=object),
            "data_quality_score": np.where(answered, np.nan, 0.0),
            "reason": trades["reason"].where(~answered).fillna("no candle in the window"),
        }
    )
    sandbox = SANDBOX in settings.candle_sources
    windows = trades[["symbol", "generated_at", "expires_at"]].set_axis(["symbol", "start", "end"], axis=1)
    for resolution in RESOLUTIONS:
        open_ones = verdicts.index[~(verdicts["passed"] | verdicts["awaited"])]
        if open_ones.empty:
            break
        candles = read_candles(connection, windows.loc[open_ones], resolution, sandbox=sandbox)
        if candles.empty:
            continue
        interval = interval_of(resolution)
        scores = score(trades.loc[open_ones], candles, interval)["data_quality_score"].set_axis(open_ones)
        better = open_ones[scores > verdicts.loc[open_ones, "data_quality_score"]]
        chosen = trades.loc[better]
        verdicts.loc[better, "resolution"] = resolution
        verdicts.loc[better, "data_quality_score"] = scores
        verdicts.loc[better, "data_source"] = _sources(chosen, candles, interval)
        good = better[scores[better] >= settings.data_quality_min]
        awaited = find_awaited(trades.loc[good], candles, interval, now=now, patience=settings.tail_patience)
        verdicts.loc[good, "awaited"] = awaited
        verdicts.loc[good, "passed"] = ~awaited
        for some, said in ((better.difference(good), _poor(settings)), (good[awaited], _open(settings))):
            if not some.empty:
                verdicts.loc[some, "reason"] = _reasons(
                    trades.loc[some], scores[some], candles, interval, said
                )
    return verdicts


def _needs_no_candles(trades: pd.DataFrame) -> "pd.Series[bool]":
    """Find the trades that no candle can help: invalid ones, and windows shorter than any candle."""
    nothing = no_candles()
    answers = evaluate(trades, nothing)["exit_reason"].set_axis(trades.index)
    expected = score(trades, nothing, interval_of(FINEST_RESOLUTION))["expected"].set_axis(trades.index)
    return answers.str.startswith("invalid") | (expected == 0)


def _sources(trades: pd.DataFrame, candles: pd.DataFrame, interval: timedelta) -> "pd.Series[str]":
    """Name the sources whose candles lie in each trade's window: `kraken`, or `coinbase+kraken`.

    `trades` are those that have a score on these candles.
    """
    sources = candles["source"].unique()
    if len(sources) == 1:  # a trade that has a score has candles
        return pd.Series(str(sources[0]), index=trades.index)
    names = pd.Series("", index=trades.index)
    for source, group in candles.groupby("source"):  # in the order of their names
        seen = score(trades, group, interval)["valid"].set_axis(trades.index) > 0
        names = names.where(~seen, names + "+" + str(source))
    return names.str.removeprefix("+")


def _poor(settings: Settings) -> Callable[[float, pd.Timestamp], str]:
    return lambda found, _expiry: f"data quality {found:.1f} of {settings.data_quality_min:g}"


def _open(settings: Settings) -> Callable[[float, pd.Timestamp], str]:
    def say(_found: float, expiry: pd.Timestamp) -> str:
        until = expiry + settings.tail_patience
        return (
            f"open where its candles end, whose rest is awaited until {until:%Y-%m-%d %H:%M} (tail_patience)"
        )

    return say


def _reasons(
    trades: pd.DataFrame,
    scores: "pd.Series[float]",
    candles: pd.DataFrame,
    interval: timedelta,
    say: Callable[[float, pd.Timestamp], str],
) -> list[str]:
    """Say why each trade waits: `say` of score and expiry, what its window lacks, what the sources said."""
    return [
        f"{say(found, expiry)}: {lacks}" + (f"; {said}" if said else "")
        for found, expiry, lacks, said in zip(
            scores,
            trades["expires_at"],
            explain(trades, candles, interval),
            trades["reason"].fillna(""),
            strict=True,
        )
    ]
