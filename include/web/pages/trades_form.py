"""The filter of the page of trades, as it stands in the address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args
from urllib.parse import urlencode
from uuid import UUID

from starlette.datastructures import QueryParams

from include.settings import Timeframe
from include.trades.search import ORDERS, Order
from include.trades.selection import Direction, Status, TradeSearch
from include.web.api.parameters import storable

LONGEST_VALUE = 200  # characters of a field
ROWS = ("25", "50", "100")  # of a page
MOST_MONEY = Decimal("1e15")  # US dollars, which nobody has


class FieldError(ValueError):
    """What a field holds cannot be used; the message goes on after the field's name."""


def _text(given: str) -> str:
    try:
        return storable(given)
    except ValueError as error:
        raise FieldError(str(error)) from None


def _user(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise FieldError("is no id of a user (like 0f8fad5b-d9cb-469f-a165-70867728950e)") from None


def _day(given: str, later: timedelta = timedelta(0)) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(given), time(), UTC) + later
    except (ValueError, OverflowError):
        raise FieldError("is no day: write 2026-11-20") from None


def _day_after(given: str) -> datetime:
    return _day(given, timedelta(days=1))


def _money(given: str) -> Decimal:
    try:
        amount = Decimal(given)
    except InvalidOperation:
        raise FieldError("is no number: write -12.50") from None
    if not amount.is_finite() or abs(amount) > MOST_MONEY:
        raise FieldError("is no sum of money")
    return amount


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def choose(given: str) -> str:
        if given not in names:
            raise FieldError(f"is none of {', '.join(names)}")
        return given

    return choose


def _yes(given: str) -> bool:
    return bool(_one_of(("1",))(given))


STATUSES, TIMEFRAMES, DIRECTIONS = get_args(Status), get_args(Timeframe), get_args(Direction)
SIGNS = ("gain", "loss")
# The name in the address, the condition of the search, and how it is read.
FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "user": ("user", _user),
    "symbol": ("symbol", _text),
    "timeframe": ("timeframe", _one_of(TIMEFRAMES)),
    "direction": ("direction", _one_of(DIRECTIONS)),
    "status": ("status", _one_of(STATUSES)),
    "reason": ("reason", _text),
    "model": ("model", _text),
    "from": ("start", _day),
    "to": ("end", _day_after),
    "ended_from": ("ended_start", _day),
    "ended_to": ("ended_end", _day_after),
    "net_min": ("least", _money),
    "net_max": ("most", _money),
    "errors": ("errors", _yes),
    "waiting": ("waiting", _yes),
}
OTHERS: dict[str, Callable[[str], Any]] = {
    "pnl": _one_of(SIGNS),
    "sort": _one_of(ORDERS),
    "rows": _one_of(ROWS),
    "cursor": _text,
}
RANGES = (("from", "to"), ("ended_from", "ended_to"))


@dataclass(frozen=True)
class ListRequest:
    """What an address asks for.

    Attributes:
        search: the conditions.
        order: how it is sorted; by the end, where days of the end are given and nothing else is said.
        rows: of a page.
        cursor: where the page begins; None: at the beginning.
        given: the fields that hold something, as they were written.
        wrong: in words, what cannot be used; empty: all can.
    """

    search: TradeSearch
    order: Order
    rows: int
    cursor: str | None
    given: dict[str, str]
    wrong: tuple[str, ...]

    def address(self, **changed: str | None) -> str:
        """The query of this list with some fields changed; None leaves one out."""
        kept = {name: value for name, value in self.given.items() if name != "cursor"} | changed
        return urlencode({name: value for name, value in kept.items() if value})


def read_list_request(query: QueryParams) -> ListRequest:
    """Read the query of an address; fields that are empty are not given."""
    given, read, wrong = {}, {}, []
    for name, written in query.multi_items():
        if not written.strip():
            continue
        if name in given:
            wrong.append(f"{name} is given more than once")
            continue
        given[name] = written[:LONGEST_VALUE] if name != "cursor" else written
        _, reader = FIELDS.get(name, ("", OTHERS.get(name)))
        try:
            if reader is None:
                raise FieldError("is no field of this list")
            if len(written) > LONGEST_VALUE and name != "cursor":
                raise FieldError(f"is longer than {LONGEST_VALUE} characters")
            read[name] = reader(written.strip())
        except FieldError as error:
            wrong.append(f"{name[:LONGEST_VALUE]} {error}")
    for first, last in RANGES:
        if first in read and last in read and read[first] >= read[last]:
            wrong.append(f"{last} lies before {first}")
    if read.get("net_min", 0) > read.get("net_max", MOST_MONEY):
        wrong.append("net_max is less than net_min")
    conditions = {FIELDS[name][0]: value for name, value in read.items() if name in FIELDS}
    conditions |= {sign: True for sign in SIGNS if read.get("pnl") == sign}
    by_end = {"ended_from", "ended_to"} & read.keys()
    return ListRequest(
        TradeSearch(**conditions),
        cast(Order, read.get("sort", "ended" if by_end else "newest")),
        int(read.get("rows", ROWS[0])),
        read.get("cursor"),
        given,
        tuple(wrong),
    )


def saved_views(today: date) -> dict[str, str]:
    """Queries that people ask for again and again, by their names; `today` is in UTC.

    The last week is the seven days before today, and today.
    """
    week = (today - timedelta(days=7)).isoformat()
    views = {
        "All, newest first": {},
        "Waiting": {"waiting": "1"},
        "Failed in the last week": {"status": "completed_failure", "ended_from": week},
        "Worst of the last week": {"ended_from": week, "sort": "worst"},
        "Best of the last week": {"ended_from": week, "sort": "best"},
        "Best of all": {"sort": "best"},
        "Without enough data": {"status": "incomplete_data"},
        "With errors": {"errors": "1"},
    }
    return {name: urlencode(query) for name, query in views.items()}
