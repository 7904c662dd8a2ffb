"""Asking the model for a trade; an answer that the market contradicts is sent back once, with its faults."""

from __future__ import annotations

import asyncio
import functools
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.database import sql
from include.llm import ModelPair, ModelUnavailableError, UnusableAnswerError, WorkerPool
from include.signals.attempts import end, note
from include.signals.prompt import SIGNAL_INSTRUCTIONS, SignalAnswer, facts_again, facts_of
from include.signals.reasoning import check_confidence, check_reasoning
from include.signals.validate import ALLOCATION_FIELDS, PRICE_FIELDS, Market, find_faults, risk_reward, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from sqlalchemy import Connection, Engine

    from include.llm import ModelAnswer, ModelError
    from include.settings import Endpoint, Settings
    from include.signals.attempts import Attempt

QUESTIONS_AT_ONCE = 8
MAX_QUESTIONS = 2  # about one market


def ask_for_proposals(
    engine: Engine,
    attempts: Sequence[Attempt],
    endpoint: Endpoint,
    settings: Settings,
    second: Endpoint | None = None,
) -> dict[str, str]:
    """Ask for a trade on each attempt's market, several at once; answer with a line for each.

    `second` is where the second model answers, if there is one.

    A sound proposal is written into the attempt; NO_TRADE, an answer that stays unusable and a model that
    fails end it with the reason. Never raises for one attempt.
    """
    return asyncio.run(_Questions(engine, settings).work_off(attempts, endpoint, second))


class _Questions:
    """The questions of one batch."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._lines: dict[str, str] = {}

    async def work_off(
        self, attempts: Sequence[Attempt], endpoint: Endpoint, second: Endpoint | None
    ) -> dict[str, str]:
        settings, waiting = self._settings, list(attempts)

        def take(most: int) -> list[Attempt]:
            portion, waiting[:] = waiting[:most], waiting[most:]
            return portion

        pool = WorkerPool(take, workers=QUESTIONS_AT_ONCE, limit=len(attempts))
        async with ModelPair(
            endpoint,
            settings.signal_model,
            second,
            engine=self._engine,
            settings=settings,
            purpose="signal",
            timeout=settings.signal_timeout,
        ) as model:
            await pool.work_off(functools.partial(self._propose, model=model))
        return {attempt.name: self._lines[attempt.name] for attempt in attempts}

    async def _propose(self, attempt: Attempt, model: ModelPair) -> None:
        """Ask about one market. A service that fails ends the attempt, but not the work on the others."""
        self._lines[attempt.name] = await self._ask(model, attempt, time.monotonic())

    async def _ask(self, model: ModelPair, attempt: Attempt, begun: float) -> str:
        """Ask until there is a usable answer, or none to be had; write down what came of it, and say it.

        A usable answer is written with its booking, in one transaction: what is paid is not lost.
        """
        market = _market_of(attempt)
        facts = facts_of(attempt, self._settings, datetime.now(UTC))
        faults: list[str] = []
        lines: list[str] = []

        def check(answer: SignalAnswer) -> None:
            check_confidence(answer)
            check_reasoning(answer, facts, market)
            if answer.decision != "NO_TRADE" and (
                faults := find_faults(_tidied(answer), market, self._settings)
            ):
                raise UnusableAnswerError("off_market", "; ".join(faults))

        def keep(connection: Connection, answer: ModelAnswer[SignalAnswer]) -> None:
            _count(connection, attempt, answer.cost_usd)
            value = answer.value
            if value.decision == "NO_TRADE":
                line = _write(connection, attempt, "no_trade", _printable(value.reasoning), begun)
            else:
                line = _write(connection, attempt, "proposed", _as_row(_tidied(value), answer.model), begun)
            lines.append(line)

        for _ in range(MAX_QUESTIONS):
            try:
                await model.ask(
                    SIGNAL_INSTRUCTIONS,
                    facts_again(facts, faults) if faults else facts,
                    SignalAnswer,
                    user_id=attempt.user_id,
                    check=check,
                    keep=keep,
                )
            except UnusableAnswerError as error:
                if error.final:
                    return await asyncio.to_thread(
                        self._fail, attempt, error, "model_failed", str(error), begun
                    )
                faults.append(str(error))
                if len(faults) < MAX_QUESTIONS:
                    await asyncio.to_thread(self._note_cost, attempt, error)
                    continue
                message = f"no usable answer in {MAX_QUESTIONS}: {'; then '.join(faults)}"
                return await asyncio.to_thread(self._fail, attempt, error, "invalid_answer", message, begun)
            except ModelUnavailableError as error:
                return await asyncio.to_thread(self._fail, attempt, error, "model_failed", str(error), begun)
            else:
                break
        return lines[-1]

    def _note_cost(self, attempt: Attempt, error: ModelError) -> None:
        with self._engine.begin() as connection:
            _count(connection, attempt, _cost_of(error))

    def _fail(self, attempt: Attempt, error: ModelError, outcome: str, message: str, begun: float) -> str:
        with self._engine.begin() as connection:
            _count(connection, attempt, _cost_of(error))
            return _write(connection, attempt, outcome, message, begun)


def _cost_of(error: ModelError) -> Decimal | None:
    return error.cost_usd if isinstance(error, UnusableAnswerError) else None


def _count(connection: Connection, attempt: Attempt, cost_usd: Decimal | None) -> None:
    connection.execute(sql("signals/note_asked"), {"id": attempt.id, "cost_usd": cost_usd})


def _write(
    connection: Connection, attempt: Attempt, outcome: str, said: str | dict[str, Any], begun: float
) -> str:
    seconds = time.monotonic() - begun
    if isinstance(said, str):
        end(connection, attempt, outcome, said, seconds)
        return f"{outcome}: {said}"
    note(connection, attempt, seconds, proposal=said)
    return (
        f"{said['direction']} at {said['entry_price']:g}, stop {said['stop_loss']:g}, "
        f"targets {said['take_profit_1']:g}, {said['take_profit_2']:g}, {said['take_profit_3']:g}, "
        f"risk/reward {said['risk_reward_ratio']:g}"
    )


def _market_of(attempt: Attempt) -> Market:
    if not attempt.snapshot or not attempt.indicators:
        raise ValueError(
            f"{attempt.name}: the model is asked before the snapshot and the indicators are there"
        )
    return Market(price=attempt.snapshot["current_price"], atr=attempt.indicators["atr_14"])


def _tidied(answer: SignalAnswer) -> SignalAnswer:
    return answer.model_copy(update={"levels": tidy(answer.levels)}) if answer.levels else answer


def _as_row(answer: SignalAnswer, model: str) -> dict[str, Any]:
    """The proposal as `trade_signals` has it."""
    levels = answer.levels
    if levels is None:
        raise ValueError("a checked proposal has levels")
    return {
        "direction": answer.decision,
        **{name: getattr(levels, name) for name in (*PRICE_FIELDS, *ALLOCATION_FIELDS)},
        "confidence_score": round(answer.confidence, 2),
        "risk_reward_ratio": round(risk_reward(levels), 4),
        "market_condition": answer.market_condition,
        "ai_reasoning": _printable(answer.reasoning),
        "ai_model": model,
    }


def _printable(text: str) -> str:
    """Leave out what PostgreSQL cannot store (NUL, halves of surrogate pairs) and control characters."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")
