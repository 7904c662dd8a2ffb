"""The sweep's part: the post-mortems that are missing, as many as one sweep may write."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from include.analysis.writing import Analysed, Job, PostmortemWriter
from include.database import sql
from include.freeze import find_freeze, raise_if_frozen

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from include.settings import Endpoint, Settings

# Of the sweep's task, which ends after ten minutes: the last question may be asked twice (a minute each).
SWEEP_WORKING_TIME = timedelta(minutes=7)


def analyse_settled(
    engine: Engine,
    endpoint: Endpoint,
    claim_id: str,
    settings: Settings,
    *,
    second: Endpoint | None = None,
    working_time: timedelta = SWEEP_WORKING_TIME,
) -> Analysed:
    """Write post-mortems for up to `settings.analysis_limit` settled trades that lack one.

    No question is begun later than `working_time` after the first. `second` is where the second model
    answers, if there is one.

    A failed analysis is put off with its reason and taken up by a later sweep; it never raises for one trade.
    Raises DatabaseError when the database is away, FrozenError when a freeze holds.
    """
    job = Job(
        claim_id=claim_id,
        requested_by=f"settle_trades {claim_id}",
        model=settings.analysis_model,
        redo=False,
        limit=settings.analysis_limit,
        working_time=working_time,
    )

    def claim(connection: Connection, limit: int) -> list[str]:
        if find_freeze(connection) is not None:  # it began since: what is asked already is stored
            return []
        connection.execute(
            sql("maintenance/set_back_future_rows"), {"tables": ["analysis_claims"], "lease": settings.lease}
        )
        rows = connection.execute(
            sql("analysis/claim_analyses"), {"claim_id": claim_id, "limit": limit, "lease": settings.lease}
        )
        return list(rows.scalars())

    with engine.connect() as connection:
        raise_if_frozen(connection)
    return asyncio.run(PostmortemWriter(engine, job, claim, settings).work_off(endpoint, second))
