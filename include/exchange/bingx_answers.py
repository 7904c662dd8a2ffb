"""BingX's answers in the product's own terms, as ccxt reads them; executions as BingX writes them.

What cannot be read raises an ArithmeticError, a LookupError, a TypeError or a ValueError.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from include.exchange.venue import ExchangeFill, ExchangeOrder, ExchangePosition, Side, SwapMarket

STATUSES: Mapping[str, Any] = {
    "open": "open",
    "closed": "filled",
    "canceled": "cancelled",
    "expired": "expired",
    "rejected": "rejected",
}
EXIT_TYPES = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"})
_SIDES: Mapping[str, Side] = {"BUY": "buy", "SELL": "sell"}


def read_number(value: Any) -> Decimal:
    """Money, a price or a quantity; infinity and NaN are none."""
    number = Decimal(str(value))
    if not number.is_finite():
        raise InvalidOperation(f"{value!r} is no amount")
    return number


def read_number_if_any(value: Any) -> Decimal | None:
    """The same, where the exchange may say nothing."""
    return None if value in (None, "") else read_number(value)


def read_price(value: Any) -> Decimal | None:
    """A price; the exchange writes 0 where there is none."""
    return read_number_if_any(value) or None


def read_time(milliseconds: Any) -> datetime | None:
    """A time in UTC from milliseconds since the Unix epoch."""
    return None if milliseconds is None else datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def to_milliseconds(moment: datetime) -> int:
    """A tz-aware time in milliseconds since the Unix epoch."""
    return int(moment.timestamp() * 1000)


def read_market(market: Mapping[str, Any]) -> SwapMarket:
    """A market of ccxt's."""
    limits = market["limits"]
    return SwapMarket(
        market["symbol"],
        f"{market['base']}/{market['quote']}",
        read_number(market["precision"]["amount"]),
        read_number(market["precision"]["price"]),
        read_number_if_any(limits["amount"]["min"]),
        read_number_if_any(limits["cost"]["min"]),
    )


def read_order(order: Mapping[str, Any]) -> ExchangeOrder:
    """An order of ccxt's, with what only `info`, BingX's own row, has."""
    parent = str(order["info"].get("triggerOrderId") or "0")
    return ExchangeOrder(
        exchange_order_id=str(order["id"]),
        client_order_id=order["clientOrderId"] or None,
        symbol=order["symbol"],
        side=order["side"],
        order_type=str(order["info"]["type"]).lower(),
        status=STATUSES[order["status"].lower()],
        quantity=read_number(order["amount"]),
        filled_quantity=read_number(order["filled"] or 0),
        average_price=read_price(order["average"]),
        price=read_price(order["price"]),
        stop_price=read_price(order["triggerPrice"] or order["stopLossPrice"] or order["takeProfitPrice"]),
        # A stop or a target closes, whatever it says: in ccxt's recorded answers it says false.
        reduce_only=bool(order["reduceOnly"]) or order["info"]["type"] in EXIT_TYPES,
        created_at=read_time(order["timestamp"]),
        updated_at=read_time(order["lastUpdateTimestamp"]),
        parent_id=None if parent == "0" else parent,
    )


def read_fill(row: Mapping[str, Any], symbol: str) -> ExchangeFill:
    """An execution, as a row of BingX's `fillHistory`; `symbol` as ccxt writes it."""
    executed_at = datetime.fromisoformat(row["filledTime"])
    if executed_at.tzinfo is None or not row["tradeId"]:
        raise ValueError("an execution without the zone of its time, or without a number")
    return ExchangeFill(
        trade_id=str(row["tradeId"]),
        exchange_order_id=str(row["orderId"]),
        symbol=symbol,
        side=_SIDES[row["side"]],
        executed_at=executed_at.astimezone(UTC),
        price=read_number(row["price"]),
        quantity=read_number(row["qty"]),
        fee=-read_number(row["commission"]),
        fee_currency=row["commissionAsset"],
    )


def read_position(position: Mapping[str, Any]) -> ExchangePosition:
    """A position of ccxt's; of one that is on both sides the sign tells which."""
    size = read_number(position["contracts"]) * read_number(position["contractSize"] or 1)
    signed = {"long": abs(size), "short": -abs(size), "both": size}[position["side"]]
    return ExchangePosition(position["symbol"], signed, read_price(position["entryPrice"]))
