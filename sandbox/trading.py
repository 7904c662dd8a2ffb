"""The account of the imitated exchange: orders, fills, positions, money, and the dead man's switch.

Swap contracts in USDT. Orders rest until the price reaches them; what is due happens when somebody looks
(`advance`). Prices, quantities and money are Decimal, times milliseconds since the Unix epoch, UTC; `now` is
always an argument: nothing here reads a clock.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

CASH = Decimal(100_000)  # USDT that a fresh account has
MAKER_FEE, TAKER_FEE = Decimal("0.0002"), Decimal("0.0005")  # of the turnover
LEAST_TURNOVER = Decimal(2)  # USDT of an order that opens
CLIENT_ID_KEPT_MS = 2 * 3_600_000  # for so long an order is found by its client id
FIRST_ORDER_ID, FIRST_TRADE_ID = 1_990_000_000_000_000_000, 500_000_000
RESTING_TYPES = ("LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRIGGER_MARKET", "TRIGGER_LIMIT")
TYPES = ("MARKET", *RESTING_TYPES)
OPEN_STATES = ("NEW", "PARTIALLY_FILLED")
ZERO = Decimal(0)

PriceOf = Callable[[str], Decimal]


class RefusedError(Exception):
    """What the exchange says no to, with its code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Order:
    """One order. `attached` are the stop and the target that become orders when it has filled."""

    id: int
    client_id: str
    symbol: str
    side: str  # BUY or SELL
    position_side: str  # BOTH, LONG or SHORT
    type: str
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    reduce_only: bool
    created_at: int
    updated_at: int
    rises: bool = False  # of a trigger: it waits for a higher price
    status: str = "NEW"
    filled: Decimal = ZERO
    turnover: Decimal = ZERO
    fee: Decimal = ZERO
    profit: Decimal = ZERO
    attached: tuple[dict[str, Any], ...] = ()
    parent: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.status in OPEN_STATES

    @property
    def average(self) -> Decimal:
        """The average price of its fills; 0 before the first."""
        return self.turnover / self.filled if self.filled else ZERO


@dataclass(frozen=True)
class Fill:
    """One trade of an order. It is listed from `visible_at` on."""

    id: int
    order: Order
    at: int
    visible_at: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    profit: Decimal
    maker: bool


@dataclass
class Position:
    """What is held of a symbol: `size` is negative for a short; `entry` is the average price of entry."""

    size: Decimal = ZERO
    entry: Decimal = ZERO
    realised: Decimal = ZERO
    updated_at: int = 0


