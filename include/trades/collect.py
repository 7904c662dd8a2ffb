"""Collecting the candles that trades need: their windows merged by symbol, only the gaps fetched."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pandas as pd
from sqlalchemy import Engine

from include.candles import Source
from include.candles.collect import Collection, collect_candles
from include.database import read_frame, sql
from include.settings import Settings
from include.trades.claim import read_open_windows

logger = logging.getLogger(__name__)


def collect_batch(
    engine: Engine, claim_id: str, batch: int, sources: Sequence[Source], settings: Settings
) -> dict[str, Any]:
    """Fetch the candles that the batch's windows lack; answer counts of candles written and symbols short.

    Never fails for one symbol or source: what could not be had is noted in the claims; the gate repeats it.
    Sources that gave nothing stand under `left_out` in the answer, with the reason.
    """
    with engine.begin() as connection:
        windows = read_open_windows(connection, claim_id, batch, settings)
    collection = _collect(engine, windows, sources, settings)
    reasons = collection.awaited | collection.missing
    if reasons:
        noted = {"symbols": list(reasons), "reasons": list(reasons.values())}
        with engine.begin() as connection:
            connection.execute(sql("trades/note_collection"), {"claim_id": claim_id, "batch": batch, **noted})
    return _report(collection)


def collect_interval(
    engine: Engine, start: datetime, end: datetime, sources: Sequence[Source], settings: Settings
) -> dict[str, Any]:
    """Fetch the candles that trades open between `start` and `end` (tz-aware) lack; answer the same counts.

    Done twice for an interval, the second time asks for nothing that came the first time.
    """
    with engine.begin() as connection:
        windows = read_frame(connection, sql("trades/list_windows"), {"start": start, "end": end})
    return _report(_collect(engine, windows, sources, settings))


def collect_trades(
    engine: Engine, trades: Sequence[UUID], sources: Sequence[Source], settings: Settings
) -> dict[str, Any]:
    """Fetch the candles that the windows of these trades lack, up to now; answer the same counts."""
    with engine.begin() as connection:
        windows = read_frame(connection, sql("trades/list_windows_of_trades"), {"ids": list(trades)})
    return _report(_collect(engine, windows, sources, settings))


def _collect(
    engine: Engine, windows: pd.DataFrame, sources: Sequence[Source], settings: Settings
) -> Collection:
    enough, patience = settings.data_quality_min, settings.tail_patience
    return collect_candles(
        engine,
        windows,
        sources,
        enough=enough,
        tail_patience=patience,
        at_once=settings.candle_fetches_at_once,
    )


def _report(collection: Collection) -> dict[str, Any]:
    for symbol, reason in collection.missing.items():
        logger.warning("%s: %s", symbol, reason)
    for refused in collection.refused:
        logger.warning("refused: %s", refused)
    for source, why in collection.left_out.items():
        logger.warning("%s is left out: %s", source, why)
    counts = {"candles": collection.written, "symbols_short": len(collection.missing)}
    return counts | ({"left_out": collection.left_out} if collection.left_out else {})
