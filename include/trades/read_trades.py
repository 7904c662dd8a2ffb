"""Trades as programs read them: pages of a list in a whole order, and one trade with all that belongs to it.

The database writes the objects. What was written stays in this process, together with the version of the
rows that it
was written from: the database gives the versions at each request, so that what is shown is never older than
it.
"""

import functools
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg import DataError
from sqlalchemy import Engine, TextClause

from include.async_statements import async_statements
from include.database import composed_sql
from include.json_rows import object_sql, object_text_sql
from include.trades.selection import TradeSelection, count_sql, matching_sql
from include.trades.trade_objects import (
    ShownChange,
    ShownError,
    ShownFormerResult,
    ShownIndicators,
    ShownNotice,
    ShownResult,
    ShownSignal,
    ShownSnapshot,
)

SortBy = Literal["generatedAt", "confidenceScore", "status", "timeframe", "netProfitLoss"]

# A column to sort by, and its type. Only the first has an index, and is never null.
_SORTS = {
    "generatedAt": ("signal.generated_at", "timestamptz"),
    "confidenceScore": ("signal.confidence_score", "numeric"),
    "status": ("signal.status", "text"),
    "timeframe": ("signal.timeframe", "text"),
    "netProfitLoss": ("ranked.net_profit_loss", "numeric"),
}
KEPT_BYTES = 32 << 20  # of trades that were written, in one process
MOST_NAMED = 50  # former results, errors and notices of a trade
NOTICES_SEARCHED = 10_000  # the newest, for the name of a trade


class CursorError(ValueError):
    """The place where a page begins is none of this list."""


@dataclass(frozen=True)
class TradePage:
    """Part of a list.

    Attributes:
        trades: JSON objects, in the order of the list.
        total: how many trades match in all.
        last: the sort key of the last trade on the page, for `behind` of the next; None: nothing follows.
        version: another one whenever anything that the page shows has changed.
    """

    trades: Sequence[bytes]
    total: int
    last: tuple[str | None, str] | None
    version: str


async def list_trades(
    engine: Engine,
    selection: TradeSelection,
    *,
    sort_by: SortBy = "generatedAt",
    descending: bool = True,
    limit: int,
    offset: int = 0,
    behind: Sequence[Any] | None = None,
    exact: bool = False,
) -> TradePage:
    """Read a page of the trades that match, sorted by a column and then by id; unknown values come last.

    The page begins `behind` the sort key that the page before gave as its `last`, or `offset` trades after
    the beginning. `exact`: decimals as texts. Raises CursorError when `behind` is no sort key of this order.
    """
    values = selection.parameters() | ({"offset": offset} if offset else {})
    if behind is not None:
        values |= _read_key(behind, sort_by)
    place = "start" if behind is None else "unknown" if behind[0] is None else "known"
    # The limit stands in the statement: the server makes a new plan each time for one it does not know.
    part = f"LIMIT {limit + 1:d}" + (" OFFSET :offset" if offset else "")
    statement = _list_statement(frozenset(selection.parameters()), sort_by, descending, place, part)
    database = async_statements(engine)
    try:
        rows = await database.fetch(statement, values)
    except DataError as error:
        raise CursorError("the cursor is none of this list") from error
    total = rows[0].total
    found = [row for row in rows if row.id is not None]
    shown = found[:limit]
    rendered = await _render(engine, [(row.id, row.version) for row in shown], exact)
    digest = hashlib.sha256(f"{total} {len(found) > limit} {exact}".encode())
    for trade in rendered:
        digest.update(trade.version.encode())
    last = (shown[-1].sort_key, shown[-1].id) if len(found) > limit else None
    return TradePage([trade.body for trade in rendered], total, last, digest.hexdigest())


def _read_key(behind: Sequence[Any], sort_by: str) -> dict[str, Any]:
    key, key_id = behind
    try:
        UUID(key_id)
    except (ValueError, TypeError, AttributeError):
        raise CursorError("the cursor is none of this list") from None
    if not (isinstance(key, str) or (key is None and sort_by != "generatedAt")):
        raise CursorError("the cursor is none of this list")
    return {"key_id": key_id} | ({} if key is None else {"key": key})


