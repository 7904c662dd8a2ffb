"""Which trades a request means: the filter that lists and exports share, and whose rows are shown."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema

from include.settings import Timeframe
from include.trades.selection import Status, TradeSelection
from include.web.api.caller import Caller
from include.web.api.errors import ApiError, wrong_parameter

MICROSECOND = timedelta(microseconds=1)


def _first_moment(value: Any) -> datetime:
    return _read(value, timedelta(0), timedelta(0))


def _first_moment_after(value: Any) -> datetime:
    return _read(value, timedelta(days=1), MICROSECOND)


def _end_of_window(value: Any) -> datetime:
    return _read(value, timedelta(days=1), timedelta(0))


def _read(value: Any, of_day: timedelta, of_time: timedelta) -> datetime:
    """Read a day or a time (UTC where it names no zone), and give the moment so long after its beginning."""
    words = "write a day (2026-11-20) or a time (2026-11-20T08:30:00Z; a + in the address is %2B)"
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
        if len(str(value)) <= len("2026-11-20"):
            return datetime.combine(moment.date(), time(), UTC) + of_day
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return aware + of_time
    except (ValueError, OverflowError):
        raise ValueError(words) from None


_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
)
Start = Annotated[datetime, PlainValidator(_first_moment), _SCHEMA]
# The end is meant to be included: the day is, to its end, and so is the very time.
End = Annotated[datetime, PlainValidator(_first_moment_after), _SCHEMA]
# Of open times: the day is included, the very time is the first that is not.
WindowEnd = Annotated[datetime, PlainValidator(_end_of_window), _SCHEMA]

UserParameter = Annotated[
    UUID | None, Query(alias="userId", description="this user's rows; for callers who see all")
]


def user_shown(caller: Caller, user_id: UUID | None) -> UUID | None:
    """The one user whose rows are asked for; None: everybody's. Raises ApiError (404) for another's."""
    if user_id is not None and not caller.sees(user_id):
        raise ApiError(404, f"There is no user {user_id}, or it is another one.")
    return caller.only_user if user_id is None else user_id


def one_user(caller: Caller, user_id: UUID | None) -> UUID:
    """The user whose figures are asked for: who is named, else the caller's own.

    Raises ApiError: 404 for another's, 422 when nobody is named and the caller is no user.
    """
    shown = user_shown(caller, user_id) or caller.user_id
    if shown is None:
        raise ApiError(
            422,
            "userId: missing: say which user of the platform",
            errors=[{"parameter": "userId", "where": "query", "reason": "missing"}],
        )
    return shown


class SelectionQuery(BaseModel):
    """The parameters of a query that choose trades, as one model: FastAPI reads single ones one by one."""

    symbol: Annotated[str | None, Field(min_length=1, max_length=50)] = None
    status: Status | None = None
    timeframe: Timeframe | None = None
    start: Annotated[Start | None, Field(alias="startDate", description="proposed since")] = None
    end: Annotated[End | None, Field(alias="endDate", description="proposed up to, included")] = None
    user_id: Annotated[
        UUID | None, Field(alias="userId", description="this user's rows; for callers who see all")
    ] = None

    def select(self, caller: Caller) -> TradeSelection:
        """The trades that are meant. Raises ApiError: 422 for a window that ends first, 404 for another's."""
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise wrong_parameter("endDate", "lies before startDate")
        user = user_shown(caller, self.user_id)
        return TradeSelection(user, self.symbol, self.status, self.timeframe, self.start, self.end)
