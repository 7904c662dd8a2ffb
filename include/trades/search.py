"""Searching trades for people: any filter, four orders, and a bound on the work whatever is asked for.

A search goes through trades that an index gives, in one of two ways. Where one of the conditions leaves few
trades (a user's, a symbol's, those of a time, those that wait, with errors, of a range of results), these are
all gone through: the answer is whole, and counted. Else the index of the order is followed until the page is
full; after so many trades the page ends where it is and says so, and the next one goes on from there.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, TextClause, text
from sqlalchemy.exc import DataError

from include.database import composed_sql
from include.trades.selection import (
    END,
    ENDED,
    FINITE,
    TradeSearch,
    count_sql,
    matching_sql,
)

Order = Literal["newest", "ended", "worst", "best"]
ORDERS: tuple[Order, ...] = get_args(Order)
SEARCHED = 5_000  # trades that one page goes through at most


class SearchPlaceError(ValueError):
    """The place where a page begins is none of this search."""


@dataclass(frozen=True)
class FoundTrades:
    """A page of a search.

    Attributes:
        trades: rows of sql/queries/trades/search_trades.sql, in their order.
        total: how many trades match in all; None: nobody counted.
        next_place: the sort key behind which the next page begins; None: nothing follows.
        searched: how many trades were gone through when the page ended before it was full; None: it is full,
            or everything was gone through.
        reached: the sort key of the last of these, as the database writes it.
    """

    trades: Sequence[Row[Any]]
    total: int | None
    next_place: tuple[str, str] | None
    searched: int | None = None
    reached: str | None = None


@dataclass(frozen=True)
class _Walk:
    """An order: its key, the key's type, and the index that has trades in it."""

    key: str
    kind: str
    descending: bool
    table: str
    always: str  # what the index holds
    served: frozenset[str]  # conditions that the index answers


_BY_TIME = frozenset({"start", "end", "user", "symbol"})
_MONEY = frozenset({"gain", "loss", "least", "most"})
_OF_RESULT = "trade_results AS result"
_OF_SIGNAL = "trade_signals AS signal"
_WALKS: dict[str, _Walk] = {
    "newest": _Walk("signal.generated_at", "timestamptz", True, _OF_SIGNAL, "true", _BY_TIME),
    "ended": _Walk(END, "timestamptz", True, _OF_SIGNAL, ENDED, frozenset({"ended_start", "ended_end"})),
    "worst": _Walk("result.net_profit_loss", "numeric", False, _OF_RESULT, FINITE, _MONEY),
    "best": _Walk("result.net_profit_loss", "numeric", True, _OF_RESULT, FINITE, _MONEY),
}
_SIGNALS = "SELECT signal.id FROM trade_signals AS signal WHERE {conditions}"
# The sets that an index finds: conditions that make one, those that the same index narrows, and the query.
_SETS: dict[str, tuple[frozenset[str], frozenset[str], str]] = {
    "user": (frozenset({"user"}), frozenset({"user", "start", "end"}), _SIGNALS),
    "symbol": (frozenset({"symbol"}), frozenset({"symbol", "start", "end"}), _SIGNALS),
    "time": (frozenset({"start", "end"}), frozenset({"start", "end"}), _SIGNALS),
    "ended": (frozenset({"ended_start", "ended_end"}), frozenset({"ended_start", "ended_end"}), _SIGNALS),
    "waiting": (frozenset({"waiting"}), frozenset({"waiting"}), _SIGNALS),
    "errors": (
        frozenset({"errors"}),
        frozenset(),
        "SELECT DISTINCT error.trade_signal_id AS id FROM atge_error_logs AS error "
        "WHERE error.trade_signal_id IS NOT NULL AND {conditions}",
    ),
    "money": (
        _MONEY,
        _MONEY,
        "SELECT result.trade_signal_id AS id FROM trade_results AS result WHERE {conditions}",
    ),
}
# Statuses of few trades, each with its own set; the others are found soon in any order.
_RARE = {
    "active": _SIGNALS.format(conditions="signal.status = 'active'"),
    "cancelled": _SIGNALS.format(conditions="signal.status = 'cancelled'"),
    "incomplete_data": _SIGNALS.format(conditions="signal.status = 'incomplete_data'"),
}


def search_trades(
    engine: Engine,
    search: TradeSearch,
    order: Order,
    *,
    limit: int,
    behind: Sequence[Any] | None = None,
    searched: int = SEARCHED,
) -> FoundTrades:
    """Find a page of the trades that match, in an order: by proposal, by end, by net result; then by id.

    Ordered by their end there are only trades that have one, by result only those whose result is a number.
    `behind`: the `next_place` of the page before. `searched`: trades that are gone through at most,
    but a page. Raises
    SearchPlaceError when `behind` is no place of this order.
    """
    given = frozenset(search.parameters())
    searched = max(searched, limit + 1)
    values = {**search.parameters(), "rows": limit + 1, "searched": searched, **_read_place(behind)}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            narrow = _narrowest(connection, search, order, values)
            statement = _search_statement(given, order, narrow, behind is not None)
            rows = connection.execute(statement, values).all()
            shown, more = rows[:limit], len(rows) > limit
            if more:
                last = shown[-1]
                place = (last.sort_key, str(last.id))
                return FoundTrades(shown, _total(connection, given, order, values, rows), place)
            if narrow is None and given - _WALKS[order].served:
                ending = _end_statement(given, order, behind is not None)
                end = connection.execute(ending, values).one_or_none()
                if end is not None:
                    return FoundTrades(shown, None, (end.sort_key, str(end.id)), searched, end.sort_key)
            return FoundTrades(shown, _total(connection, given, order, values, rows), None)
        except DataError as error:
            raise SearchPlaceError("the place is none of this list") from error


