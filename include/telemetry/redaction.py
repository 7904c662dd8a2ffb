"""Keeps secrets and personal data out of logs, errors and stored rows.

Three kinds of rule, from the surest to the most careful:

- values that the caller knows to be secret (`redact(text, key)`);
- values under a telling name: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`, `?key=…`;
- values with a telling shape: URLs with a password, JWTs, key prefixes, private keys, emails, card numbers
  (checked by issuer, length and Luhn's sum), phone numbers (`+` and a country, or 212-555-0123).

A bare `key` counts as a secret in a URL's query only: elsewhere it is the commonest harmless name there is.
Every expression runs in linear time: a repetition either consumes what it scans, or starts only at the
beginning of a word, or is bounded.
"""

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, overload
from urllib.parse import quote, quote_plus
from uuid import UUID

from include.telemetry.secret_names import Tells, is_secret, what_tells
from include.telemetry.secret_shapes import MASK, mask_private_keys, mask_tokens
from include.telemetry.secret_text import mask_named
from include.telemetry.secret_urls import mask_urls

SHORTEST_SECRET = 4  # masking every "a" because a key is "a" would hide nothing and spoil everything

_PLAIN = (int, float, complex, Decimal, UUID, date, time, timedelta, type(None))  # bool and datetime included

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")
_CARD = re.compile(
    r"(?<![\w.+-])(?:"
    r"\d{4}(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7}"  # 4-4-4-4, and 13 to 19 digits in one run
    r"|3\d{3}(?P<gap2>[ -]?)\d{6}(?P=gap2)\d{4,5}"  # American Express, Diners Club
    r")(?![\w-]|\.\d)"
)
# Issuer ranges and lengths (ISO/IEC 7812): Visa, Mastercard, American Express, Diners, Discover, JCB,
# UnionPay.
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|62\d{14,17}"
)
_PHONE = re.compile(
    r"(?<![\w.+/-])(?:"
    r"\+[1-9](?:[ ()-]{0,2}\d){9,14}"  # E.164: at most 15 digits
    r"|\(\d{3}\) ?\d{3}[ -]\d{4}|\d{3}-\d{3}-\d{4}"
    r")(?![\w%-]|[.,]\d)"
)


@overload
def redact(value: str, *secrets: str | None) -> str: ...
@overload
def redact(value: Mapping[str, Any], *secrets: str | None) -> dict[str, Any]: ...
@overload
def redact(value: object, *secrets: str | None) -> Any: ...
def redact(value: object, *secrets: str | None) -> Any:
    """Return `value` without secrets and personal data; it is not changed itself.

    A text comes back as text, a mapping as a dict, a sequence or set as a list, all cleaned inside; in a
    mapping, what stands under a telling name is masked whole. Numbers, dates, UUIDs and None come back as
    they are. Anything else comes back as its cleaned `repr`, since that is what a log would have shown.
    Whatever comes in, no exception comes out.

    Args:
        value: what is about to be logged, stored or shown.
        secrets: values known to be secret, masked also in their URL-encoded forms; None is ignored.
    """
    return _redact(value, _forms(secrets), {})


class RedactingFilter(logging.Filter):
    """A filter for standard loggers and handlers that cleans each record, its traceback included.

    On a logger it sees that logger's own records only, on a handler all that pass through. Secrets that it
    has learnt are masked wherever they stand.
    """

    def __init__(self) -> None:
        super().__init__()
        self._secrets: frozenset[str] = frozenset()

    def learn(self, secret: str | None) -> None:
        """Mask this value from now on."""
        self._secrets |= {secret} if secret else set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place and keep it."""
        text = message_of(record)
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
            record.exc_info = record.exc_text = None
        if record.stack_info:
            text += "\n" + record.stack_info
            record.stack_info = None
        cleaned = redact(text, *self._secrets)
        # Half characters, as in names of files, cannot be written to a stream.
        record.msg, record.args = cleaned.encode("utf-8", "backslashreplace").decode(), None
        return True


def message_of(record: logging.LogRecord) -> str:
    """A record's message; arguments that do not fit it are shown beside it. Not redacted yet."""
    for show in (record.getMessage, lambda: f"{record.msg!r} with arguments {record.args!r}"):
        with contextlib.suppress(Exception):  # logging itself would print them raw, and lose the record
            return show()
    return f"a message of {record.name} that cannot be shown"


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """A structlog processor: the last one before the renderer, after `format_exc_info`."""
    cleaned: dict[str, Any] = redact(event)
    return cleaned


