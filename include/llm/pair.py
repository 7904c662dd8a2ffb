"""Two models: the second is asked where the first is down, refuses or is out of budget."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar

from pydantic import BaseModel

from include.llm.client import LanguageModel, ModelAnswer
from include.llm.errors import ModelError, ModelUnavailableError, UnusableAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from decimal import Decimal

    from sqlalchemy import Connection, Engine

    from include.llm.ledger import Purpose
    from include.settings import Endpoint, Settings

logger = logging.getLogger(__name__)

AnswerModel = TypeVar("AnswerModel", bound=BaseModel)


class _Ids(TypedDict):
    trade_signal_id: str | None
    user_id: str | None


class ModelPair:
    """A model, and the second one of the settings, if its endpoint is given; use it as `async with`.

    A question takes no longer than `timeout` in all. Where there is a second model, the first has half of
    that, is not waited for, and is left alone while it is down: it costs its time once, not each question.

    Attributes:
        models: the clients, the first one first.
    """

    def __init__(
        self,
        first: Endpoint,
        model_name: str,
        second: Endpoint | None = None,
        *,
        engine: Engine,
        settings: Settings,
        purpose: Purpose,
        timeout: timedelta,
    ) -> None:
        self._seconds = timeout.total_seconds()

        def open_model(endpoint: Endpoint, name: str, *, is_first: bool) -> LanguageModel:
            return LanguageModel(
                endpoint,
                name,
                engine=engine,
                settings=settings,
                purpose=purpose,
                timeout=timeout,
                choice="first" if is_first else "second",
                paired=second is not None,
            )

        self.models = [open_model(first, model_name, is_first=True)]
        if second is not None:
            if settings.llm_second_model is None:
                raise ValueError("a second endpoint without a llm_second_model")
            self.models.append(open_model(second, settings.llm_second_model, is_first=False))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for model in self.models:
            await model.__aexit__(*error)

    async def ask(
        self,
        instructions: str,
        facts: Mapping[str, Any],
        answer_type: type[AnswerModel],
        *,
        trade_signal_id: str | None = None,
        user_id: str | None = None,
        check: Callable[[AnswerModel], None] | None = None,
        keep: Callable[[Connection, ModelAnswer[AnswerModel]], None] | None = None,
    ) -> ModelAnswer[AnswerModel]:
        """Ask the first model, as `LanguageModel.ask` says, and the second one where that gives no answer.

        An answer that the first gives, and that is of no use, is its answer: the second is not asked for a
        better one. What a refusal of the first has cost is part of the answer's cost.

        Raises:
            ModelUnavailableError: neither can be asked, or there is one, and that cannot.
            UnusableAnswerError: one of them works, and this question got no usable answer. It is `final` if
                each has refused it.
        """
        begun = time.monotonic()
        first, *others = self.models
        ids: _Ids = {"trade_signal_id": trade_signal_id, "user_id": user_id}
        if not others:
            return await first.ask(instructions, facts, answer_type, **ids, check=check, keep=keep)
        (second,) = others
        try:
            return await first.ask(
                instructions, facts, answer_type, **ids, check=check, keep=keep, within=self._seconds / 2
            )
        except UnusableAnswerError as error:
            if not error.final:
                raise
            failed: ModelError = error
        except ModelUnavailableError as error:
            failed = error
        logger.info("the second model %s is asked, for the first: %s", second.name, failed)

        def keep_whole(connection: Connection, answer: ModelAnswer[AnswerModel]) -> None:
            if keep:
                keep(connection, _with_cost_of(answer, failed))

        left = self._seconds - (time.monotonic() - begun)
        try:
            answer = await second.ask(
                instructions, facts, answer_type, **ids, check=check, keep=keep_whole, within=left
            )
        except ModelError as error:
            raise _of_both(failed, error, second.name) from error
        return _with_cost_of(answer, failed)


def _with_cost_of(answer: ModelAnswer[AnswerModel], failed: ModelError) -> ModelAnswer[AnswerModel]:
    if isinstance(failed, UnusableAnswerError):
        return replace(answer, cost_usd=_sum(answer.cost_usd, failed.cost_usd))
    return answer


def _of_both(first: ModelError, second: ModelError, name: str) -> ModelError:
    """What became of a question that neither answered. Nobody gives it up on the word of one of them."""
    if isinstance(second, UnusableAnswerError):
        if isinstance(first, UnusableAnswerError):
            second.cost_usd = _sum(second.cost_usd, first.cost_usd)
        else:
            second.final = False
        return second
    if isinstance(first, UnusableAnswerError):
        first.final = False
        return first
    if not isinstance(first, ModelUnavailableError) or not isinstance(second, ModelUnavailableError):
        raise TypeError(f"neither an outage nor an answer: {first!r}, {second!r}")
    return ModelUnavailableError(
        first.outcome,
        f"{first.message}; the second model, {name}: {second}",
        transient=first.transient or second.transient,
        billable=first.billable or second.billable,
    )


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The cost of two answers; not known if that of one is not."""
    return None if one is None or other is None else one + other
