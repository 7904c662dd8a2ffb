"""Whose the stops and targets are that the exchange makes of our entries: it gives them no id of ours."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import Connection

from include.database import sql
from include.exchange.venue import ExchangeOrder


def link_exits(
    connection: Connection, exchange: str, adopted: Mapping[str, UUID], orders: Iterable[ExchangeOrder]
) -> None:
    """Give adopted stops and targets the trade of their entry, which is what they close.

    It is the entry whose number they name, else the one of their symbol, quantity and level, of the other
    side, where all that fit are of one trade. What fits none, or several, stays without.

    Args:
        connection: the transaction of the reconciliation.
        exchange: its name.
        adopted: rows of `orders` by the exchange's number, as `adopt_orders` made them.
        orders: what the exchange reported.
    """
    exits = [one for one in orders if one.reduce_only and one.exchange_order_id in adopted]
    if not exits:
        return
    by_number, by_level = {}, defaultdict(set)
    asked = {"exchange": exchange, "symbols": sorted({one.symbol for one in exits})}
    for entry in connection.execute(sql("exchange/read_exit_levels"), asked):
        by_number[entry.exchange_order_id, entry.symbol] = entry.trade_signal_id
        for level in (entry.stop_price, entry.target_price):
            by_level[entry.symbol, entry.side, entry.quantity, level].add(entry.trade_signal_id)
    found = []
    for one in exits:
        entered = "sell" if one.side == "buy" else "buy"
        trades = by_level.get((one.symbol, entered, one.quantity, one.stop_price), set())
        trade = by_number.get((one.parent_id, one.symbol)) or (
            next(iter(trades)) if len(trades) == 1 else None
        )
        if trade is not None and one.stop_price is not None:
            found.append({"id": str(adopted[one.exchange_order_id]), "trade_signal_id": str(trade)})
    connection.execute(sql("exchange/link_exits"), {"exits": json.dumps(found)})