@dataclass
class Account:
    """Everything the exchange knows of its one customer."""

    cash: Decimal = CASH
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    by_client_id: dict[str, Order] = field(default_factory=dict)
    fills: dict[str, list[Fill]] = field(default_factory=lambda: defaultdict(list))  # by symbol, oldest first
    positions: dict[tuple[str, str], Position] = field(default_factory=lambda: defaultdict(Position))
    leverage: dict[str, int] = field(default_factory=dict)
    pinned: dict[str, Decimal] = field(default_factory=dict)  # prices that stand still, by symbol
    dead_man_at: int | None = None
    trades: int = 0
    attempts: Counter[str] = field(default_factory=Counter)  # by client id: how often it was handed over

    def place(
        self,
        asked: dict[str, Any],
        now: int,
        price_of: PriceOf,
        *,
        reveal_after: int = 0,
        parent: int | None = None,
    ) -> Order:
        """Accept an order and fill it as far as the price reaches. `asked`: the fields of an Order.

        Raises RefusedError: its client id is taken, it is too small, the margin is not enough, or there is
        nothing to reduce.
        """
        self.attempts[asked["client_id"]] += 1
        if asked["client_id"] and asked["client_id"] in self.by_client_id:
            raise RefusedError(101481, "clientOrderID already exists")
        price = price_of(asked["symbol"])
        self._check(asked, asked["price"] or asked["stop_price"] or price)
        number = FIRST_ORDER_ID + len(self.orders)
        order = Order(id=number, created_at=now, updated_at=now, parent=parent, **asked)
        order.rises = order.stop_price > price
        self.orders[number] = self.open_orders[number] = order
        if order.client_id:
            self.by_client_id[order.client_id] = order
        if order.type == "MARKET" or (order.type == "LIMIT" and _reaches(order, price)):
            self.fill(order, order.quantity, price, now, maker=False, reveal_after=reveal_after)
        return order

    def fill(
        self,
        order: Order,
        quantity: Decimal,
        price: Decimal,
        now: int,
        *,
        maker: bool = True,
        reveal_after: int = 0,
    ) -> None:
        """Fill an open order with so much at this price. The trade is listed `reveal_after` ms later."""
        if not order.is_open:
            raise RefusedError(109400, f"order {order.id} is {order.status}")
        position = self.positions[order.symbol, order.position_side]
        quantity = min(quantity, order.quantity - order.filled)
        if order.reduce_only:
            quantity = min(quantity, self._reducible(order))
        if quantity <= 0:
            self.end(order, "CANCELLED", now)
            return
        fee = quantity * price * (MAKER_FEE if maker else TAKER_FEE)
        profit = _move(position, quantity if order.side == "BUY" else -quantity, price, now)
        self.cash += profit - fee
        order.filled += quantity
        order.turnover += quantity * price
        order.fee, order.profit, order.updated_at = order.fee + fee, order.profit + profit, now
        first_of_all = order.filled == quantity
        trade = Fill(
            FIRST_TRADE_ID + self.trades, order, now, now + reveal_after, price, quantity, fee, profit, maker
        )
        self.trades += 1
        self.fills[order.symbol].append(trade)
        order.status = "PARTIALLY_FILLED"
        if order.filled == order.quantity:
            order.status = "FILLED"
            del self.open_orders[order.id]
        if first_of_all:
            self._place_attached(order, now)
        if position.size == 0:
            for other in [
                one for one in self.open_orders.values() if one.parent and one.symbol == order.symbol
            ]:
                self.end(other, "CANCELLED", now)

    def end(self, order: Order, status: str, now: int) -> None:
        """End an open order without a fill: CANCELLED, EXPIRED, REJECTED."""
        if not order.is_open:
            raise RefusedError(109421, "order not exist")
        order.status, order.updated_at = status, now
        del self.open_orders[order.id]

    def find(self, number: str, client_id: str, now: int) -> Order:
        """Find an order by its number, or by its client id within two hours. Raises RefusedError."""
        order = self.orders.get(int(number)) if number.isdecimal() and int(number) else None
        if order is None and client_id:
            order = self.by_client_id.get(client_id)
            if order is not None and now - order.created_at > CLIENT_ID_KEPT_MS:
                order = None
        if order is None:
            raise RefusedError(109421, "order not exist")
        return order

    def list_fills(self, symbol: str, start: int, end: int, now: int) -> list[Fill]:
        """The trades of a symbol in [start, end] that are listed by now, oldest first."""
        fills = self.fills.get(symbol, [])
        first = bisect_left(fills, start, key=lambda one: one.at)
        last = bisect_left(fills, end + 1, key=lambda one: one.at)
        return [one for one in fills[first:last] if one.visible_at <= now]

    def advance(self, now: int, price_of: PriceOf) -> None:
        """Do what has become due: the dead man's switch, orders that the price has reached."""
        if self.dead_man_at is not None and now >= self.dead_man_at:
            self.dead_man_at = None
            for order in list(self.open_orders.values()):
                self.end(order, "CANCELLED", now)
        prices: dict[str, Decimal] = {}
        for order in list(self.open_orders.values()):
            price = prices.get(order.symbol) or prices.setdefault(order.symbol, price_of(order.symbol))
            if order.is_open and _reaches(order, price):
                limit = order.type in ("LIMIT", "TRIGGER_LIMIT")
                rest = order.quantity - order.filled
                self.fill(order, rest, order.price if limit else price, now, maker=limit)

    def used_margin(self) -> Decimal:
        """The margin of the positions and of the orders that would open some, in USDT."""
        held = sum(
            (
                abs(one.size) * one.entry / self.leverage.get(symbol, 1)
                for (symbol, _), one in self.positions.items()
            ),
            ZERO,
        )
        waiting: Iterable[Decimal] = (
            (one.quantity - one.filled) * (one.price or one.stop_price) / self.leverage.get(one.symbol, 1)
            for one in self.open_orders.values()
            if not one.reduce_only
        )
        return held + sum(waiting, ZERO)

    def _check(self, asked: dict[str, Any], price: Decimal) -> None:
        turnover = asked["quantity"] * price
        if asked["reduce_only"]:
            if self._reducible(asked) <= 0:
                raise RefusedError(101205, "No position to close")
            return
        if turnover < LEAST_TURNOVER:
            raise RefusedError(110425, "the nominal value of the order placed must be greater than 2u")
        if turnover / self.leverage.get(asked["symbol"], 1) > self.cash - self.used_margin():
            raise RefusedError(101204, "Insufficient margin")

    def _reducible(self, asked: "Order | dict[str, Any]") -> Decimal:
        known = asked if isinstance(asked, dict) else vars(asked)
        size = self.positions[known["symbol"], known["position_side"]].size
        return max(-size if known["side"] == "BUY" else size, ZERO)

    def _place_attached(self, order: Order, now: int) -> None:
        for leg in order.attached:
            asked = {
                "client_id": "",
                "symbol": order.symbol,
                "side": "SELL" if order.side == "BUY" else "BUY",
                "position_side": order.position_side,
                "type": leg["type"],
                "quantity": leg["quantity"],
                "price": ZERO,
                "stop_price": leg["stop_price"],
                "reduce_only": True,
            }
            self.place(asked, now, lambda _: order.average, parent=order.id)


def _reaches(order: Order, price: Decimal) -> bool:
    """Whether the price has reached a resting order."""
    buys = order.side == "BUY"
    match order.type:
        case "LIMIT":
            return price <= order.price if buys else price >= order.price
        case "STOP_MARKET":
            return price >= order.stop_price if buys else price <= order.stop_price
        case "TAKE_PROFIT_MARKET":
            return price <= order.stop_price if buys else price >= order.stop_price
    return price >= order.stop_price if order.rises else price <= order.stop_price


def _move(position: Position, change: Decimal, price: Decimal, now: int) -> Decimal:
    """Change a position's size; return the profit that this realises. Closing never moves the entry price."""
    before, profit = position.size, ZERO
    if before * change >= 0:
        position.entry = (abs(before) * position.entry + abs(change) * price) / (abs(before) + abs(change))
    else:
        closed = min(abs(before), abs(change))
        profit = closed * (price - position.entry) * (1 if before > 0 else -1)
        if abs(change) > abs(before):
            position.entry = price
    position.size += change
    if position.size == 0:
        position.entry = ZERO
    position.realised += profit
    position.updated_at = now
    return profit
