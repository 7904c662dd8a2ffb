"""The client for models behind an OpenAI-compatible endpoint: facts in, a checked answer out.

The endpoint may be OpenAI, Gemini's compatible address, a local server or the sandbox. `openai` takes over
two seconds to import, so it is imported where a client is made.
"""

from __future__ import annotations

import asyncio
import email.utils
import functools
import json
import math
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from include.llm.answers import read_choice, read_usage, says_anything
from include.llm.errors import ModelError, ModelUnavailableError, UnusableAnswerError
from include.llm.faults import MAX_MESSAGE_LENGTH, find_fault, judge, read_fault
from include.llm.ledger import Choice, Ledger, NotYetError, Purpose, Usage
from include.telemetry import redact

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from sqlalchemy import Connection, Engine

    from include.llm.faults import ModelFault
    from include.settings import Endpoint, Settings

AnswerModel = TypeVar("AnswerModel", bound=BaseModel)

MAX_ATTEMPTS = 3
FIRST_RETRY_WAIT = 0.5  # seconds before the second try, doubled before the third, with jitter on top


@dataclass(frozen=True)
class ModelAnswer(Generic[AnswerModel]):
    """A validated answer with its price.

    `model` is the name that the provider gave, `choice` whether it was asked as the first model or as the
    second. Tokens and US dollars are those of the request that was answered, None where the provider did not
    count or the model has no price; `seconds` includes tries that failed before it.
    """

    value: AnswerModel
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: Decimal | None
    seconds: float
    choice: Choice = "first"


@dataclass(frozen=True)
class _Question(Generic[AnswerModel]):
    instructions: str
    facts: str  # JSON
    answer_type: type[AnswerModel]
    check: Callable[[AnswerModel], None] | None
    keep: Callable[[Connection, ModelAnswer[AnswerModel]], None] | None
    trade_signal_id: str | None
    user_id: str | None
    seconds: float  # that it may take
    begun: float  # by the monotonic clock

    @property
    def deadline(self) -> float:
        """By the monotonic clock."""
        return self.begun + self.seconds

    def no_answer(self) -> str:
        """What is said when the time is up."""
        return f"no answer within {self.seconds:g} s"

    def size(self) -> int:
        """Bytes that the model reads."""
        schema = _schema_text(self.answer_type)
        return sum(len(part.encode()) for part in (self.instructions, self.facts, schema))


