"""Which trades a person means: a filter as a form gives it, checked, for replays, exports and analyses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Connection

from include.database import sql
from include.humanize import count_text, some_text

MAX_NAMES_LISTED = 10_000  # symbols, users or trades that a form may list
NAMES_SHOWN = 5  # names of a kind that a message repeats


class TradeRequestError(ValueError):
    """What was asked for cannot be done; the message says in words what to change."""


@dataclass(frozen=True)
class TradeFilter:
    """Trades that meet all conditions that are given; None: any. Days are UTC, the last one included."""

    first_day: date | None = None
    last_day: date | None = None
    symbols: tuple[str, ...] | None = None
    users: tuple[UUID, ...] | None = None
    trade_ids: tuple[UUID, ...] | None = None

    @classmethod
    def read(cls, form: Mapping[str, Any], today: date) -> Self:
        """Read `first_day, last_day, symbols, users, trade_ids` of a form; empty ones are not given.

        Raises TradeRequestError for a day that is none or lies after `today`, a window that ends before it
        starts, ids that are no UUIDs, and lists that are too long.
        """
        first, last = (_read_day(form, name, today) for name in ("first_day", "last_day"))
        if first and last and last < first:
            raise TradeRequestError(
                f"the window ends before it starts: last_day {last} is before first_day {first}"
            )
        return cls(
            first,
            last,
            read_names(form, "symbols"),
            read_ids(form, "users"),
            read_ids(form, "trade_ids"),
        )

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing, and so means every trade."""
        return self == type(self)()

    def check_known(self, connection: Connection) -> None:
        """Raise TradeRequestError if it names a symbol, a user or a trade that no trade has."""
        unknown: dict[str, list[str]] = {}
        for kind, value in connection.execute(sql("trades/find_unknown_in_filter"), self.parameters()):
            unknown.setdefault(kind, []).append(value)
        if unknown:
            said = [f"{kind} {some_text(names, NAMES_SHOWN)}" for kind, names in unknown.items()]
            raise TradeRequestError(
                f"no trade has the {', nor the '.join(said)}: correct the names, as the trades spell them"
            )

    def parameters(self) -> dict[str, Any]:
        """The filter for a query: `first` and `after` as times, and the lists, `None` where not given."""
        after = self.last_day + timedelta(days=1) if self.last_day else None
        return {
            "first": _midnight(self.first_day),
            "after": _midnight(after),
            "symbols": _listed(self.symbols),
            "users": _listed(self.users),
            "trade_ids": _listed(self.trade_ids),
        }

    def as_json(self) -> dict[str, Any]:
        """The conditions that are given, in the form's words."""
        given = {
            "first_day": self.first_day and self.first_day.isoformat(),
            "last_day": self.last_day and self.last_day.isoformat(),
            "symbols": _listed(self.symbols),
            "users": self.users and [str(user) for user in self.users],
            "trade_ids": self.trade_ids and [str(trade) for trade in self.trade_ids],
        }
        return {name: value for name, value in given.items() if value is not None}


def filter_text(conditions: Mapping[str, Any]) -> str:
    """A filter as `as_json` gives it, in words: `BTC, ETH; 2026-11-01 to 2026-11-20; 2 users`."""
    said = [
        some_text([str(one).replace("_", " ") for one in conditions[name]], NAMES_SHOWN)
        for name in ("symbols", "statuses", "timeframes")
        if conditions.get(name)
    ]
    first, last = conditions.get("first_day"), conditions.get("last_day")
    if first or last:
        said.append(f"{first} to {last}" if first and last else f"from {first}" if first else f"up to {last}")
    for name, one in (("users", "user"), ("trade_ids", "trade")):
        if ids := conditions.get(name):
            said.append(f"{one} {ids[0]}" if len(ids) == 1 else count_text(len(ids), one))
    return "; ".join(said) or "all trades"


def _read_day(form: Mapping[str, Any], name: str, today: date) -> date | None:
    value = form.get(name)
    if value in (None, ""):
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        raise TradeRequestError(f"{name} is {value!r}: write a day as 2026-11-20") from None
    if day > today:
        raise TradeRequestError(f"{name} is {day}, which lies in the future: today is {today} (UTC)")
    return day


def read_names(form: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Read a list of names of a form, each once; None: there are none. Raises TradeRequestError."""
    values = form.get(name) or []
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise TradeRequestError(f"{name} is no list of texts")
    if len(values) > MAX_NAMES_LISTED:
        raise TradeRequestError(
            f"{name} lists {len(values)} entries; {MAX_NAMES_LISTED} at most: choose by a window instead"
        )
    if odd := [value for value in values if not value.strip().isprintable()]:
        raise TradeRequestError(f"{name} holds {odd[0]!r}: write letters, digits and signs that can be seen")
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip())) or None


def read_ids(form: Mapping[str, Any], name: str) -> tuple[UUID, ...] | None:
    """Read a list of ids of a form, each once; None: there are none. Raises TradeRequestError."""
    ids, wrong = [], []
    for value in read_names(form, name) or ():
        try:
            ids.append(UUID(value))
        except ValueError:
            wrong.append(repr(value[:50]))
    if wrong:
        raise TradeRequestError(
            f"{name}: {some_text(wrong, NAMES_SHOWN)} is no UUID (like 0f8fad5b-d9cb-469f-a165-70867728950e)"
        )
    return tuple(dict.fromkeys(ids)) or None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
