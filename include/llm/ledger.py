"""The books of the calls: a row of `llm_calls` for each request, reserved before it and settled after it.

The budget of a day (UTC) holds over all processes: `llm_reserve` adds what is spent, what is reserved for
calls under way and the worst case of the new call under the lock of the day's row, and refuses what does not
fit. A process that dies leaves a reservation that lapses: its call may have been billed, so it is spent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from include.database import sql
from include.llm.errors import ModelUnavailable
from include.llm.prices import cost_of, price_of, worst_case

if TYPE_CHECKING:
    import uuid

    from sqlalchemy import Engine

    from include.settings import Settings

logger = logging.getLogger(__name__)

_NOTHING = Decimal(0)

Purpose = Literal["post_mortem", "signal", "probe"]

GRACE = timedelta(minutes=1)  # beyond its timeout, until a call that says nothing counts as lost


@dataclass(frozen=True)
class Usage:
    """What the provider said of a call. None: it did not say."""

    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Ledger:
    """The books of one client: one model, one purpose."""

    def __init__(self, engine: Engine, settings: Settings, purpose: Purpose, model: str) -> None:
        self._engine = engine
        self._settings = settings
        self._purpose = purpose
        self._model = model
        self._price = price_of(model, settings)

    def reserve(
        self, prompt_bytes: int, timeout: timedelta, trade_signal_id: str | None, user_id: str | None
    ) -> uuid.UUID:
        """Enter a call that is about to be made, with the most that it can cost; give the row's id.

        Raises ModelUnavailable, `budget_spent` or `unpriced`; that, too, is entered.
        """
        worst = self._price and worst_case(self._price, prompt_bytes, self._settings.llm_answer_tokens)
        with self._engine.begin() as connection:
            entry = connection.execute(
                sql("llm_reserve"),
                {
                    "purpose": self._purpose,
                    "model": self._model,
                    "worst": worst,
                    "budget": self._settings.llm_daily_budget_usd,
                    "lease": timeout + GRACE,
                    "trade_signal_id": trade_signal_id,
                    "user_id": user_id,
                },
            ).one()
        if entry.verdict != "go":
            if entry.first_refusal:
                logger.warning("%s: %s", entry.verdict, entry.reason)
            raise ModelUnavailable(entry.verdict, entry.reason, passing=False)
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
    ) -> Decimal | None:
        """Enter what became of a call; give its cost in US dollars, None where that cannot be known.

        A cost that is not known counts as the worst case against the budget. What is not `billable` (never
        sent, or answered with an error) cost nothing.
        """
        cost = self._cost(usage, billable=billable)
        with self._engine.begin() as connection:
            connection.execute(
                sql("llm_settle"),
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
        return cost

    def _cost(self, usage: Usage, *, billable: bool) -> Decimal | None:
        if not billable:
            return _NOTHING
        if self._price is None:
            return None
        if self._price.prompt == self._price.completion == 0:
            return _NOTHING
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        return cost_of(self._price, usage.prompt_tokens, usage.completion_tokens)
