"""One client for language models behind an OpenAI-compatible endpoint: facts in, a checked answer out.

The endpoint may be OpenAI, Gemini's compatible address, a local server or the sandbox. `openai` takes over
two seconds to import, so it is imported where a client is made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

from include.settings import Endpoint
from include.telemetry import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai.types.chat import ParsedChatCompletion

AnswerModel = TypeVar("AnswerModel", bound=BaseModel)

ATTEMPTS = 3
WAIT = 0.5  # seconds before the second try, doubled before the third, with jitter on top
# What a provider answers when no later try can help: no money, no key, no such model, a schema it refuses.
FINAL_STATUSES = frozenset({400, 401, 402, 403, 404, 405, 413, 422})


class ModelError(Exception):
    """The model gave no usable answer. `outcome` is one word for statistics, the text is for people."""

    def __init__(self, outcome: str, words: str) -> None:
        super().__init__(f"{outcome}: {words}")
        self.outcome = outcome


class ModelUnavailable(ModelError):
    """The service failed, whatever was asked: no connection, no money, a wrong key, an overload.

    `passing` says whether another try in a moment may help.
    """

    def __init__(self, outcome: str, words: str, *, passing: bool) -> None:
        super().__init__(outcome, words)
        self.passing = passing


class AnswerUnusable(ModelError):
    """The service works, but this question got no usable answer: refused, filtered, cut off or invalid.

    `final` says that asking the same again is pointless.
    """

    def __init__(self, outcome: str, words: str, *, final: bool = False) -> None:
        super().__init__(outcome, words)
        self.final = final


@dataclass(frozen=True)
class Answer(Generic[AnswerModel]):
    """A validated answer with what it cost in tokens."""

    value: AnswerModel
    model: str
    prompt_tokens: int
    completion_tokens: int


class LanguageModel:
    """An asynchronous client for one model; use it as `async with`.

    `timeout` bounds one request; a request that may succeed later is tried three times in all, with jittered
    waits that honour Retry-After.
    """

    def __init__(self, endpoint: Endpoint, model: str, *, timeout: timedelta) -> None:
        import openai

        self._openai = openai
        self._model = model
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
        self, instructions: str, facts: Mapping[str, Any], answer_type: type[AnswerModel]
    ) -> Answer[AnswerModel]:
        """Ask once: `instructions` as the system message, `facts` as JSON, the answer in a strict schema.

        Raises ModelUnavailable or AnswerUnusable.
        """
        import stamina

        def worth_a_retry(error: Exception) -> bool | float:
            if not (isinstance(error, ModelUnavailable) and error.passing):
                return False
            return _retry_after(error.__cause__) or True

        async for attempt in stamina.retry_context(
            on=worth_a_retry,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=WAIT,
            wait_max=20.0,
            wait_jitter=WAIT,
        ):
            with attempt:
                return await self._ask_once(instructions, facts, answer_type)
        raise AssertionError("stamina either returns or raises")

    async def _ask_once(
        self, instructions: str, facts: Mapping[str, Any], answer_type: type[AnswerModel]
    ) -> Answer[AnswerModel]:
        try:
            completion = await self._client.chat.completions.parse(
                model=self._model,
                messages=[
                    {"role": "system", "content": instructions},
                    {"role": "user", "content": json.dumps(facts, ensure_ascii=False, allow_nan=False)},
                ],
                response_format=answer_type,
            )
        except self._openai.LengthFinishReasonError as error:
            raise AnswerUnusable("length", "the answer was cut off at the token limit") from error
        except self._openai.ContentFilterFinishReasonError as error:
            raise AnswerUnusable("content_filter", "the provider filtered the answer", final=True) from error
        except ValidationError as error:
            raise AnswerUnusable("invalid", _first_fault(error)) from error
        except self._openai.APITimeoutError as error:
            raise ModelUnavailable("timeout", "the model did not answer in time", passing=True) from error
        except self._openai.APIStatusError as error:
            raise _status_error(error.status_code, error.body, error) from error
        except self._openai.APIConnectionError as error:
            words = redact(f"no connection to the model: {error}")
            raise ModelUnavailable("unreachable", words, passing=True) from error
        except (self._openai.APIError, ValueError, AttributeError, TypeError) as error:
            # The library hands a page of HTML, or JSON of another shape, to its parser, which trips over it.
            words = redact(f"the endpoint's answer could not be read: {error}")
            raise ModelUnavailable("garbled", words[:500], passing=True) from error
        return _read(completion)


def _read(completion: ParsedChatCompletion[AnswerModel]) -> Answer[AnswerModel]:
    if not completion.choices:
        raise AnswerUnusable("invalid", "the answer holds no choice")
    message = completion.choices[0].message
    if message.refusal:
        raise AnswerUnusable("refusal", redact(message.refusal)[:500], final=True)
    if message.parsed is None:
        raise AnswerUnusable("invalid", "the answer is empty")
    usage = completion.usage
    return Answer(
        value=message.parsed,
        model=completion.model,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
    )


def _status_error(status: int, body: object, cause: Exception) -> ModelUnavailable:
    code = body.get("code") if isinstance(body, dict) else None
    words = redact(f"HTTP {status}: {body.get('message') if isinstance(body, dict) else cause}")[:500]
    if code == "insufficient_quota":
        return ModelUnavailable("insufficient_quota", words, passing=False)
    return ModelUnavailable(f"http_{status}", words, passing=status not in FINAL_STATUSES)


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
