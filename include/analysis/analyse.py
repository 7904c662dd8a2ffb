"""Writing the missing post-mortems: claimed in the database, asked concurrently, stored as each one comes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.analysis.postmortem import INSTRUCTIONS, Postmortem, as_text, facts_of
from include.database import sql
from include.llm import Answer, AnswerUnusable, LanguageModel, ModelError, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from include.settings import Endpoint, Settings

logger = logging.getLogger(__name__)

# After so many failures in a row the model counts as down, and the rest waits for a later sweep.
FAILURES_IN_A_ROW = 10


@dataclass
class Analysed:
    """What one call did: analyses stored, and why others were put off."""

    stored: int = 0
    put_off: Counter[str] = field(default_factory=Counter)  # outcome -> trades


def analyse_settled(engine: Engine, endpoint: Endpoint, claim_id: str, settings: Settings) -> Analysed:
    """Write post-mortems for up to `settings.analysis_limit` settled trades that lack one.

    A failed analysis is put off with its reason and taken up by a later sweep; it never raises for one trade.
    Raises DatabaseError when the database is away.
    """
    with engine.begin() as connection:
        rows = connection.execute(
            sql("claim_analyses"),
            {
                "claim_id": claim_id,
                "limit": settings.analysis_limit,
                "attempts": settings.analysis_attempts,
                "lease": settings.lease,
            },
        )
        trades = [dict(row) for row in rows.mappings()]
    if not trades:
        return Analysed()
    return asyncio.run(_Desk(engine, claim_id, settings).work_off(trades, endpoint))


class _Desk:
    """One claim's work: a queue of trades and as many workers as the settings allow."""

    def __init__(self, engine: Engine, claim_id: str, settings: Settings) -> None:
        self._engine = engine
        self._claim_id = claim_id
        self._settings = settings
        self._result = Analysed()
        self._failures_in_a_row = 0
        self._last_failure: ModelError | None = None

    async def work_off(self, trades: Sequence[Mapping[str, Any]], endpoint: Endpoint) -> Analysed:
        queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        for trade in trades:
            queue.put_nowait(trade)
        async with LanguageModel(
            endpoint,
            self._settings.analysis_model,
            engine=self._engine,
            settings=self._settings,
            purpose="post_mortem",
            timeout=self._settings.analysis_timeout,
        ) as model:
            workers = min(self._settings.analysis_concurrency, len(trades))
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work(queue, model))
        if not queue.empty():
            await asyncio.to_thread(self._release, [queue.get_nowait()["id"] for _ in range(queue.qsize())])
        return self._result

    async def _work(self, queue: asyncio.Queue[Mapping[str, Any]], model: LanguageModel) -> None:
        while not queue.empty() and self._failures_in_a_row < FAILURES_IN_A_ROW:
            trade = queue.get_nowait()
            try:
                answer = await model.ask(
                    INSTRUCTIONS, facts_of(trade), Postmortem, trade_signal_id=trade["id"]
                )
            except ModelError as error:
                self._count(error)
                self._result.put_off[error.outcome] += 1
                await asyncio.to_thread(self._put_off, trade["id"], error)
            else:
                self._failures_in_a_row = 0
                # Not `+= await`: that reads the sum before the wait, and loses what others add meanwhile.
                stored = await asyncio.to_thread(self._store, trade["id"], answer)
                self._result.stored += stored
            done = self._result.stored + self._result.put_off.total()
            if done % 50 == 0:
                logger.info("%d analyses stored, %d put off", self._result.stored, done - self._result.stored)

    def _count(self, error: ModelError) -> None:
        # A refusal says something about one trade; only trouble with the service itself adds up.
        if isinstance(error, ModelUnavailable):
            self._last_failure = error
            self._failures_in_a_row += 1 if error.passing else FAILURES_IN_A_ROW

    def _store(self, trade_id: str, answer: Answer[Postmortem]) -> int:
        detail = {
            **answer.value.model_dump(),
            "model": answer.model,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
        with self._engine.begin() as connection:
            return connection.execute(
                sql("store_analysis"),
                {
                    "id": trade_id,
                    "claim_id": self._claim_id,
                    "analysis": as_text(answer.value),
                    "detail": json.dumps(detail),
                },
            ).rowcount

    def _put_off(self, trade_id: str, error: ModelError) -> None:
        logger.warning("analysis of trade %s put off: %s", trade_id, error)
        with self._engine.begin() as connection:
            connection.execute(
                sql("put_off_analysis"),
                {
                    "id": trade_id,
                    "claim_id": self._claim_id,
                    "counts": isinstance(error, AnswerUnusable),
                    "final": isinstance(error, AnswerUnusable) and error.final,
                    "attempts": self._settings.analysis_attempts,
                    "error": str(error),
                },
            )

    def _release(self, trade_ids: list[str]) -> None:
        error = f"not tried, the model was down: {self._last_failure}"
        logger.warning("%d analyses %s", len(trade_ids), error)
        self._result.put_off["not_tried"] += len(trade_ids)
        with self._engine.begin() as connection:
            connection.execute(
                sql("release_analyses"), {"claim_id": self._claim_id, "ids": trade_ids, "error": error}
            )
