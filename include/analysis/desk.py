"""Working off analyses: claimed in small portions, asked concurrently, each one stored as it comes."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.analysis.facts import Trade, read_facts
from include.analysis.postmortem import INSTRUCTIONS, Postmortem, as_text, check
from include.database import sql
from include.llm import LanguageModel, ModelAnswer, ModelError, ModelUnavailableError, UnusableAnswerError
from include.telemetry import error_in_words, timed

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from include.settings import Endpoint, Settings

logger = logging.getLogger(__name__)

# After so many failures of the service in a row it counts as down, and the rest waits.
FAILURES_IN_A_ROW = 10
# Trades of each worker that are claimed, and whose facts are read, at a time. Together with the next portion
# they are done, or given back, before their lease lapses, even if each question takes its whole time, twice.
PORTION = 4
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


class Desk:
    """One job's work: as many workers as the settings allow, until nothing is left or the model is down."""

    def __init__(self, engine: Engine, job: Job, claim: Claim, settings: Settings) -> None:
        self._engine = engine
        self._job = job
        self._claim = claim
        self._settings = settings
        self._result = Analysed()
        self._failures_in_a_row = 0
        self._unusable_alike = False  # whether an answer failed in a way that may be the model's doing
        self._left = job.limit
        self._ready: list[Trade] = []
        self._portion: asyncio.Task[list[Trade]] | None = None  # the next ones, being claimed
        self._claiming = asyncio.Lock()
        self._until = time.monotonic() + job.working_time.total_seconds()

    async def work_off(self, endpoint: Endpoint) -> Analysed:
        """Work until nothing is left, the model is down or the time is up; give back what was not tried.

        Raises DatabaseError or SQLAlchemy's errors when the database is away.
        """
        first = await self._next()
        if first is None:
            return self._result
        async with LanguageModel(
            endpoint,
            self._job.model,
            engine=self._engine,
            settings=self._settings,
            purpose="post_mortem",
            timeout=self._settings.analysis_timeout,
        ) as model:
            if await self._begin_alone(first, model):
                await self._work_together(model)
            if self._unusable_alike:
                await asyncio.to_thread(self._forgive, model)
        if self._portion:
            self._ready += await self._portion
        if self._ready:
            await asyncio.to_thread(self._release)
        return self._result

    async def _begin_alone(self, first: Trade, model: LanguageModel) -> bool:
        """Ask one at a time until the model has shown that it works; give whether it did.

        A model that is down, or refuses everybody, is found out with one question; one that fails every
        question in the same way with the few after which it is left alone.
        """
        trade: Trade | None = first
        while trade:
            if failure := await self._explain(trade, model):
                self._stop(failure)
                return False
            if not self._unusable_alike or self._result.stored:
                return True
            trade = await self._next()
        return False

    async def _work_together(self, model: LanguageModel) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.analysis_concurrency):
                    group.create_task(self._work(model))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the one that ended the others says why

    async def _work(self, model: LanguageModel) -> None:
        while self._result.stopped is None and (trade := await self._next()):
            failure = await self._explain(trade, model)
            if failure is None:
                self._failures_in_a_row = 0
                continue
            self._failures_in_a_row += 1
            if not failure.transient or self._failures_in_a_row >= FAILURES_IN_A_ROW:
                self._stop(failure)

    def _stop(self, failure: ModelUnavailableError) -> None:
        self._result.stopped = str(failure)
        self._result.transient = failure.transient

    async def _next(self) -> Trade | None:
        """Hand out a trade; None when there is none left, or none shall be begun any more."""
        if time.monotonic() >= self._until and self._result.stopped is None:
            self._result.stopped = "its time was up"
            return None
        async with self._claiming:
            if not self._ready:
                self._ready = await (self._portion or self._claim_portion())
                self._portion = None
            trade = self._ready.pop(0) if self._ready else None
            if self._portion is None and len(self._ready) == self._settings.analysis_concurrency:
                # While the workers ask about these, so that none of them waits for the database.
                self._portion = asyncio.create_task(self._claim_portion())
            return trade

    async def _claim_portion(self) -> list[Trade]:
        if not self._left or self._result.stopped is not None:
            return []
        portion = await asyncio.to_thread(self._take_portion)
        self._left = self._left - len(portion) if portion else 0
        return portion

    def _take_portion(self) -> list[Trade]:
        with self._engine.begin() as connection:
            ids = self._claim(connection, min(PORTION * self._settings.analysis_concurrency, self._left))
        return read_facts(self._engine, ids) if ids else []

    async def _explain(self, trade: Trade, model: LanguageModel) -> ModelUnavailableError | None:
        """Ask, store or put off; give the failure of the service, if that is what it was."""
        try:
            async with timed("analysis_time", "post_mortem", trade_signal_id=trade.id, user_id=trade.user_id):
                stored = await self._ask(trade, model)
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

    async def _ask(self, trade: Trade, model: LanguageModel) -> int:
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
            model.ask,
            answer_type=Postmortem,
            trade_signal_id=trade.id,
            user_id=trade.user_id,
            check=functools.partial(_check, facts=trade.facts),
            keep=keep,
        )
        try:
            await ask(INSTRUCTIONS, trade.facts)
        except UnusableAnswerError as error:
            if error.outcome not in ASK_AGAIN:
                raise
            rejected = error
            logger.info("trade %s is asked again: %s", trade.id, rejected)
            await ask(INSTRUCTIONS, {**trade.facts, "rejected": [rejected.message]})
        return stored

    def _store(self, connection: Connection, trade_id: str, answer: ModelAnswer[Postmortem]) -> int:
        detail = {
            **answer.value.model_dump(),
            "model": answer.model,
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
                {"claim_id": self._job.claim_id, "address": model.address, "model": self._job.model},
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

    def _release(self) -> None:
        error = f"not tried: {self._result.stopped}"
        logger.warning("%d analyses %s", len(self._ready), error)
        self._result.put_off["not_tried"] += len(self._ready)
        with self._engine.begin() as connection:
            connection.execute(
                sql("analysis/release_analyses"),
                {
                    "claim_id": self._job.claim_id,
                    "ids": [trade.id for trade in self._ready],
                    "wait": WAIT_AFTER_OUTAGE,
                    "error": error,
                },
            )
        self._ready = []


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
