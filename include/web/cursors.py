"""Places in lists, as they travel in addresses: a sort key with the order that it belongs to."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from include.web.api.encoding import encode

LONGEST_CURSOR = 1000  # characters


class ForeignCursorError(ValueError):
    """A cursor that this list, in this order, did not give."""


def cursor_of(order: str, key: Sequence[Any]) -> str:
    """The cursor of a row with this sort key, whose last part must be unique; for `read_cursor`.

    Numbers travel as texts where they are Decimals, times as ISO 8601: cast them in the statement.
    """
    return base64.b64encode(encode([order, *key], exact=True), b"-_").decode()


def read_cursor(cursor: str, order: str, parts: int) -> list[Any]:
    """The sort key behind which a page begins.

    Args:
        cursor: as `cursor_of` gave it.
        order: what the list is sorted and filtered by, in any words; a cursor of another order is refused.
        parts: how many values the sort key has.

    Raises ForeignCursorError for a cursor that was not made by `cursor_of` for this order.
    """
    foreign = ForeignCursorError("is none that this list gave, in this order")
    try:
        key: list[Any]
        made_for, *key = orjson.loads(base64.b64decode(cursor, b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise foreign from None
    plain = all(one is None or isinstance(one, str | int | float) for one in key)
    texts = [one for one in key if isinstance(one, str)]
    if made_for != order or len(key) != parts or not plain or any("\x00" in one for one in texts):
        raise foreign
    return key


def place_cursor(order: str, at: datetime, *texts: object) -> str:
    """The cursor of a row that is sorted by a time and by texts behind it; for `read_place`."""
    return cursor_of(order, [at.isoformat(), *map(str, texts)])


def read_place(cursor: str, order: str, texts: int = 1) -> tuple[datetime, list[str]]:
    """The tz-aware time and the texts behind which a page begins; the arguments are those of `read_cursor`.

    Raises ForeignCursorError for a cursor that was not made by `place_cursor` for this order.
    """
    key = read_cursor(cursor, order, 1 + texts)
    if all(isinstance(one, str) for one in key):
        try:
            at = datetime.fromisoformat(key[0])
        except ValueError:
            pass
        else:
            if at.tzinfo is not None:
                return at, key[1:]
    raise ForeignCursorError("is none that this list gave")
