"""The books of the calls: a row of `llm_calls` for each request, reserved before it and settled after it.

The budget of a day (UTC) holds over all processes; the second model has one of its own. `llm_reserve` adds
what is spent, what is reserved for calls under way and the worst case of the new call under the lock of the
day's row, and refuses what does not fit. A process that dies leaves a reservation that lapses: its call may
have been billed, so it is spent.

The books also say which model is left alone for a while (`llm_endpoints`), in all processes: one that asked
for it, one that fails every question in the same way, and, where there are two models, one that is down.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from include.database import sql
from include.llm.errors import ModelError, ModelUnavailableError, UnusableAnswerError
from include.llm.prices import cost_of, price_of, worst_case

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

    from include.settings import Settings

logger = logging.getLogger(__name__)

_NO_COST = Decimal(0)

Purpose = Literal["post_mortem", "signal", "probe"]
Choice = Literal["first", "second"]  # the model that is asked, and the one that is asked in its place

LEASE_GRACE = timedelta(minutes=1)  # beyond its timeout, until a call that says nothing counts as lost


# After so many unusable answers of one kind in a row, with no usable one in between, the model is left alone.
MAX_ALIKE_ANSWERS = 4
# What a provider says of one question: it takes more of them until they tell of the model.
MAX_ALIKE_OF_QUESTIONS = 12
OUTCOMES_OF_QUESTIONS = frozenset({"refusal", "content_filter", "too_long"})
PAUSE_AFTER_ALIKE = timedelta(minutes=30)
LONGEST_RETRY_AFTER = 31 * 86_400.0  # seconds


class NotYetError(Exception):
    """The model is left alone for `seconds` more, which the caller can wait. Nothing was entered."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"left alone for {seconds:.1f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Usage:
    """What the provider said of a call. None: it did not say."""

    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Ledger:
    """The books of one client: one model at one address, one purpose.

    `paired` says that there are two models: then one that is down is left alone for a while, and what the
    first is not asked is no call that was refused, for the second is asked.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        purpose: Purpose,
        model: str,
        address: str = "",
        *,
        choice: Choice = "first",
        paired: bool = False,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._purpose = purpose
        self._model = model
        self._address = address
        self._choice = choice
        self._paired = paired
        self._price = price_of(model, settings)
        self._budget = (
            settings.llm_second_daily_budget_usd if choice == "second" else settings.llm_daily_budget_usd
        )

    def reserve(
        self,
        prompt_bytes: int,
        timeout: timedelta,
        trade_signal_id: str | None,
        user_id: str | None,
        *,
        patience: timedelta = timedelta(0),
    ) -> uuid.UUID:
        """Enter a call that is about to be made, with the most that it can cost; give the row's id.

        Raises:
            ModelUnavailableError: `budget_spent`, `unpriced` or `paused`; that, too, is entered, but for the
                first of two models.
            NotYetError: the model is left alone, but for no longer than `patience`.
        """
        worst = self._price and worst_case(self._price, prompt_bytes, self._settings.llm_answer_length)
        with self._engine.begin() as connection:
            entry = connection.execute(
                sql("llm/reserve_call"),
                {
                    "purpose": self._purpose,
                    "model": self._model,
                    "worst": worst,
                    "budget": self._budget,
                    "lease": timeout + LEASE_GRACE,
                    "trade_signal_id": trade_signal_id,
                    "user_id": user_id,
                    "address": self._address,
                    "patience": patience,
                    "choice": self._choice,
                    "paired": self._paired,
                },
            ).one()
        if entry.verdict == "wait":
            raise NotYetError(entry.wait_seconds)
        if entry.verdict != "go":
            if entry.first_refusal:
                logger.warning("%s: %s", entry.verdict, entry.reason)
            raise ModelUnavailableError(entry.verdict, entry.reason, transient=False)
        call_id: uuid.UUID = entry.call_id
        return call_id

    def settle(
        self,
        call_id: uuid.UUID,
        usage: Usage,
        seconds: float,
        *,
        outcome: str = "answered",
        reason: str | None = None,
        billable: bool = True,
        error: ModelError | None = None,
        keep: Callable[[Connection, Decimal | None], None] | None = None,
    ) -> Decimal | None:
        """Enter what became of a call; give its cost in US dollars, None where that cannot be known.

        A cost that is not known counts as the worst case against the budget. What is not `billable` (never
        sent, or answered with an error) cost nothing. `error` says outcome, reason and billable at once. What
        `keep` writes is written with the booking or not at all: an answer that is paid is not lost.
        """
        if error:
            outcome, reason, billable = error.outcome, error.message, error.billable
        cost = self._cost(usage, billable=billable)
        with self._engine.begin() as connection:
            connection.execute(
                sql("llm/settle_call"),
                {
                    "id": call_id,
                    "outcome": outcome,
                    "reason": reason,
                    "model": usage.model,
                    "prompt_tokens": usage.prompt_tokens,
                    "completion_tokens": usage.completion_tokens,
                    "cost": cost,
                    "seconds": round(seconds, 3),
                },
            )
            self._note_answer(connection, call_id, error)
            if keep:
                keep(connection, cost)
        return cost

    def note_down(self, error: ModelUnavailableError) -> None:
        """Let the model be left alone for a while: a question failed, whatever tries it took."""
        with self._engine.begin() as connection:
            self._note(connection, None, error, usable=False, down=True)

    def _note_answer(self, connection: Connection, call_id: uuid.UUID, error: ModelError | None) -> None:
        alike = error.alike if isinstance(error, UnusableAnswerError) else None
        retry_after = error.retry_after if isinstance(error, ModelUnavailableError) else None
        usable = error is None or (isinstance(error, UnusableAnswerError) and alike is None)
        if not usable and alike is None and retry_after is None:
            return  # one failure says nothing of the next try
        self._note(connection, call_id, error, usable=usable, alike=alike, retry_after=retry_after)

    def _note(
        self,
        connection: Connection,
        call_id: uuid.UUID | None,
        error: ModelError | None,
        *,
        usable: bool,
        alike: str | None = None,
        retry_after: float | None = None,
        down: bool = False,
    ) -> None:
        connection.execute(
            sql("llm/note_answer"),
            {
                "address": self._address,
                "model": self._model,
                "call_id": call_id,
                "usable": usable,
                "alike": alike,
                "most": MAX_ALIKE_OF_QUESTIONS if alike in OUTCOMES_OF_QUESTIONS else MAX_ALIKE_ANSWERS,
                "pause": PAUSE_AFTER_ALIKE,
                "retry_after": None if retry_after is None else min(retry_after, LONGEST_RETRY_AFTER),
                "reason": error.message if error else None,
                "down": down,
            },
        )

    def _cost(self, usage: Usage, *, billable: bool) -> Decimal | None:
        if not billable:
            return _NO_COST
        if self._price is None:
            return None
        if self._price.prompt == self._price.completion == 0:
            return _NO_COST
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        return cost_of(self._price, usage.prompt_tokens, usage.completion_tokens)
