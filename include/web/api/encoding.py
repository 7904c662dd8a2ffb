"""JSON without loss: a Decimal is written digit by digit, never by way of a float."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
from starlette.responses import Response

from include.json_rows import camel_case
from include.strange_times import StrangeDate, StrangeTime

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def encode(content: Any, *, exact: bool = False) -> bytes:
    """Write JSON: Decimals as numbers with all their digits, or with `exact` as strings; times with Z.

    What JSON has no number for (NaN, infinity) and times that no calendar of a client holds (infinity, the
    year 12026) are null. Times must have a time zone.
    """
    return orjson.dumps(content, _as_text if exact else _as_number, OPTIONS)


def _as_number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode()) if value.is_finite() else None
    return _other(value)


def _as_text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    return _other(value)


def _other(value: Any) -> Any:
    if isinstance(value, StrangeTime | StrangeDate):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def camel_keys(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the database, with the names that the API has for its columns."""
    return {camel_case(name): value for name, value in row.items()}


class JsonAnswer(Response):
    """An answer `{"success": true, …}`."""

    media_type = "application/json"

    def __init__(
        self,
        content: Mapping[str, Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        exact: bool = False,
    ) -> None:
        super().__init__(encode({"success": True, **content}, exact=exact), status_code, headers)
