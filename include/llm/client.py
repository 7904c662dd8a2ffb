"""The client for models behind an OpenAI-compatible endpoint: facts in, a checked answer out.

The endpoint may be OpenAI, Gemini's compatible address, a local server or the sandbox. `openai` takes over
two seconds to import, so it is imported where a client is made.
"""

from __future__ import annotations

import asyncio
import functools
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

from include.database import storable
from include.llm.errors import AnswerUnusable, ModelError, ModelUnavailable
from include.llm.ledger import Ledger, Purpose, Usage
from include.telemetry import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from decimal import Decimal

    from openai.types.chat import ParsedChatCompletion
    from sqlalchemy import Engine

    from include.settings import Endpoint, Settings

AnswerModel = TypeVar("AnswerModel", bound=BaseModel)

ATTEMPTS = 3
WAIT = 0.5  # seconds before the second try, doubled before the third, with jitter on top
# What a provider answers when no later try can help: no money, no key, no such model.
FINAL_STATUSES = frozenset({400, 401, 402, 403, 404, 405, 422})
# What a provider says of one question, and not of the service: another question may well be answered.
REFUSED_QUESTIONS = {
    "content_filter": "content_filter",  # Azure filters the prompt with HTTP 400
    "content_policy_violation": "content_filter",
    "context_length_exceeded": "too_long",
    "string_above_max_length": "too_long",
}


@dataclass(frozen=True)
class Answer(Generic[AnswerModel]):
    """A validated answer with its price.

    `model` is the name that the provider gave. Tokens and US dollars are those of the request that was
    answered, None where the provider did not count or the model has no price; `seconds` includes tries that
    failed before it.
    """

    value: AnswerModel
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: Decimal | None
    seconds: float


@dataclass(frozen=True)
class _Question(Generic[AnswerModel]):
    instructions: str
    facts: str  # JSON
    answer_type: type[AnswerModel]
    check: Callable[[AnswerModel], None] | None
    trade_signal_id: str | None
    user_id: str | None

    def size(self) -> int:
        """Bytes that the model reads."""
        schema = _schema_text(self.answer_type)
        return sum(len(part.encode()) for part in (self.instructions, self.facts, schema))


