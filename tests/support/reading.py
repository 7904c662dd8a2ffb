"""Trades with all that may belong to them, for the tests of what programs read."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event, text

from include.async_statements import AsyncStatements, async_statements
from tests.support.rows import NOW, insert, insert_signal
from tests.support.web import ANNA


def insert_whole(database: Engine, *, user: uuid.UUID = ANNA, net: Any = 12.5, **values: Any) -> uuid.UUID:
    """Insert a settled trade with result, indicators (an older row, too) and snapshot; answer with its id."""
    with database.begin() as connection:
        settled = {"status": "completed_success", "completed_at": NOW, "user_id": user}
        trade = insert_signal(connection, **{**settled, **values})
        insert(
            connection, "trade_results", trade_signal_id=trade, tp1_hit=True, net_profit_loss=net,
            profit_loss_percentage=1.25, unseen_candles=3, data_source="kraken", data_resolution="1h",
        )  # fmt: skip
        for age, value in ((1, 40), (0, 55.5)):
            at = NOW - timedelta(hours=age)
            insert(
                connection,
                "trade_technical_indicators",
                trade_signal_id=trade,
                rsi_14=value,
                calculated_at=at,
            )
        insert(connection, "trade_market_snapshot", trade_signal_id=trade, price_change_24h=-2.5)
    return trade


def run(database: Engine, statement: str, **values: Any) -> None:
    """Execute one statement."""
    with database.begin() as connection:
        connection.execute(text(statement), values)


@contextmanager
def statements_of(database: Engine) -> Iterator[list[str]]:
    """The names of the statements that are executed in the block, in their order; also those awaited."""
    names: list[str] = []
    fetch = AsyncStatements.fetch

    async def heard(self, statement, values):
        if self is async_statements(database):
            names.append(statement.get_execution_options()["query"])
        return await fetch(self, statement, values)

    def hear(_connection, _cursor, _statement, _parameters, context, _many):
        names.append(context.execution_options.get("query"))

    event.listen(database, "before_cursor_execute", hear)
    try:
        with patch.object(AsyncStatements, "fetch", heard):
            yield names
    finally:
        event.remove(database, "before_cursor_execute", hear)
