"""What the exchange says of orders, trades, positions and money, asked through ccxt and read exactly.

Every function takes ccxt's own object of the exchange (BingX's perpetual swaps). An answer that fails, cannot
be read or contradicts itself raises AnswerError: it is evidence of nothing. Numbers are Decimal, times UTC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import count
from typing import Any, TypeVar

from include.exchange.order_states import OrderStatus
from include.http import ServiceError

ORDERS_A_PAGE, FILLS_A_PAGE = 1_000, 1_000  # what BingX gives at most
LONGEST_WINDOW = timedelta(days=7)  # BingX refuses longer ones
SMALLEST_WINDOW = timedelta(milliseconds=1)
T = TypeVar("T")
STATUSES: dict[str, OrderStatus] = {
    "open": "open",
    "closed": "filled",
    "canceled": "cancelled",
    "expired": "expired",  # ccxt passes these two through as BingX spells them
    "rejected": "rejected",
}


class AnswerError(Exception):
    """The exchange did not answer, or not so that it can be read; the message says to what."""


@dataclass(frozen=True)
class ReportedOrder:
    """One order as the exchange has it. `status` in our words; quantities in the base currency."""

    exchange_order_id: str
    client_order_id: str | None
    symbol: str
    side: str
    order_type: str
    price: Decimal | None
    stop_price: Decimal | None
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    status: OrderStatus
    reduce_only: bool
    created_at: datetime


@dataclass(frozen=True)
class ReportedFill:
    """One trade of an order as the exchange has it. `fee` is what was paid."""

    trade_id: str
    exchange_order_id: str
    symbol: str
    side: str
    executed_at: datetime
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True)
class ReportedBalance:
    """The money of one currency as the exchange counts it."""

    currency: str
    total: Decimal
    free: Decimal
    used: Decimal


def read_open_orders(exchange: Any) -> list[ReportedOrder]:
    """All open orders. Raises AnswerError."""
    return _ask("open orders", lambda: [_read_order(one) for one in exchange.fetch_open_orders()])


def read_past_orders(exchange: Any, start: datetime, end: datetime) -> list[ReportedOrder]:
    """Every order made in [start, end], seven days at most, whatever became of it. Raises AnswerError.

    A window that holds more than a page is asked for in halves: that holds whichever end a page begins at.
    """
    params = {"until": _milliseconds(end)}
    page = _ask(
        "past orders",
        lambda: [
            _read_order(one)
            for one in exchange.fetch_orders(None, _milliseconds(start), ORDERS_A_PAGE, dict(params))
        ],
    )
    if len(page) < ORDERS_A_PAGE or end - start <= SMALLEST_WINDOW:
        return page
    middle = start + (end - start) / 2
    earlier = read_past_orders(exchange, start, middle)
    later = read_past_orders(exchange, middle, end)
    return list({one.exchange_order_id: one for one in (*earlier, *later)}.values())


def find_order(
    exchange: Any, symbol: str, exchange_order_id: str | None, client_order_id: str | None
) -> ReportedOrder | None:
    """Ask for one very order, by its number or else by our id; None: the exchange knows none.

    By our id BingX finds orders for two hours only: after that None says nothing. Raises AnswerError.
    """
    import ccxt

    params = {} if exchange_order_id else {"clientOrderId": client_order_id}
    try:
        return _ask(
            f"order {exchange_order_id or client_order_id}",
            lambda: _read_order(exchange.fetch_order(exchange_order_id or "", symbol, params)),
        )
    except AnswerError as error:
        if isinstance(error.__cause__, ccxt.OrderNotFound):
            return None
        raise


def read_fills(
    exchange: Any, symbol: str, start: datetime, end: datetime, exchange_order_id: str | None = None
) -> list[ReportedFill]:
    """The trades of a symbol in [start, end], seven days at most; of one order if given. Raises AnswerError.

    BingX's `fillHistory` numbers its trades; the list that ccxt's `fetch_my_trades` asks need not.
    """

    def read(page: int) -> list[ReportedFill]:
        asked = {
            "symbol": exchange.market(symbol)["id"],
            "startTs": _milliseconds(start),
            "endTs": _milliseconds(end),
            "pageIndex": page,
            "pageSize": FILLS_A_PAGE,
            **({"orderId": exchange_order_id} if exchange_order_id else {}),
        }
        rows = exchange.swapV2PrivateGetTradeFillHistory(asked)["data"]["fill_history_orders"]
        return [_read_fill(row, symbol) for row in rows]

    fills: list[ReportedFill] = []
    for number in count(1):
        page = _ask(f"trades of {symbol}", partial(read, number))
        fills += page
        if len(page) < FILLS_A_PAGE:
            break
    return [fill for fill in fills if exchange_order_id in (None, fill.exchange_order_id)]


def read_positions(exchange: Any) -> dict[str, Decimal]:
    """The size of every position by symbol, negative for a short; both sides of a symbol are netted.

    Raises AnswerError.
    """

    def read() -> dict[str, Decimal]:
        sizes: dict[str, Decimal] = {}
        for one in exchange.fetch_positions():
            size = _number(one["contracts"]) * {"long": 1, "short": -1}[one["side"]]
            sizes[one["symbol"]] = sizes.get(one["symbol"], Decimal(0)) + size
        return {symbol: size for symbol, size in sizes.items() if size}

    return _ask("positions", read)


def read_balances(exchange: Any) -> list[ReportedBalance]:
    """The money of every currency. An answer without any raises AnswerError: an account has one."""

    def read() -> list[ReportedBalance]:
        answer = exchange.fetch_balance()
        return [
            ReportedBalance(code, *(_number(answer[code][part]) for part in ("total", "free", "used")))
            for code in answer["total"]
        ]

    balances = _ask("balance", read)
    if not balances:
        raise AnswerError("balance: an answer without any currency")
    return balances


def _ask(what: str, ask: Callable[[], T]) -> T:
    """Ask, and make one error of all that can go wrong with an answer."""
    import ccxt

    try:
        return ask()
    except (ccxt.BaseError, ServiceError) as error:
        raise AnswerError(f"{what}: {type(error).__name__}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise AnswerError(f"{what}: an answer that cannot be read: {error!r}") from error


def _read_order(order: dict[str, Any]) -> ReportedOrder:
    filled = _number(order["filled"] or 0)
    status = STATUSES[str(order["status"]).lower()]
    return ReportedOrder(
        exchange_order_id=_text(order["id"]),
        client_order_id=order["clientOrderId"] or None,
        symbol=_text(order["symbol"]),
        side={"buy": "buy", "sell": "sell"}[order["side"]],
        order_type=_text(order["info"]["type"]).lower(),
        price=_number(order["price"] or 0) or None,
        stop_price=_number(order["info"].get("stopPrice") or 0) or None,
        quantity=_number(order["amount"]),
        filled_quantity=filled,
        average_price=_number(order["average"] or 0) or None,
        status="partially_filled" if status == "open" and filled else status,
        reduce_only=bool(order["reduceOnly"]),
        created_at=datetime.fromtimestamp(order["timestamp"] / 1000, UTC),
    )


def _read_fill(row: dict[str, Any], symbol: str) -> ReportedFill:
    return ReportedFill(
        trade_id=_text(row["tradeId"]),
        exchange_order_id=_text(row["orderId"]),
        symbol=symbol,
        side={"BUY": "buy", "SELL": "sell"}[row["side"]],
        executed_at=_time(row["filledTime"]),
        price=_number(row["price"]),
        quantity=_number(row["qty"]),
        fee=-_number(row["commission"]),
        fee_currency=_text(row["commissionAsset"]),
    )


def _text(value: Any) -> str:
    """A text that says something."""
    if value in (None, ""):
        raise ValueError("an empty field")
    return str(value)


def _number(value: Any) -> Decimal:
    """A finite number; ccxt's floats by their shortest spelling, which is what the exchange wrote."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"no number: {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"no finite number: {value!r}")
    return number


def _time(text: str) -> datetime:
    """A moment like 2026-09-18T02:39:57.000+0800; one without its zone raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without its zone: {text}")
    return moment.astimezone(UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
