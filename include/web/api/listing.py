"""Lists: `limit`, `cursor` (keyset) and, for old clients, `offset`.

A cursor is the sort key of the last row shown, with the order it belongs to; the statement goes on behind it.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query

from include.web.api.encoding import encode
from include.web.api.errors import wrong_parameter

MOST_ROWS = 100  # of a list
DEFAULT_ROWS = 25
MOST_SKIPPED = 1_000_000_000  # rows
LONGEST_CURSOR = 1000  # characters


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for. With `cursor` None the list is paged by `offset`."""

    limit: int
    offset: int
    cursor: str | None

    def behind(self, order: str, parts: int) -> list[Any] | None:
        """The sort key behind which the page begins; None at the beginning.

        Args:
            order: what the list is sorted and filtered by, in any words; that of another is refused.
            parts: how many values the sort key has.

        Raises ApiError (422) for a cursor that was not made by `cursor_of` for this order.
        """
        if not self.cursor:
            return None
        foreign = wrong_parameter("cursor", "is none that this list gave, in this order")
        try:
            key: list[Any]
            made_for, *key = orjson.loads(base64.b64decode(self.cursor, b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise foreign from None
        plain = all(one is None or isinstance(one, str | int | float) for one in key)
        texts = [one for one in key if isinstance(one, str)]
        if made_for != order or len(key) != parts or not plain or any("\x00" in one for one in texts):
            raise foreign
        return key


def cursor_of(order: str, key: Sequence[Any]) -> str:
    """The cursor of a row with this sort key, whose last part must be unique; for `Page.behind`.

    Numbers travel as texts where they are Decimals, times as ISO 8601: cast them in the statement.
    """
    return base64.b64encode(encode([order, *key], exact=True), b"-_").decode()


async def _page(
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows at most")] = DEFAULT_ROWS,
    offset: Annotated[int, Query(ge=0, le=MOST_SKIPPED, description="rows to skip; not with cursor")] = 0,
    cursor: Annotated[
        str | None,
        Query(
            max_length=LONGEST_CURSOR,
            description="empty for the first page, then nextCursor of the page before",
        ),
    ] = None,
) -> Page:
    if cursor is not None and offset:
        raise wrong_parameter("offset", "cannot be used together with cursor")
    return Page(limit, offset, cursor)


# What a route asks for: `def list_trades(page: PageDep) -> …`
PageDep = Annotated[Page, Depends(_page)]


def pagination(page: Page, *, total: int | None, more: bool, next_cursor: str | None) -> Mapping[str, Any]:
    """The part of an answer that says where in the list it is; `nextCursor` is null at the end.

    `total` is how many rows match in all, None when nobody counted.
    """
    return {
        "pagination": {"total": total, "limit": page.limit, "offset": page.offset, "hasMore": more},
        "nextCursor": next_cursor if more else None,
    }
