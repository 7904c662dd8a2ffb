"""Collecting what the trades of a batch need: their windows merged by symbol, only the gaps fetched."""

from collections.abc import Sequence

from sqlalchemy import Engine

from include.candles import Source, collect
from include.database import sql
from include.settings import Settings
from include.trades.claim import read_batch


def collect_batch(
    engine: Engine, claim_id: str, batch: int, sources: Sequence[Source], settings: Settings
) -> dict[str, int]:
    """Fetch the candles that the batch's windows lack; answer counts of candles written and symbols short.

    Never fails for one symbol or source: what could not be had is noted in the claims; the gate repeats it.
    """
    with engine.begin() as connection:
        trades = read_batch(connection, claim_id, batch, settings)
    windows = trades.loc[trades["gate"].isna(), ["symbol", "generated_at", "expires_at"]]
    windows = windows[windows["generated_at"] < windows["expires_at"]]
    windows = windows.set_axis(["symbol", "start", "end"], axis=1)
    collection = collect(engine, windows, sources, enough=settings.data_quality_min)
    with engine.begin() as connection:
        connection.execute(
            sql("note_collection"),
            {
                "claim_id": claim_id,
                "batch": batch,
                "symbols": list(collection.missing),
                "reasons": list(collection.missing.values()),
            },
        )
    return {"candles": collection.written, "symbols_short": len(collection.missing)}