class LanguageModel:
    """An asynchronous client for one model; use it as `async with`.

    Whoever has questions asks by `ModelPair`, which knows what to do where this one fails. `timeout` bounds a
    whole question, however many tries it takes: three at most, of requests that may succeed later, with
    jittered waits that honour Retry-After, in all processes. Each try is entered in
    `llm_calls` under `purpose`, and is only made within the budget of its `choice`. Redirects are not
    followed: the facts go to nobody but the endpoint. When the credit is used up, nothing more is asked.
    `paired` says that there is another model: then nobody waits for this one, and it is left alone while it
    is down.

    Attributes:
        address: the endpoint's, without what may be secret; with `name` the key of `llm_endpoints`.
        name: the model's, as it is asked for.
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
        choice: Choice = "first",
        paired: bool = False,
    ) -> None:
        import openai

        self._openai = openai
        self.name = model_name
        self._timeout = timeout
        self._choice = choice
        self._paired = paired
        self._answer_tokens = settings.llm_answer_length
        self._unwrap = settings.llm_unwrap_answers
        self._secret = endpoint.secret
        self._ended: ModelUnavailableError | None = None
        self.address = _without_secrets(endpoint.base_url)
        self._ledger = Ledger(
            engine, settings, purpose, model_name, self.address, choice=choice, paired=paired
        )
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.secret or "none",  # local servers want none, the library wants one
            timeout=timeout.total_seconds(),
            max_retries=0,  # the library would also retry `insufficient_quota`, which never heals
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=timeout.total_seconds(), follow_redirects=False
            ),
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
        keep: Callable[[Connection, ModelAnswer[AnswerModel]], None] | None = None,
        within: float | None = None,
    ) -> ModelAnswer[AnswerModel]:
        """Ask once: `instructions` as the system message, `facts` as JSON, the answer in a strict schema.

        `check` may look at the answer and raise UnusableAnswerError; that outcome is then on the books.
        `keep` writes the answer, in the transaction that books it: a process that dies loses neither or both.
        It runs in another thread. The ids say in `llm_calls` what the call was about. `within` are the
        seconds that it may take, if that is less than `timeout`.

        Raises:
            ModelUnavailableError: the service failed, or the budget is spent (`budget_spent`), or a budget is
                set and the model has no price (`unpriced`), or it is left alone for a while (`paused`).
            UnusableAnswerError: the service works, this question got no usable answer.
        """
        seconds = self._timeout.total_seconds()
        question = _Question(
            instructions,
            json.dumps(facts, ensure_ascii=False, allow_nan=False),
            answer_type,
            check,
            keep,
            trade_signal_id,
            user_id,
            seconds if within is None else min(within, seconds),
            time.monotonic(),
        )
        failed: list[ModelUnavailableError] = []
        try:
            return await self._try_again(question, failed)
        except ModelUnavailableError as error:
            if not self._paired or not failed:
                raise
            if failed[-1].retry_after is None:  # else the service has said for how long
                await asyncio.to_thread(self._ledger.note_down, failed[-1])
            if failed[-1] is error:
                raise
            raise failed[-1] from error  # it was not asked again, for that it was left alone

    async def _try_again(
        self, question: _Question[AnswerModel], failed: list[ModelUnavailableError]
    ) -> ModelAnswer[AnswerModel]:
        """Try up to three times; requests that were made and failed are added to `failed`."""
        import stamina

        def worth_a_retry(error: Exception) -> bool | float:
            if not (isinstance(error, ModelUnavailableError) and error.transient):
                return False
            # How long a service wants to be left alone is kept by the books, before each try.
            return question.deadline - time.monotonic() > (error.retry_after or FIRST_RETRY_WAIT)

        async for attempt in stamina.retry_context(
            on=worth_a_retry,
            attempts=MAX_ATTEMPTS,
            timeout=None,
            wait_initial=FIRST_RETRY_WAIT,
            wait_max=20.0,
            wait_jitter=FIRST_RETRY_WAIT,
        ):
            with attempt:
                call_id = await self._reserve(question)
                try:
                    return await self._try(question, call_id)
                except ModelUnavailableError as error:
                    failed.append(error)
                    raise
        raise AssertionError("stamina either returns or raises")

    async def _try(self, question: _Question[AnswerModel], call_id: uuid.UUID) -> ModelAnswer[AnswerModel]:
        """Make one request, which is on the books, and enter there what became of it."""
        sent_at = time.monotonic()
        usage = Usage()
        try:
            try:
                # The library's own timeout bounds each read only.
                async with asyncio.timeout(question.deadline - sent_at):
                    content = await self._request(question)
            except TimeoutError as error:
                raise ModelUnavailableError(
                    "timeout", question.no_answer(), transient=True, billable=True
                ) from error
            usage = read_usage(content)
            value = self._read(content, question.answer_type, usage)
            if question.check:
                question.check(value)
        except ModelError as error:
            seconds = time.monotonic() - sent_at
            cost = await asyncio.to_thread(self._ledger.settle, call_id, usage, seconds, error=error)
            if isinstance(error, UnusableAnswerError):
                error.cost_usd = cost
            elif isinstance(error, ModelUnavailableError) and error.ends_all:
                self._ended = error
            raise
        ended = time.monotonic()
        answer = ModelAnswer(
            value=value,
            model=usage.model or self.name,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost_usd=None,
            seconds=ended - question.begun,
            choice=self._choice,
        )

        def keep(connection: Connection, cost: Decimal | None) -> None:
            if question.keep:
                question.keep(connection, replace(answer, cost_usd=cost))

        cost = await asyncio.to_thread(self._ledger.settle, call_id, usage, ended - sent_at, keep=keep)
        return replace(answer, cost_usd=cost)

    async def _reserve(self, question: _Question[AnswerModel]) -> uuid.UUID:
        """Enter the call, once the model may be asked."""
        while True:
            if self._ended:
                raise ModelUnavailableError(self._ended.outcome, self._ended.message, transient=False)
            left = question.deadline - time.monotonic()
            if left <= 0:  # the wait before this try was longer than what was left
                raise ModelUnavailableError("timeout", question.no_answer(), transient=False)
            try:
                return await asyncio.to_thread(
                    self._ledger.reserve,
                    question.size(),
                    self._timeout,
                    question.trade_signal_id,
                    question.user_id,
                    patience=timedelta(seconds=0 if self._paired else left),
                )
            except NotYetError as pause:
                wait = pause.seconds + random.uniform(0, FIRST_RETRY_WAIT)  # all who wait would ask at once
            await asyncio.sleep(wait)

    async def _request(self, question: _Question[AnswerModel]) -> bytes:
        """Send the question; give the body of the answer."""
        openai = self._openai
        try:
            response = await self._client.chat.completions.with_raw_response.parse(
                model=self.name,
                messages=[
                    {"role": "system", "content": question.instructions},
                    {"role": "user", "content": question.facts},
                ],
                response_format=question.answer_type,
                max_completion_tokens=self._answer_tokens,
            )
        except openai.APITimeoutError as error:
            message = question.no_answer()
            connected = not _never_connected(error)
            raise ModelUnavailableError("timeout", message, transient=True, billable=connected) from error
        except openai.APIStatusError as error:
            raise self._status_error(error.response) from error
        except openai.APIConnectionError as error:
            message = self._redact(f"no connection to the model: {error.__cause__ or error}")
            connected = not _never_connected(error)
            raise ModelUnavailableError("unreachable", message, transient=True, billable=connected) from error
        content: bytes = response.http_response.content
        return content

    def _read(self, content: bytes, answer_type: type[AnswerModel], usage: Usage) -> AnswerModel:
        """Read the answer in the body of a response with HTTP 200, which may also hold an error instead."""
        try:
            body = json.loads(content)
        except ValueError as error:
            said = read_fault(content).message[:200] or "nothing"
            raise self._garbled(f"it is no JSON, but: {said}") from error
        choices = body.get("choices") if isinstance(body, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        failed = not says_anything(choices) or (
            isinstance(choice, dict) and choice.get("finish_reason") == "error"
        )
        if failed and (fault := find_fault(choice) or find_fault(body)):
            failure = self._judged(None, fault)
            # An error in place of an answer costs nothing, unless it counts the tokens that it took.
            failure.billable = usage.prompt_tokens is not None
            raise failure
        if isinstance(choices, list) and not choices:
            raise UnusableAnswerError("invalid", "the answer holds no choice", alike="empty")
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise self._garbled(f"it holds no answer: {content[:200].decode('utf-8', 'replace')}")
        try:
            return read_choice(choice, answer_type, unwrap=self._unwrap, most=self._answer_tokens)
        except UnusableAnswerError as error:
            raise error.with_message(self._redact(error.message)) from error.__cause__

    def _garbled(self, message: str) -> ModelUnavailableError:
        message = self._redact(f"the endpoint's answer could not be read: {message}")
        return ModelUnavailableError("garbled", message, transient=True, billable=True)

    def _status_error(self, response: Any) -> ModelError:
        """What an answer with a failing status means; a redirect is one, too."""
        if 300 <= response.status_code < 400:
            place = _without_secrets(response.headers.get("location", "")) or "nowhere"
            message = f"HTTP {response.status_code}: the endpoint redirects to {place}, which is not followed"
            return ModelUnavailableError(
                f"http_{response.status_code}", self._redact(message), transient=False
            )
        error = self._judged(response.status_code, read_fault(response.content))
        if isinstance(error, ModelUnavailableError):
            error.retry_after = _retry_after(response.headers)
        return error

    def _judged(self, status: int | None, fault: ModelFault) -> ModelError:
        shown = status or fault.status()
        message = fault.message or "it says nothing"
        return judge(status, fault, self._redact(f"HTTP {shown}: {message}" if shown else message))

    def _redact(self, message: str) -> str:
        return redact(message, self._secret)[:MAX_MESSAGE_LENGTH]


@functools.cache
def _schema_text(answer_type: type[BaseModel]) -> str:
    return json.dumps(answer_type.model_json_schema())


def _never_connected(error: Exception) -> bool:
    import httpx2  # what `openai` speaks through

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read for how many seconds the service wants to be left alone: Retry-After, as a number or a date."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _without_secrets(address: str) -> str:
    """An address without the login and the query, which may hold a key."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/") if host else parts.path
