"""Claiming due trades: a lease in the database, so that overlapping and dying sweeps settle each trade once.

A claim is the sweep's run id. Each step of the sweep works on the trades that carry its claim; a sweep that
was too slow finds them under another claim and leaves them alone.
"""

import logging
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, Engine

from include.database import ColumnKind, read_columns, sql
from include.freeze import raise_if_frozen
from include.humanize import count_text
from include.settings import Settings

logger = logging.getLogger(__name__)

LEASE_USED = 0.1  # the part of a lease after which it is renewed
WINDOW: dict[str, ColumnKind] = {"symbol": "text", "start": "time", "end": "time"}
CLAIMED: dict[str, ColumnKind] = {
    **dict.fromkeys(["id", "symbol", "direction"], "text"),
    **dict.fromkeys(["entry_price", "stop_loss"], "number"),
    **dict.fromkeys([f"take_profit_{number}" for number in (1, 2, 3)], "number"),
    **dict.fromkeys([f"allocation_{number}" for number in (1, 2, 3)], "number"),
    **dict.fromkeys(["generated_at", "expires_at"], "time"),
    "reason": "text",
}


class ClaimLostError(RuntimeError):
    """Another sweep took trades over while this one wrote: the lease had lapsed. Nothing was written."""


@dataclass(frozen=True)
class Claimed:
    """What a sweep holds after claiming: its batches, and whether other work waits."""

    batches: dict[int, int]  # number of the batch -> trades in it
    other_work: bool  # analyses to write, or statistics to refresh


def claim_due(engine: Engine, claim_id: str, settings: Settings) -> Claimed:
    """Take due trades under a lease, in batches; called again with the same id, find the same batches.

    A trade is due when it is `active`, past `expires_at`, under no unexpired lease and not waiting for a
    later try. One statement, at most `settings.claim_limit` trades. The database's clock decides.

    Raises FrozenError when a freeze holds and nothing was claimed before it.
    """
    with engine.begin() as connection:
        connection.execute(
            sql("maintenance/set_back_future_rows"),
            {"tables": ["settlement_claims", "analysis_claims"], "lease": settings.lease},
        )
        batches = _batches(connection, claim_id)
        if not batches:
            raise_if_frozen(connection)
            connection.execute(
                sql("trades/claim_trades"),
                {
                    "claim_id": claim_id,
                    "claim_limit": settings.claim_limit,
                    "batch_size": settings.batch_size,
                    "lease": settings.lease,
                },
            )
            batches = _batches(connection, claim_id)
        pending = connection.execute(sql("trades/find_pending_work")).one()
    claimed = sum(batches.values())
    logger.info(
        "%s claimed, in %s", count_text(claimed, "trade"), count_text(len(batches), "batch", "batches")
    )
    analyses = pending.missing_analyses and settings.analysis_limit > 0
    return Claimed(batches, bool(pending.stale_statistics or analyses))


def count_waiting(engine: Engine) -> int:
    """Count the trades that are past their expiry and not settled, claimed or not."""
    with engine.connect() as connection:
        return int(connection.execute(sql("trades/count_waiting")).scalar_one())


def _batches(connection: Connection, claim_id: str) -> dict[int, int]:
    rows = connection.execute(sql("trades/list_claimed_batches"), {"claim_id": claim_id})
    return {row.batch: row.trades for row in rows}


def read_batch(connection: Connection, claim_id: str, batch: int, settings: Settings) -> pd.DataFrame:
    """Renew the batch's lease and read its trades that are neither settled nor sent back to wait.

    One row a trade, sorted by symbol and time: the engine's columns (prices as float, times tz-aware UTC),
    then `reason`, what the sources said when candles were collected. Empty when another sweep has taken the
    batch over or all is done.
    """
    key = {"claim_id": claim_id, "batch": batch}
    renew_lease(connection, claim_id, batch, settings)
    return read_columns(connection, sql("trades/read_claimed"), key, CLAIMED)


def read_open_windows(connection: Connection, claim_id: str, batch: int, settings: Settings) -> pd.DataFrame:
    """Renew the batch's lease and read the windows of its trades that the gate has not judged.

    One row a trade: `symbol, start, end`, times tz-aware UTC, windows that end before they begin left out.
    """
    key = {"claim_id": claim_id, "batch": batch}
    renew_lease(connection, claim_id, batch, settings)
    return read_columns(connection, sql("trades/read_open_windows"), key, WINDOW)


def renew_lease(connection: Connection, claim_id: str, batch: int, settings: Settings) -> None:
    """Give the batch's trades a new lease, where the one they have is not almost new.

    The steps of a quick sweep follow each other so closely that nothing is written.
    """
    almost = settings.lease * (1 - LEASE_USED)
    renewed = {"claim_id": claim_id, "batch": batch, "lease": settings.lease, "almost": almost}
    connection.execute(sql("trades/renew_claim"), renewed)