class LanguageModel:
    """An asynchronous client for one model; use it as `async with`.

    `timeout` bounds a whole question, however many tries it takes: three at most, of requests that may
    succeed later, with jittered waits that honour Retry-After. Each try is entered in `llm_calls` under
    `purpose`, and is only made within `settings.llm_daily_budget_usd`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model_name: str,
        *,
        engine: Engine,
        settings: Settings,
        purpose: Purpose,
        timeout: timedelta,
    ) -> None:
        import openai

        self._openai = openai
        self._model = model_name
        self._timeout = timeout
        self._answer_tokens = settings.llm_answer_tokens
        self._secret = endpoint.secret
        self._ledger = Ledger(engine, settings, purpose, model_name)
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.secret or "none",  # local servers want none, the library wants one
            timeout=timeout.total_seconds(),
            max_retries=0,  # the library would also retry `insufficient_quota`, which never heals
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(
        self,
        instructions: str,
        facts: Mapping[str, Any],
        answer_type: type[AnswerModel],
        *,
        trade_signal_id: str | None = None,
        user_id: str | None = None,
        check: Callable[[AnswerModel], None] | None = None,
    ) -> Answer[AnswerModel]:
        """Ask once: `instructions` as the system message, `facts` as JSON, the answer in a strict schema.

        `check` may look at the answer and raise AnswerUnusable; that outcome is then on the books. The ids
        say in `llm_calls` what the call was about.

        Raises:
            ModelUnavailable: the service failed, or the budget is spent (`budget_spent`), or a budget is set
                and the model has no price (`unpriced`).
            AnswerUnusable: the service works, this question got no usable answer.
        """
        import stamina

        begun = time.monotonic()
        deadline = begun + self._timeout.total_seconds()
        question = _Question(
            instructions,
            json.dumps(facts, ensure_ascii=False, allow_nan=False),
            answer_type,
            check,
            trade_signal_id,
            user_id,
        )

        def worth_a_retry(error: Exception) -> bool | float:
            if not (isinstance(error, ModelUnavailable) and error.passing):
                return False
            wait = _retry_after(error.__cause__)
            left = deadline - time.monotonic()
            return left > (wait or WAIT) and (wait or True)

        async for attempt in stamina.retry_context(
            on=worth_a_retry,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=WAIT,
            wait_max=20.0,
            wait_jitter=WAIT,
        ):
            with attempt:
                return await self._try(question, begun, deadline)
        raise AssertionError("stamina either returns or raises")

    async def _try(
        self, question: _Question[AnswerModel], begun: float, deadline: float
    ) -> Answer[AnswerModel]:
        """Make one request, on the books from before it until after it."""
        if time.monotonic() >= deadline:  # the wait before this try was longer than what was left
            raise ModelUnavailable("timeout", self._no_answer(), passing=False)
        call_id = await asyncio.to_thread(
            self._ledger.reserve,
            question.size(),
            self._timeout,
            question.trade_signal_id,
            question.user_id,
        )
        sent_at = time.monotonic()
        usage = Usage()
        try:
            try:
                async with asyncio.timeout(deadline - sent_at):  # the library's own bounds each read only
                    body = await self._request(question)
            except TimeoutError as error:
                raise ModelUnavailable("timeout", self._no_answer(), passing=True, billable=True) from error
            usage = _read_usage(body.http_response.content)
            value = self._read(body)
            if question.check:
                question.check(value)
        except ModelError as error:
            cost = await asyncio.to_thread(
                self._ledger.settle,
                call_id,
                usage,
                time.monotonic() - sent_at,
                outcome=error.outcome,
                reason=error.words,
                billable=error.billable,
            )
            if isinstance(error, AnswerUnusable):
                error.cost_usd = cost
            raise
        ended = time.monotonic()
        cost = await asyncio.to_thread(self._ledger.settle, call_id, usage, ended - sent_at)
        return Answer(
            value=value,
            model=usage.model or self._model,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost_usd=cost,
            seconds=ended - begun,
        )

    async def _request(self, question: _Question[AnswerModel]) -> Any:
        """Send the question; give the raw answer, which counts the tokens also where it cannot be used."""
        openai = self._openai
        try:
            return await self._client.chat.completions.with_raw_response.parse(
                model=self._model,
                messages=[
                    {"role": "system", "content": question.instructions},
                    {"role": "user", "content": question.facts},
                ],
                response_format=question.answer_type,
                max_completion_tokens=self._answer_tokens,
            )
        except openai.APITimeoutError as error:
            words = self._no_answer()
            connected = not _never_connected(error)
            raise ModelUnavailable("timeout", words, passing=True, billable=connected) from error
        except openai.APIStatusError as error:
            raise self._status_error(error.status_code, error.body, error) from error
        except openai.APIConnectionError as error:
            words = self._redact(f"no connection to the model: {error.__cause__ or error}")
            connected = not _never_connected(error)
            raise ModelUnavailable("unreachable", words, passing=True, billable=connected) from error

    def _read(self, body: Any) -> Any:
        openai = self._openai
        try:
            completion: ParsedChatCompletion[Any] = body.parse()
            choices = list(completion.choices)
        except openai.LengthFinishReasonError as error:
            words = f"the answer was cut off at {self._answer_tokens} tokens (llm_answer_tokens)"
            raise AnswerUnusable("length", words) from error
        except openai.ContentFilterFinishReasonError as error:
            raise AnswerUnusable("content_filter", "the provider filtered the answer", final=True) from error
        except ValidationError as error:
            raise AnswerUnusable("invalid", _first_fault(error)) from error
        except (openai.APIError, ValueError, AttributeError, TypeError) as error:
            # The library hands a page of HTML, or JSON of another shape, to its parser, which trips over it.
            words = self._redact(f"the endpoint's answer could not be read: {error}")
            raise ModelUnavailable("garbled", words, passing=True, billable=True) from error
        if not choices:
            raise AnswerUnusable("invalid", "the answer holds no choice")
        message = choices[0].message
        if message.refusal:
            raise AnswerUnusable("refusal", self._redact(message.refusal), final=True)
        if message.parsed is None:
            raise AnswerUnusable("invalid", "the answer is empty")
        return message.parsed

    def _status_error(self, status: int, body: object, cause: Exception) -> ModelError:
        said: Mapping[str, Any] = body if isinstance(body, dict) else {}
        code = str(said.get("code"))
        words = self._redact(f"HTTP {status}: {said.get('message') or cause}")
        if code == "insufficient_quota":
            return ModelUnavailable("insufficient_quota", words, passing=False)
        if code in REFUSED_QUESTIONS or status == 413:
            return AnswerUnusable(REFUSED_QUESTIONS.get(code, "too_long"), words, final=True, billable=False)
        if code == "invalid_json_schema" or str(said.get("param")).startswith("response_format"):
            return ModelUnavailable("schema_refused", words, passing=False)
        return ModelUnavailable(f"http_{status}", words, passing=status not in FINAL_STATUSES)

    def _no_answer(self) -> str:
        return f"no answer within {self._timeout.total_seconds():g} s"

    def _redact(self, words: str) -> str:
        return redact(words, self._secret)[:500]


@functools.cache
def _schema_text(answer_type: type[BaseModel]) -> str:
    return json.dumps(answer_type.model_json_schema())


def _read_usage(content: bytes) -> Usage:
    """Read who answered and the tokens from an answer's JSON, as far as it says so.

    Gemini's compatible endpoint leaves the thinking out of `completion_tokens` but not out of `total_tokens`,
    and bills it as completion: the larger figure counts.
    """
    try:
        body = json.loads(content)
        model, usage = body.get("model"), body.get("usage") or {}
        prompt, completion, total = (
            _whole(usage.get(f"{kind}_tokens")) for kind in ("prompt", "completion", "total")
        )
    except (ValueError, AttributeError):
        return Usage()
    if prompt is not None and total is not None:
        completion = max(completion or 0, total - prompt)
    return Usage(storable(model[:200]) if isinstance(model, str) else None, prompt, completion)


def _whole(value: object) -> int | None:
    sound = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return int(str(value)) if sound else None


def _never_connected(error: Exception) -> bool:
    import httpx2  # what `openai` speaks through

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    return f"the answer does not fit the schema: {'.'.join(map(str, fault['loc'])) or 'JSON'}: {fault['msg']}"


def _retry_after(error: BaseException | None) -> float | None:
    """Read the seconds to wait from the provider's Retry-After header, at most the client's own patience."""
    response = getattr(error, "response", None)
    value = response.headers.get("retry-after") if response is not None else None
    try:
        return min(float(value), 20.0) if value else None
    except ValueError:
        return None  # an HTTP date: the jittered wait serves as well
