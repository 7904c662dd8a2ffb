"""The gate before settling: which trades of a batch have data good enough to settle on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from include.candles.frame import RESOLUTIONS, interval_of, no_candles
from include.candles.store import read_candles
from include.database import copy_frame, sql
from include.quality import count_candles, explain, score
from include.settings import SANDBOX, Settings
from include.trades.backtest import find_invalid
from include.trades.tail import find_awaited

FINEST_RESOLUTION = next(iter(RESOLUTIONS))
CHOSEN = ["resolution", "data_source", "data_quality_score", "reason"]  # of a verdict, for settling


@dataclass(frozen=True)
class Judged:
    """Verdicts on trades, a row a trade in their order, and the candles that they were judged on."""

    verdicts: pd.DataFrame
    by_resolution: dict[str, pd.DataFrame]

    def candles(self, resolution: str) -> pd.DataFrame:
        """Give all candles of a resolution for the trades whose verdict chose it; none were read: none."""
        return self.by_resolution.get(resolution, no_candles())


def write_verdicts(
    connection: Connection, claim_id: str, batch: int, verdicts: pd.DataFrame, settings: Settings
) -> dict[str, str]:
    """Write why trades of a batch do not pass; answer by id whether each is `waiting` or `refused`.

    `verdicts`: as `judge_trades` gives them, of trades that do not pass. A trade waits with its reason until
    `settings.data_quality_patience` after its expiry, and is then refused; one that is still open where its
    candles end waits for the end of its window, `settings.tail_patience` after its expiry at most. Trades
    that another sweep holds by now are left out.
    """
    if verdicts.empty:
        return {}
    connection.execute(sql("trades/create_gate_verdicts"))
    copy_frame(connection, "gate_verdicts", verdicts.drop(columns="passed"))
    mine = {"claim_id": claim_id, "batch": batch}
    connection.execute(sql("trades/lock_judged"), mine)
    rows = connection.execute(
        sql("trades/gate_trades"),
        {
            **mine,
            "patience": settings.data_quality_patience,
            "tail_patience": settings.tail_patience,
            "lease": settings.lease,
        },
    ).all()
    connection.execute(sql("trades/note_waiting"), mine)
    return {row.id: row.gate for row in rows}


def judge_trades(connection: Connection, trades: pd.DataFrame, settings: Settings) -> Judged:
    """Give a verdict for each trade: the finest resolution that is good enough, else the best there is.

    A trade passes on the finest stored resolution whose score reaches `settings.data_quality_min`, unless it
    is still open where its candles end. One with bad parameters, or whose window can hold no candle, passes:
    settling answers it at once, and no better data would change that.

    `trades`: the engine's columns, and `reason`, what the sources said when candles were collected, with a
    plain index. Verdicts: `id, passed, awaited, resolution, data_source, data_quality_score, reason`; what is
    `awaited` is good enough but for the end of its window, which may come a little later. The database's
    clock says how late it is.
    """
    now = connection.execute(text("SELECT now()")).scalar_one()
    windows = trades[["symbol", "generated_at", "expires_at"]].set_axis(["symbol", "start", "end"], axis=1)
    answered = _needs_no_candles(trades, windows)
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
    by_resolution = {}
    for resolution in RESOLUTIONS:
        open_ones = verdicts.index[~(verdicts["passed"] | verdicts["awaited"])]
        if open_ones.empty:
            break
        candles = read_candles(connection, windows.loc[open_ones], resolution, sandbox=sandbox)
        if candles.empty:
            continue
        by_resolution[resolution] = candles
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
    return Judged(verdicts, by_resolution)


def _needs_no_candles(trades: pd.DataFrame, windows: pd.DataFrame) -> "pd.Series[bool]":
    """Find the trades that no candle can help: invalid ones, and windows shorter than any candle."""
    counts = count_candles(windows, no_candles(), interval_of(FINEST_RESOLUTION))
    return pd.Series(find_invalid(trades) | (counts["expected"] == 0).to_numpy(), index=trades.index)


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
