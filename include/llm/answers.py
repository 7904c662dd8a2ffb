"""Reading a chat completion: the tokens that it counts, and the answer in it, held against its schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from include.database import storable
from include.llm.errors import UnusableAnswerError
from include.llm.ledger import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

AnswerModel = TypeVar("AnswerModel", bound=BaseModel)

MARKDOWN_FENCE = re.compile(r"\A(```|~~~)[\w-]*\s*(.*)\1\Z", re.DOTALL)
# What a model thought before it answered. Some templates put the opening tag into the prompt.
THOUGHTS_END = re.compile(r"</(?:think|thinking|thought|reasoning)>\s*")
_THINKING = ("reasoning_content", "reasoning", "thinking")
_QUOTED = 60  # characters of an answer that its reason quotes


def read_usage(content: bytes) -> Usage:
    """Read who answered and the tokens from an answer's JSON, as far as it says so.

    Gemini's compatible endpoint leaves the thinking out of `completion_tokens` but not out of `total_tokens`,
    and bills it as completion: the larger figure counts. A zero beside an answer was not counted: no question
    and no answer takes no tokens.
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
    if completion == 0 and says_anything(body.get("choices")):
        completion = None
    return Usage(storable(model[:200]) if isinstance(model, str) else None, prompt or None, completion)


def says_anything(choices: object) -> bool:
    """Whether a completion holds words of the model: an answer, a refusal or thoughts."""
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    return isinstance(message, dict) and any(message.get(key) for key in ("content", "refusal", *_THINKING))


def _whole(value: object) -> int | None:
    sound = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return int(str(value)) if sound else None


def read_choice(
    choice: Mapping[str, Any], answer_type: type[AnswerModel], *, unwrap: bool, most: int
) -> AnswerModel:
    """Read the answer in a choice of a completion.

    Args:
        unwrap: whether JSON is taken out of a Markdown fence, or from behind the model's thinking.
        most: tokens that the answer was allowed.

    Raises:
        UnusableAnswerError: there is none, or it does not fit its schema. `alike` says which kind that is.
    """
    message = choice["message"]
    content, refusal = message.get("content"), message.get("refusal")
    if choice.get("finish_reason") == "length":
        message = f"the answer was cut off at {most} tokens (llm_answer_length)"
        if not content:
            message += ", all of them thinking"
        raise UnusableAnswerError("length", message, alike="length")
    if choice.get("finish_reason") == "content_filter":
        raise UnusableAnswerError(
            "content_filter", "the provider filtered the answer", final=True, alike="content_filter"
        )
    if refusal:
        raise UnusableAnswerError("refusal", str(refusal), final=True, alike="refusal")
    if content is not None and not isinstance(content, str):
        raise UnusableAnswerError("invalid", "the content of the answer is no text", alike="no text")
    text = (content or "").strip().removeprefix("\ufeff").strip()
    if not text:
        thought = any(message.get(key) for key in _THINKING)
        instead = (
            ", but for its thinking" if thought else ": it calls a tool" if message.get("tool_calls") else ""
        )
        raise UnusableAnswerError("invalid", f"the answer is empty{instead}", alike="empty")
    answer, wrapped = _unwrapped(text)
    if wrapped and not unwrap:
        message = f"the answer is JSON {wrapped}; llm_unwrap_answers takes it out"
        raise UnusableAnswerError("invalid", message, alike=wrapped)
    try:
        return answer_type.model_validate_json(answer)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "JSON"
        message = f"the answer does not fit the schema: {where}: {fault['msg']}"
        if fault["type"] != "json_invalid":
            raise UnusableAnswerError("invalid", message, alike="schema") from error
        raise UnusableAnswerError(
            "invalid", f"{message}; it begins with {text[:_QUOTED]!r}", alike="no JSON"
        ) from error


def _unwrapped(text: str) -> tuple[str, str]:
    """Give the JSON in a text without what is wrapped around it, and say in words what that was.

    Only what wraps the whole of it: words of the model before or behind it may take the answer back.
    """
    wrapped = ""
    if not text.startswith(("{", "[", '"', "```", "~~~")) and (end := THOUGHTS_END.search(text)):
        text, wrapped = text[end.end() :], "behind thinking"
    if match := MARKDOWN_FENCE.match(text):
        text, wrapped = match[2].strip(), f"{wrapped} in a Markdown fence".strip()
    return text, wrapped
