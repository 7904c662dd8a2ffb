"""From an HTTP answer to its JSON, or to the error that fits."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from include.http.errors import (
    BadAnswerError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
)
from include.http.service import Service, VendorFault

_NOT_JSON = object()
_LONGEST_EXCERPT = 200
_LONGEST_PAGE = (
    8_000  # bytes of a page that are looked at: some have a screenful of styles before their words
)
_LONGEST_PAUSE = 1e9  # seconds; what is longer than 30 years is a typing error


def read_answer(
    service: Service, status: int, headers: Mapping[str, str], body: bytes, *, as_text: bool = False
) -> object:
    """Return the parsed JSON of a successful answer, or its text.

    Args:
        service: who answered.
        status: the HTTP status.
        headers: by lower-case name, as httpx.Headers have them.
        body: the whole body, unpacked.
        as_text: the answer is text; what it says it is does not matter.

    Raises:
        ServiceError: of the kind that fits. Its message is not redacted yet: it quotes the answer.
    """
    if 300 <= status < 400:
        target = headers.get("location", "nowhere")
        raise RequestRefusedError(
            service.name, f"answered {status}, a redirect to {target} (not followed)", status
        )
    payload = _parse(body)
    fault = service.find_fault(_text(body) if payload is _NOT_JSON else payload)
    if fault is not None:
        raise _as_error(service, status, headers, fault, transient=True)
    if status >= 400:
        fault = VendorFault(_kind_of(status), _message_of(payload) or _excerpt(body) or "an empty body")
        raise _as_error(service, status, headers, fault, transient=status in service.retry.statuses)
    if as_text:
        return body.decode("utf-8", "replace")
    _check_type(service, status, headers, body)
    if payload is _NOT_JSON:
        said = f"no valid JSON ({len(body)} bytes): {_excerpt(body)}" if body else "an empty body"
        raise BadAnswerError(
            service.name, f"answered {status} with {said}", status, transient=True, may_have_run=True
        )
    return payload


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for: a number, or a date, read against the server's own clock."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return min(float(text), _LONGEST_PAUSE)
    until = parse_date(text)
    if until is None:
        return None
    now = parse_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max(0.0, (until - now).total_seconds()), _LONGEST_PAUSE)


def dig(answer: Any, *names: str) -> Any:
    """Follow names into objects of parsed JSON; None where they do not lead on."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def parse_date(text: str) -> datetime | None:
    """Read a date as headers have it, tz-aware; None for what is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # no JSON, no text, or nested beyond all reason
        return _NOT_JSON


def _refuse_constant(name: str) -> None:
    # Python reads NaN and Infinity, which are no JSON; as prices they would spread silently.
    raise ValueError(name)


def _kind_of(status: int) -> type[RateLimitedError | RequestRefusedError | ServiceUnavailableError]:
    if status == 429:
        return RateLimitedError
    return ServiceUnavailableError if status >= 500 or status in (408, 425) else RequestRefusedError


def _as_error(
    service: Service, status: int, headers: Mapping[str, str], fault: VendorFault, *, transient: bool
) -> ServiceError:
    message = f"answered {status}: {fault.message}"
    least = service.pauses.get(status)
    if fault.kind is RequestRefusedError:
        return RequestRefusedError(service.name, message, status, retry_after=least or fault.wait)
    pause = retry_after(headers)
    if pause is None:
        pause = fault.wait
    return fault.kind(
        service.name,
        message,
        status,
        retry_after=pause if least is None else max(least, pause or 0.0),
        transient=transient,
        may_have_run=fault.kind is ServiceUnavailableError,
    )


def _check_type(service: Service, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse what calls itself HTML or the like. Plain text and no type get the benefit of the doubt."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and "json" not in kind and kind != "text/plain":
        message = f"answered {status} with {kind} instead of JSON: {_excerpt(body) or 'an empty body'}"
        raise BadAnswerError(service.name, message, status, may_have_run=True)


def _message_of(payload: object, depth: int = 0) -> str | None:
    """The message of an error body, wherever vendors put it."""
    if isinstance(payload, str):
        return payload[:_LONGEST_EXCERPT] or None
    if isinstance(payload, list):
        payload = {"error": payload[0]} if payload else None
    if not isinstance(payload, dict) or depth > 5:
        return None
    for name in ("error_message", "message", "detail", "error", "errors", "status"):
        if message := _message_of(payload.get(name), depth + 1):
            return message
    return None


def _excerpt(body: bytes) -> str:
    """The beginning of a body as one line without tags."""
    return _text(body)[:_LONGEST_EXCERPT]


def _text(body: bytes) -> str:
    """What the beginning of a page of HTML shows, as one line: without styles, scripts and tags."""
    text = body[:_LONGEST_PAGE].decode("utf-8", "replace")
    text = re.sub(r"<(style|script)\b.*?(</\1\s*>|\Z)", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"<[^<>]*>", " ", text)
    text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split())
