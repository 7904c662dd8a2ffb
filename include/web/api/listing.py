"""Lists: `limit`, `cursor` (keyset) and, for old clients, `offset`.

A cursor is the sort key of the last row shown, with the order it belongs to; the statement goes on behind it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from include.web.api.errors import wrong_parameter
from include.web.cursors import LONGEST_CURSOR, ForeignCursorError, read_cursor

MOST_ROWS = 100  # of a list
DEFAULT_ROWS = 25
MOST_SKIPPED = 1_000_000_000  # rows


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
        try:
            return read_cursor(self.cursor, order, parts)
        except ForeignCursorError as error:
            raise wrong_parameter("cursor", str(error)) from None


class PageQuery(BaseModel):
    """The parameters of a query that say which part of a list is asked for."""

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="rows at most")] = DEFAULT_ROWS
    offset: Annotated[int, Field(ge=0, le=MOST_SKIPPED, description="rows to skip; not with cursor")] = 0
    cursor: Annotated[
        str | None,
        Field(
            max_length=LONGEST_CURSOR,
            description="empty for the first page, then nextCursor of the page before",
        ),
    ] = None

    def page(self) -> Page:
        """The page that is meant. Raises ApiError (422) where it is named in two ways."""
        if self.cursor is not None and self.offset:
            raise wrong_parameter("offset", "cannot be used together with cursor")
        return Page(self.limit, self.offset, self.cursor)


def pagination(page: Page, *, total: int | None, more: bool, next_cursor: str | None) -> Mapping[str, Any]:
    """The part of an answer that says where in the list it is; `nextCursor` is null at the end.

    `total` is how many rows match in all, None when nobody counted.
    """
    return {
        "pagination": {"total": total, "limit": page.limit, "offset": page.offset, "hasMore": more},
        "nextCursor": next_cursor if more else None,
    }
