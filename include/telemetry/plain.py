"""Any value as valid JSON: what a log or a row is about to hold, whatever a caller put into it."""

import json
import math
from collections.abc import Mapping
from typing import Any

LONGEST_NUMBER = 10_000  # bits of a whole number that is written out; Python refuses to write longer ones
_CONSTANTS = {None: "null", True: "true", False: "false"}


def json_text(value: object) -> str:
    """Write a value as JSON that every reader takes: no NaN, keys of any type as text, no half characters."""
    try:
        text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)
    except RecursionError:
        text = json.dumps({"unreadable": f"a {type(value).__name__} that is nested too deeply"})
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: object) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return (
            int(value) if value.bit_length() <= LONGEST_NUMBER else f"a number of {value.bit_length()} bits"
        )
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else json.dumps(float(value))  # "NaN", "-Infinity"
    if isinstance(value, Mapping):
        return {_key(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return str(value)


def _key(key: object) -> str:
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, bool):
        return _CONSTANTS[key]
    return str(_plain(key))