@functools.lru_cache(maxsize=1000)
def _list_statement(
    given: frozenset[str], sort_by: str, descending: bool, place: str, part: str
) -> TextClause:
    column, kind = _SORTS[sort_by]
    matching = matching_sql(given)
    way, beyond = ("DESC", "<") if descending else ("ASC", ">")
    key, key_id = f"CAST(:key AS {kind})", "CAST(:key_id AS uuid)"
    if sort_by == "generatedAt":
        order = f"{column} {way}, signal.id {way}"
        known = f"({column}, signal.id) {beyond} ({key}, {key_id})"
    else:
        order = f"{column} {way} NULLS LAST, signal.id {way}"
        alike = f"{column} = {key} AND signal.id {beyond} {key_id}"
        known = f"({column} {beyond} {key} OR {column} IS NULL OR ({alike}))"
    unknown = f"{column} IS NULL AND signal.id {beyond} {key_id}"
    joined = "LEFT JOIN trade_results AS ranked ON ranked.trade_signal_id = signal.id"
    return composed_sql(
        "trades/list_trades",
        total=count_sql(given),
        sort=column,
        joined=joined if sort_by == "netProfitLoss" else "",
        matching=matching,
        behind={"start": "true", "known": known, "unknown": unknown}[place],
        order=order,
        part=part,
        again=order.replace(column, "chosen.sort_key").replace("signal.", "chosen."),
    )


@dataclass(frozen=True)
class Rendered:
    """A trade as JSON, and the version of the rows that it was written from."""

    version: str
    body: bytes


class _Kept:
    """The trades that were written last, up to KEPT_BYTES. Threads share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._trades: OrderedDict[tuple[str, bool], Rendered] = OrderedDict()
        self._size = 0

    def find(self, wanted: Sequence[tuple[str, str]], exact: bool) -> dict[str, Rendered]:
        """Those of the wanted (id, version) that are there in that version."""
        found = {}
        with self._lock:
            for id_, version in wanted:
                kept = self._trades.get((id_, exact))
                if kept is not None and kept.version == version:
                    self._trades.move_to_end((id_, exact))
                    found[id_] = kept
        return found

    def keep(self, trades: Mapping[str, Rendered], exact: bool) -> None:
        """Keep these, and forget those that nobody asked for longest."""
        with self._lock:
            for id_, trade in trades.items():
                former = self._trades.pop((id_, exact), None)
                self._trades[id_, exact] = trade
                self._size += len(trade.body) - (len(former.body) if former else 0)
            while self._size > KEPT_BYTES:
                _, forgotten = self._trades.popitem(last=False)
                self._size -= len(forgotten.body)


_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()  # a database has versions of its own


async def _render(engine: Engine, wanted: Sequence[tuple[str, str]], exact: bool) -> list[Rendered]:
    """The trades in their order; one that has gone meanwhile is left out."""
    kept = _kept.get(engine) or _kept.setdefault(engine, _Kept())
    found = kept.find(wanted, exact)
    if missing := [id_ for id_, _ in wanted if id_ not in found]:
        rows = await async_statements(engine).fetch(_render_statement(exact), {"ids": missing})
        written = {row.id: Rendered(row.version, row.trade.encode()) for row in rows}
        kept.keep(written, exact)
        found |= written
    return [found[id_] for id_, _ in wanted if id_ in found]


@functools.cache
def _render_statement(exact: bool) -> TextClause:
    return composed_sql(
        "trades/render_trades",
        signal=object_text_sql(ShownSignal, "signal", exact=exact),
        result=object_text_sql(ShownResult, "result", exact=exact),
        indicators=object_text_sql(ShownIndicators, "indicators", exact=exact),
        snapshot=object_text_sql(ShownSnapshot, "snapshot", exact=exact),
    )


@dataclass(frozen=True)
class WholeTrade:
    """A trade with what belongs to it, each part JSON: the object, and arrays, the newest first."""

    id: str
    trade: bytes
    unseen_candles: int | None
    history: bytes
    errors: bytes
    alerts: bytes
    changes: bytes

    def parts(self) -> Iterator[bytes]:
        """Everything that changes when the trade does."""
        yield from (self.trade, self.history, self.errors, self.alerts, self.changes)


def read_trade(
    engine: Engine, id_: UUID, *, only_user: UUID | None, exact: bool = False
) -> WholeTrade | None:
    """Read one trade, complete; None when there is none of this id, or it is another user's than `only_user`.

    At most 50 former results, errors, notices and changes each.
    """
    values = {"id": id_, "only_user": only_user, "most": MOST_NAMED, "notices": NOTICES_SEARCHED}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(_whole_statement(exact), values).one_or_none()
        trade = connection.execute(_render_statement(exact), {"ids": [id_]}).one_or_none() if row else None
    if row is None or trade is None:
        return None
    arrays = [(part or "[]").encode() for part in (row.history, row.errors, row.alerts, row.changes)]
    return WholeTrade(row.id, trade.trade.encode(), row.unseen_candles, *arrays)


@functools.cache
def _whole_statement(exact: bool) -> TextClause:
    return composed_sql(
        "trades/read_trade",
        former=object_sql(ShownFormerResult, "former", exact=exact),
        replaced=object_sql(ShownResult, "(former.replaced)", exact=exact),
        error=object_sql(ShownError, "error"),
        notice=object_sql(ShownNotice, "notice"),
        change=object_sql(ShownChange, "change"),
    )