_Seen = dict[int, tuple[object, Any]]


def _redact(value: object, secrets: tuple[str, ...], seen: _Seen) -> Any:
    if isinstance(value, str):
        return _redact_text(value, secrets)
    if isinstance(value, _PLAIN):
        return value
    if id(value) in seen:  # shared, or its own member: once is enough
        return seen[id(value)][1]
    seen[id(value)] = value, "<seen above>"
    try:
        if isinstance(value, Mapping):
            named = value.get("name", value.get("key"))  # {"name": "DB_PASSWORD", "value": "…"}
            cleaned: Any = {
                _redact_key(key, secrets): MASK
                if _is_telling(named if key == "value" else key, inner)
                else _redact(inner, secrets, seen)
                for key, inner in value.items()
            }
        elif isinstance(value, list | tuple | AbstractSet):
            cleaned = _redact_items(value, secrets, seen)
        elif isinstance(value, bytes | bytearray):
            cleaned = _redact_text(value.decode("utf-8", "replace"), secrets)
        else:
            cleaned = _redact_text(repr(value), secrets)
    except Exception as error:  # a broken __repr__ or a bottomless nesting must not break the one who logs
        cleaned = f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
    seen[id(value)] = value, cleaned
    return cleaned


def _redact_items(items: Iterable[object], secrets: tuple[str, ...], seen: _Seen) -> list[Any]:
    """The members of a list; what follows a telling option, or makes a pair with a name, is masked."""
    cleaned: list[Any] = []
    members = list(items)
    before: str | None = None
    for member in members:
        hidden = before is not None and isinstance(member, str | bytes) and _is_telling(before, member)
        cleaned.append(MASK if hidden else _redact(member, secrets, seen))
        name = member.decode("utf-8", "replace") if isinstance(member, bytes) else member
        is_name = isinstance(name, str) and (name.startswith("-") or (len(members) == 2 and not cleaned[1:]))
        before = name.lstrip("-") if isinstance(name, str) and is_name else None
    return cleaned


def _redact_key(key: object, secrets: tuple[str, ...]) -> Any:
    if isinstance(key, _PLAIN):
        return key
    return _redact_text(key if isinstance(key, str) else repr(key), secrets)


def _is_telling(key: object, value: object) -> bool:
    """Whether all that stands under this key is a secret."""
    if value is None or value is True or value is False or value == "":
        return False
    tells = what_tells(key) if isinstance(key, str) else Tells.NOTHING
    if isinstance(value, bytes | bytearray):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return tells is not Tells.NOTHING and is_secret(value, tells, quoted=True)
    is_number = isinstance(value, int | float)
    return (
        (tells is Tells.SURELY or (tells is Tells.LIKELY and not is_number)) and value != [] and value != {}
    )


def _redact_text(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    text = mask_private_keys(text)
    text = mask_urls(text)
    text = mask_named(text)
    text = mask_tokens(text)
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    text = _CARD.sub(_mask_card, text)
    return _PHONE.sub(MASK, text)


def _mask_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    if _ISSUER.fullmatch(digits) is None:
        return match[0]
    # Luhn: every second digit from the right counts double, less 9 when that exceeds 9
    total = sum(int(digit) for digit in digits[-1::-2])
    total += sum(int(digit) * 2 - (9 if digit > "4" else 0) for digit in digits[-2::-2])
    return MASK if total % 10 == 0 else match[0]


def _forms(secrets: tuple[str | None, ...]) -> tuple[str, ...]:
    """Each secret as it is and as a URL shows it, the longest first."""
    known = {
        form
        for secret in secrets
        if secret and len(secret) >= SHORTEST_SECRET
        for form in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
    }
    return tuple(sorted(known, key=len, reverse=True))
