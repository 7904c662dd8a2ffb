"""Exports that somebody waits for: a file's bytes, as the database writes the rows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from include.database import sql, statement_timeout
from include.trades.export import prepare_copy
from include.trades.export_formats import encode
from include.trades.selection import TradeSelection, count_trades, matching_sql

STREAM_TIME = timedelta(minutes=55)  # the server ends the one long statement after this
MOST_STREAMS = 4  # at once, over all workers: each holds a connection for as long as its reader takes
LOCK = 0x6578706F  # "expo": the places of streams


class TooManyExportsError(RuntimeError):
    """So many exports are streamed at this moment that another one has to wait."""


def has_more_trades(connection: Connection, selection: TradeSelection, rows: int) -> bool:
    """Whether more trades match than so many."""
    given = selection.parameters()
    if set(given) <= {"user"}:
        return count_trades(connection, selection) > rows
    matching = matching_sql(frozenset(given))
    some = f"SELECT FROM trade_signals AS signal WHERE {matching} LIMIT :rows + 1"
    found = text(f"SELECT count(*) FROM ({some}) AS matching")  # noqa: S608 - neither has a value in it
    return int(connection.execute(found, {**given, "rows": rows}).scalar_one()) > rows


def stream_trades(engine: Engine, selection: TradeSelection, file_format: str) -> Iterator[bytes]:
    """Give the trades that match, with their results, as a file of one of FORMATS, in chunks of about 1 MiB.

    The rows show the database at one moment, ordered by `generated_at`. Memory stays flat. Whoever does not
    read to the end closes the generator: that ends the statement. Raises TooManyExportsError before the first
    chunk.
    """
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with snapshot:
        place = {"lock": LOCK, "most": MOST_STREAMS}
        if snapshot.execute(sql("trades/take_export_place"), place).one_or_none() is None:
            raise TooManyExportsError(f"{MOST_STREAMS} exports are under way")
        statement_timeout(snapshot, STREAM_TIME)
        driver: Any = snapshot.connection.driver_connection
        with driver.cursor() as cursor:
            chosen = _chosen(selection)
            statement, parameters, columns, _ = prepare_copy(snapshot, cursor, chosen, file_format)
            with cursor.copy(statement, parameters) as copy:
                yield from encode((bytes(row) for row in copy), columns, file_format)


def _chosen(selection: TradeSelection) -> dict[str, Any]:
    def listed(value: Any) -> list[Any] | None:
        return None if value is None else [value]

    return {
        "first": selection.start,
        "after": selection.end,
        "symbols": listed(selection.symbol),
        "users": listed(selection.user),
        "statuses": listed(selection.status),
        "timeframes": listed(selection.timeframe),
        "trade_ids": None,
    }


def as_export_form(selection: TradeSelection, file_format: str) -> dict[str, Any]:
    """The form of the DAG export_trades that means the same trades.

    Raises ValueError when the window does not consist of whole days (UTC), which is what the form knows.
    """
    form: dict[str, Any] = {"format": file_format}
    for name, moment, back in (
        ("first_day", selection.start, timedelta(0)),
        ("last_day", selection.end, timedelta(days=1)),
    ):
        if moment is not None:
            if moment.time() != moment.min.time():
                raise ValueError("the window of an export this large consists of whole days (UTC)")
            form[name] = (moment - back).date().isoformat()
    lists = {
        "symbols": selection.symbol,
        "users": selection.user,
        "statuses": selection.status,
        "timeframes": selection.timeframe,
    }
    return form | {name: [str(value)] for name, value in lists.items() if value is not None}
