"""Writing analyses: trades claimed in small portions, asked about at once, each one stored as it comes."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.analysis.facts import Trade, read_facts
from include.analysis.postmortem import POSTMORTEM_INSTRUCTIONS, Postmortem, as_text, check
from include.database import sql
from include.llm import (
    LanguageModel,
    ModelAnswer,
    ModelError,
    ModelPair,
    ModelUnavailableError,
    UnusableAnswerError,
    WorkerPool,
)
from include.telemetry import error_in_words, timed

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from include.settings import Endpoint, Settings

logger = logging.getLogger(__name__)

ASK_AGAIN = frozenset({"invented_figures", "foreign_text", "overlong"})
WAIT_AFTER_OUTAGE = timedelta(minutes=5)

Claim = Callable[["Connection", int], list[str]]  # takes up to so many trades under a lease


@dataclass
class Analysed:
    """What one call did: analyses stored, and why others were put off.

    `stopped` says in words why it ended before its work did; None: it did not. `transient` says whether a try
    in a few minutes may help.
    """

    stored: int = 0
    put_off: Counter[str] = field(default_factory=Counter)  # outcome -> trades
    stopped: str | None = None
    transient: bool = True


@dataclass(frozen=True)
class Job:
    """Whose work it is, and by which rules."""

    claim_id: str
    requested_by: str
    model: str
    redo: bool  # whether an analysis that is there is replaced
    limit: int
    working_time: timedelta  # no question is begun later than this


class PostmortemWriter:
    """One job's work: as many questions at once as the settings allow."""

    def __init__(self, engine: Engine, job: Job, claim: Claim, settings: Settings) -> None:
        self._engine = engine
        self._job = job
        self._claim = claim
        self._settings = settings
        self._result = Analysed()
        self._unusable_alike = False  # whether an answer failed in a way that may be the model's doing

    async def work_off(self, endpoint: Endpoint, second: Endpoint | None = None) -> Analysed:
        """Work until nothing is left, the model is down or the time is up; give back what was not tried.

        `second` is where the second model answers; it is down only if both are.

        Raises DatabaseError or SQLAlchemy's errors when the database is away.
        """
        pool = WorkerPool(
            self._take,
            workers=self._settings.analysis_concurrency,
            limit=self._job.limit,
            working_time=self._job.working_time,
        )
        if await pool.has_work():
            async with ModelPair(
                endpoint,
                self._job.model,
                second,
                engine=self._engine,
                settings=self._settings,
                purpose="post_mortem",
                timeout=self._settings.analysis_timeout,
            ) as pair:
                await pool.work_off(functools.partial(self._explain, pair=pair), self._works)
                if self._unusable_alike:
                    for model in pair.models:
                        await asyncio.to_thread(self._forgive, model)
        self._result.stopped, self._result.transient = pool.stopped, pool.transient
        if untried := await pool.untried():
            await asyncio.to_thread(self._release, untried)
        return self._result

    def _works(self) -> bool:
        """Whether the model works, as far as its answers tell: some fail all in the same way."""
        return not self._unusable_alike or self._result.stored > 0

    def _take(self, most: int) -> list[Trade]:
        with self._engine.begin() as connection:
            ids = self._claim(connection, most)
        return read_facts(self._engine, ids) if ids else []

    async def _explain(self, trade: Trade, pair: ModelPair) -> ModelUnavailableError | None:
        """Ask, store or put off; give the failure of the service, if that is what it was."""
        try:
            async with timed("analysis_time", "post_mortem", trade_signal_id=trade.id, user_id=trade.user_id):
                stored = await self._ask(trade, pair)
        except ModelError as error:
            self._result.put_off[error.outcome] += 1
            if isinstance(error, UnusableAnswerError) and error.alike:
                self._unusable_alike = True
            await asyncio.to_thread(self._put_off, trade.id, error)
            return error if isinstance(error, ModelUnavailableError) else None
        self._result.stored += stored
        if self._result.stored % 50 == 0:
            logger.info("%d analyses stored, %d put off", self._result.stored, self._result.put_off.total())
        return None

    async def _ask(self, trade: Trade, pair: ModelPair) -> int:
        """Ask until there is a sound answer, twice at most; give whether it was stored (1) or not needed (0).

        It is stored with the booking, in one transaction: what is paid is not lost.
        """
        if trade.fault:
            raise UnusableAnswerError("unreadable_facts", trade.fault, billable=False)
        stored = 0
        rejected: UnusableAnswerError | None = None

        def keep(connection: Connection, answer: ModelAnswer[Postmortem]) -> None:
            nonlocal stored
            stored = self._store(connection, trade.id, _with_cost_of(answer, rejected))

        ask = functools.partial(
            pair.ask,
            answer_type=Postmortem,
            trade_signal_id=trade.id,
            user_id=trade.user_id,
            check=functools.partial(_check, facts=trade.facts),
            keep=keep,
        )
        try:
            await ask(POSTMORTEM_INSTRUCTIONS, trade.facts)
        except UnusableAnswerError as error:
            if error.outcome not in ASK_AGAIN:
                raise
            rejected = error
            logger.info("trade %s is asked again: %s", trade.id, rejected)
            await ask(POSTMORTEM_INSTRUCTIONS, {**trade.facts, "rejected": [rejected.message]})
        return stored

    def _store(self, connection: Connection, trade_id: str, answer: ModelAnswer[Postmortem]) -> int:
        detail = {
            **answer.value.model_dump(),
            "model": answer.model,
            "choice": answer.choice,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "cost_usd": None if answer.cost_usd is None else str(answer.cost_usd),
        }
        return connection.execute(
            sql("analysis/store_analysis"),
            {
                "id": trade_id,
                "claim_id": self._job.claim_id,
                "requested_by": self._job.requested_by,
                "redo": self._job.redo,
                "model": answer.model,
                "choice": answer.choice,
                "analysis": as_text(answer.value),
                "detail": json.dumps(detail),
                "cost": answer.cost_usd,
            },
        ).rowcount

    def _forgive(self, model: LanguageModel) -> None:
        """Take back tries that were the model's doing; does nothing unless it is left alone for that."""
        with self._engine.begin() as connection:
            forgiven = connection.execute(
                sql("analysis/forgive_analyses"),
                {"claim_id": self._job.claim_id, "address": model.address, "model": model.name},
            ).rowcount
        if forgiven:
            logger.warning("%d analyses failed by the model's doing: no try of theirs", forgiven)

    def _put_off(self, trade_id: str, error: ModelError) -> None:
        logger.warning("analysis of trade %s put off: %s", trade_id, error)
        with self._engine.begin() as connection:
            connection.execute(
                sql("analysis/put_off_analysis"),
                {
                    "id": trade_id,
                    "claim_id": self._job.claim_id,
                    "counts": isinstance(error, UnusableAnswerError),
                    "final": isinstance(error, UnusableAnswerError) and error.final,
                    "attempts": self._settings.analysis_attempts,
                    "outcome": error.outcome,
                    "error": str(error),
                },
            )

    def _release(self, untried: list[Trade]) -> None:
        error = f"not tried: {self._result.stopped}"
        logger.warning("%d analyses %s", len(untried), error)
        self._result.put_off["not_tried"] += len(untried)
        with self._engine.begin() as connection:
            connection.execute(
                sql("analysis/release_analyses"),
                {
                    "claim_id": self._job.claim_id,
                    "ids": [trade.id for trade in untried],
                    "wait": WAIT_AFTER_OUTAGE,
                    "error": error,
                },
            )


def _check(postmortem: Postmortem, facts: dict[str, Any]) -> None:
    """Check an answer; where a fact trips the check, its trade is put off as for any unusable answer."""
    try:
        check(postmortem, facts)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        logger.exception("an answer could not be checked")
        raise UnusableAnswerError(
            "unchecked", f"the answer could not be checked: {error_in_words(error)}"
        ) from error


def _with_cost_of(
    answer: ModelAnswer[Postmortem], rejected: UnusableAnswerError | None
) -> ModelAnswer[Postmortem]:
    """The answer with what it cost to get it: a rejected one was paid as well."""
    if rejected is None:
        return answer
    if answer.cost_usd is None or rejected.cost_usd is None:
        return replace(answer, cost_usd=None)
    return replace(answer, cost_usd=rejected.cost_usd + answer.cost_usd)
