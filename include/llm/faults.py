"""What an endpoint's error means: every vendor wraps it in another way, some under HTTP 200.

Known are OpenAI's object, Gemini's list, FastAPI's `detail`, a text in `error` (LM Studio, Ollama), vLLM's
flat object, pages of HTML and plain text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from include.llm.errors import ModelError, ModelUnavailableError, UnusableAnswerError

# What a provider answers when no later try can help: no money, no key, no such model, another address.
FINAL_STATUSES = frozenset({*range(300, 400), 400, 401, 402, 403, 404, 405, 406, 410, 415, 422, 451, 501})
# What a provider says of one question, and not of the service: another question may well be answered.
REFUSED_QUESTIONS = {
    "content_filter": "content_filter",  # Azure filters the prompt with HTTP 400
    "content_policy_violation": "content_filter",
    "context_length_exceeded": "too_long",
    "string_above_max_length": "too_long",
    "exceed_context_size_error": "too_long",  # llama.cpp
    "request_too_large": "too_long",
}
# Statuses that are said as a word, where the status line says something else.
_STATUS_WORDS = {
    "invalid_argument": 400, "invalid_request_error": 400, "unauthenticated": 401,
    "authentication_error": 401, "invalid_api_key": 401, "permission_denied": 403, "permission_error": 403,
    "not_found": 404, "not_found_error": 404, "model_not_found": 404, "resource_exhausted": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429, "internal": 500, "api_error": 500, "server_error": 500, "unavailable": 503,
    "deadline_exceeded": 504, "overloaded_error": 529,
}  # fmt: skip
_NO_CREDIT_CODES = frozenset({
    "402", "insufficient_quota", "insufficient_balance", "insufficient_credits", "insufficient_funds",
    "billing_error", "billing_not_active", "billing_hard_limit_reached", "payment_required",
    "credits_exhausted", "out_of_credits", "arrearage", "accountoverdueerror",
})  # fmt: skip
_MONEY = r"(?:credits?|balance|funds)"
_LACK = (
    r"(?:insufficient|not enough|exhausted|depleted|used (?:up|all)|too low|ran out|run out|out of"
    r"|no (?:more |remaining )?|zero|negative|requires? more|need more|spent|lack)"
)
_NO_CREDIT = re.compile(
    rf"\b{_LACK}\b[^.]{{0,40}}\b{_MONEY}\b|\b{_MONEY}\b[^.]{{0,40}}\b{_LACK}\b"
    r"|\bpayment required\b|\binsufficient quota\b|\boverdue payment\b|\bin arrears\b|余额不足|欠费"
)
_TOO_LONG = re.compile(
    r"context (?:length|window|size|limit)|context_length|maximum model length"
    r"|(?:prompt|input|request|message)s? (?:is|are|was) too (?:long|large)"
    r"|input (?:length|tokens?)\b.{0,60}\b(?:exceed|larger|longer)|too many (?:input |prompt )?tokens"
    r"|(?:exceed|longer than|larger than|greater than|over).{0,60}"
    r"\b(?:maximum|max|limit|allowed|available).{0,30}\btokens?\b"
    r"|tokens? too long|\binput length should be\b|reduce the length"
    r"|tokens \+ `?max_new_tokens|maximum (?:prompt|input) length",
    re.DOTALL,
)
_SCHEMA = re.compile(
    r"response_format|response_schema|responseschema|json_schema|additionalproperties|guided_json"
    r"|structured output|invalid schema|unknown name"
)
_WORD_KEYS = (
    "message", "msg", "detail", "error", "errors", "error_message", "error_msg", "error_description",
    "description", "reason", "title", "status_msg",
)  # fmt: skip
_SAID_KEYS = ("message", "msg", "error_message", "error_msg", "status_msg")  # of what failed, if no answer
_CODE_KEYS = (
    "code",
    "type",
    "status",
    "reason",
    "error_code",
    "errorcode",
    "status_code",
    "statuscode",
    "error_type",
)
_DEEPEST, _MOST_PARTS = 6, 200
MAX_FAULT_LENGTH = 20_000  # characters of an answer that are looked at for its words
MAX_MESSAGE_LENGTH = 500


@dataclass(frozen=True)
class ModelFault:
    """An error that a body tells: its message, its codes in lower case, the status that it names, if any."""

    message: str
    codes: frozenset[str] = frozenset()
    param: str = ""

    def status(self) -> int | None:
        """The HTTP status that the body names, as a number or as a word."""
        for code in sorted(self.codes):
            if re.fullmatch(r"[345]\d\d", code):
                return int(code)
        return next((_STATUS_WORDS[code] for code in sorted(self.codes) if code in _STATUS_WORDS), None)


def read_fault(content: bytes) -> ModelFault:
    """Read the error that is the whole body of an answer."""
    text = content[: 4 * MAX_FAULT_LENGTH].decode("utf-8", "replace")[:MAX_FAULT_LENGTH].strip()
    try:
        body = json.loads(content)
    except ValueError:
        return ModelFault(_plain(text))
    return find_fault(body) or _fault_of(body) or ModelFault(_plain(text))


def find_fault(body: Any) -> ModelFault | None:
    """Find the error in a body that may be an answer: `error`, `errors` or `detail` that say something."""
    if isinstance(body, list):
        return next((fault for part in body[:5] if (fault := find_fault(part))), None)
    if not isinstance(body, Mapping):
        return None
    for key in ("error", "errors", "detail"):
        if body.get(key):
            # What stands beside it counts as well: `{"error": "no", "code": 402}`.
            beside = {
                name: value for name, value in body.items() if name in (*_CODE_KEYS, "message", "param")
            }
            return _fault_of([body[key], beside])
    if body.get("object") == "error" or body.get("type") == "error" or body.get("success") is False:
        return _fault_of(body)
    if body.get("choices"):
        return None
    parts = [body, *(part for part in body.values() if isinstance(part, Mapping))]  # MiniMax: `base_resp`
    said = [part for part in parts if any(isinstance(part.get(key), str) and part[key] for key in _SAID_KEYS)]
    return _fault_of(said) if said else None


def _fault_of(part: Any) -> ModelFault | None:
    messages: list[str] = list(dict.fromkeys(word for word in _messages(part, 0) if word))
    codes, params = set(), []
    for number, (key, value) in enumerate(_leaves(part, 0)):
        if number >= _MOST_PARTS:
            break
        if key in _CODE_KEYS and isinstance(value, str | int) and not isinstance(value, bool):
            codes.add(str(value).lower())
        if key == "param" and isinstance(value, str):
            params.append(value)
    if not messages and not codes:
        return None
    return ModelFault(
        "; ".join(messages) or ", ".join(sorted(codes)), frozenset(codes), params[0] if params else ""
    )


def _messages(part: Any, depth: int) -> Iterator[str]:
    """Give what a part of a body says to people."""
    if isinstance(part, str):
        yield _plain(part)
    elif depth >= _DEEPEST:
        return
    elif isinstance(part, list):
        for each in part[:10]:
            yield from _messages(each, depth + 1)
    elif isinstance(part, Mapping):
        said = [word for key in _WORD_KEYS if part.get(key) for word in _messages(part[key], depth + 1)]
        where = part.get("loc")
        if said and isinstance(where, list):  # FastAPI: which field of the request
            yield f"{'.'.join(map(str, where[:6]))}: {said[0]}"
        else:
            yield from said


def _leaves(part: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth >= _DEEPEST:
        return
    if isinstance(part, list):
        for each in part[:10]:
            yield from _leaves(each, depth + 1)
    elif isinstance(part, Mapping):
        for key, value in part.items():
            if isinstance(value, list | Mapping):
                yield from _leaves(value, depth + 1)
            else:
                yield str(key).lower(), value


def _plain(text: str) -> str:
    """The words of a text, also of a page of HTML."""
    text = text[:MAX_FAULT_LENGTH]
    if re.search(r"<(?:!doctype|html|head|body|title|h1)\b", text[:2000], re.IGNORECASE):
        text = re.sub(r"(?is)<(script|style)\b[^>]*>.*?(?:</\1>|\Z)", " ", text)
        text = html.unescape(re.sub(r"<[^<>]*>", " ", text))
    return " ".join(text.split())


def judge(status: int | None, fault: ModelFault, message: str) -> ModelError:
    """Tell what an error means for this question and for the next ones.

    `status` is that of the answer, None where that says nothing (200); then the body's own counts. `message`
    is the fault's, fit for the books.
    """
    said = fault.message.lower()
    inner = fault.status()
    code = status or inner
    if code == 402 or not fault.codes.isdisjoint(_NO_CREDIT_CODES) or _NO_CREDIT.search(said):
        outcome = "http_402" if code == 402 else "insufficient_quota"
        return ModelUnavailableError(outcome, message, transient=False, ends_all=True)
    refused = next(
        (REFUSED_QUESTIONS[each] for each in sorted(fault.codes) if each in REFUSED_QUESTIONS), None
    )
    if not refused and (code == 413 or (code in (None, 400, 422, 500) and _TOO_LONG.search(said))):
        refused = "too_long"
    if refused:
        return UnusableAnswerError(refused, message, final=True, billable=False, alike=refused)
    names_schema = code in (None, 400, 422) and _SCHEMA.search(said)
    if "invalid_json_schema" in fault.codes or fault.param.startswith("response_format") or names_schema:
        return ModelUnavailableError("schema_refused", message, transient=False)
    if code is None:
        return ModelUnavailableError("error_in_answer", message, transient=True)
    return ModelUnavailableError(f"http_{code}", message, transient=code not in FINAL_STATUSES)