def _read_place(behind: Sequence[Any] | None) -> dict[str, str]:
    if behind is None:
        return {}
    try:
        key, key_id = behind
        UUID(key_id)
    except (ValueError, TypeError, AttributeError):
        raise SearchPlaceError("the place is none of this list") from None
    if not isinstance(key, str):
        raise SearchPlaceError("the place is none of this list")
    return {"key": key, "key_id": key_id}


def _total(
    connection: Connection,
    given: frozenset[str],
    order: str,
    values: dict[str, Any],
    rows: Sequence[Row[Any]],
) -> int | None:
    if rows and rows[0].total is not None:
        return int(rows[0].total)
    if given <= {"user"} and order == "newest":  # the others leave trades out
        return int(connection.execute(text(count_sql(given)), values).scalar_one())
    return None


def _narrowest(connection: Connection, search: TradeSearch, order: str, values: dict[str, Any]) -> str | None:
    """The query of the smallest set, if it is small enough to be gone through; None: follow the order."""
    sets = _sets(frozenset(values), search.status, order)
    if not sets:
        return None
    counts = connection.execute(_measure_statement(tuple(sets)), values).one()
    size, narrow = min(zip(counts, sets, strict=True))
    return narrow if size <= values["searched"] else None


def _sets(given: frozenset[str], status: str | None, order: str) -> list[str]:
    walk = _WALKS[order]
    sets = []
    for makes, narrows, query in _SETS.values():
        if given & makes and not makes & walk.served:
            sets.append(query.format(conditions=matching_sql(given & narrows)))
    if status in _RARE:
        sets.append(_RARE[status])
    return sets


@functools.lru_cache(maxsize=500)
def _measure_statement(sets: tuple[str, ...]) -> TextClause:
    counts = [f"(SELECT count(*) FROM ({query} LIMIT :searched + 1) AS set)" for query in sets]  # noqa: S608 - ours
    named = [f"{count} AS set_{number}" for number, count in enumerate(counts)]
    return composed_sql("trades/measure_search", counts=", ".join(named))


def _looked(given: frozenset[str], order: str, goes_on: bool) -> str:
    """The query of what is gone through in an order, with its sort key."""
    walk = _WALKS[order]
    conditions = [walk.always, matching_sql(given & walk.served)]
    id_ = "result.trade_signal_id" if walk.table == _OF_RESULT else "signal.id"
    if goes_on:
        conditions.append(_behind(walk, walk.key, id_))
    way = _way(walk)
    return (
        f"SELECT {id_} AS id, {walk.key} AS sort_key FROM {walk.table} "  # noqa: S608 - no value in it
        f"WHERE {' AND '.join(conditions)} ORDER BY {walk.key} {way}, {id_} {way} LIMIT :searched"
    )


def _way(walk: _Walk) -> str:
    return "DESC" if walk.descending else "ASC"


def _behind(walk: _Walk, key: str, id_: str) -> str:
    beyond = "<" if walk.descending else ">"
    return f"({key}, {id_}) {beyond} (CAST(:key AS {walk.kind}), CAST(:key_id AS uuid))"


@functools.lru_cache(maxsize=500)
def _search_statement(given: frozenset[str], order: str, narrow: str | None, goes_on: bool) -> TextClause:
    walk = _WALKS[order]
    way = _way(walk)
    small = narrow is not None
    conditions = [matching_sql(given)] + ([walk.always] if small else [])
    needs_result = small or bool(given & _MONEY) or walk.table == _OF_RESULT
    own = "SELECT * FROM trade_results WHERE trade_signal_id = looked.id OFFSET 0"
    joined = f"LEFT JOIN LATERAL ({own}) AS result ON true"
    return composed_sql(
        "trades/search_trades",
        kept="MATERIALIZED" if small else "NOT MATERIALIZED",
        looked=f"{narrow} LIMIT :searched" if narrow is not None else _looked(given, order, goes_on),
        sort=walk.key if small else "looked.sort_key",
        result=joined if needs_result else "",
        matching=" AND ".join(conditions),
        total="(SELECT count(*) FROM found)" if small else "NULL::bigint",
        behind=_behind(walk, "signal.sort_key", "signal.id") if small and goes_on else "true",
        order=f"signal.sort_key {way}, signal.id {way}",
        again=f"page.sort_key {way}, page.id {way}",
    )


@functools.lru_cache(maxsize=500)
def _end_statement(given: frozenset[str], order: str, goes_on: bool) -> TextClause:
    """The last of what is gone through in an order; no row when there are fewer."""
    looked = _looked(given, order, goes_on)
    return text(f"SELECT sort_key::text, id FROM ({looked}) AS looked OFFSET :searched - 1")  # noqa: S608 - as above
