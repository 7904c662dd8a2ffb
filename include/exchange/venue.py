"""What an exchange says, in the product's own terms, and the three ways in which a call may end.

A call ends well, is refused (the exchange says no, and nothing has happened), or its outcome is unknown: a
time-out, a failing status, a broken connection, an answer that cannot be read. Unknown never means failed.
`include/exchange/bingx.py` is the one exchange so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from include.exchange.order_states import Accepted, Cancelled, Executed, Expired, OrderEvent, Refused

Side = Literal["buy", "sell"]


class ExchangeError(Exception):
    """The exchange was asked, and did not do what was asked; the message says why, without secrets."""


class ExchangeRefusedError(ExchangeError):
    """The exchange says no: nothing has happened.

    `account`: it is the key, its rights, the clock or the market's name, so that the next order would meet
    the same.
    """

    def __init__(self, message: str, *, account: bool = False) -> None:
        super().__init__(message)
        self.account = account


class NotSentError(ExchangeRefusedError):
    """It was not sent any more, because it was too late: nothing has happened."""


class OutcomeUnknownError(ExchangeError):
    """Nobody knows whether it has happened: no answer, a broken one, or one that cannot be read."""


class OrderTakenError(ExchangeError):
    """The exchange has an order of this client order id already: the one that was to be submitted."""


@dataclass(frozen=True)
class SwapMarket:
    """A market where orders may be placed. Steps and least sizes as the exchange sets them.

    `symbol` as ccxt writes it (BTC/USDT:USDT), `pair` as signals do (BTC/USDT). `quantity_step`,
    `price_step`: the smallest differences. `least_quantity` in the base currency, `least_cost` in the quote
    currency; None: the exchange sets none.
    """

    symbol: str
    pair: str
    quantity_step: Decimal
    price_step: Decimal
    least_quantity: Decimal | None
    least_cost: Decimal | None


@dataclass(frozen=True)
class NewOrder:
    """An order to be handed over. `stop_price` and `target_price` go with it, in the same call."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: Literal["limit", "market"]
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    reduce_only: bool = False


@dataclass(frozen=True)
class ExchangeOrder:
    """An order as the exchange tells it. Times in UTC; `parent_id`: the entry whose stop or target it is."""

    exchange_order_id: str
    client_order_id: str | None
    symbol: str
    side: Side
    order_type: str
    status: Literal["open", "filled", "cancelled", "rejected", "expired"]
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    reduce_only: bool
    created_at: datetime | None
    updated_at: datetime | None
    parent_id: str | None = None

    def events(self) -> Iterator[OrderEvent]:
        """What it says of an order of ours, for `advance` of include/exchange/order_states.py, in order."""
        if self.status == "rejected" and not self.filled_quantity:
            yield Refused("the exchange has rejected it")
            return
        yield Accepted(self.exchange_order_id)
        if self.filled_quantity:
            yield Executed(self.filled_quantity, self.average_price)
        if self.filled_quantity >= self.quantity:
            return
        if self.status == "expired":
            yield Expired("the exchange let it expire")
        elif self.status in ("cancelled", "rejected", "filled"):  # filled, and less than was ordered
            yield Cancelled(f"the exchange has ended it as {self.status}")


@dataclass(frozen=True)
class ExchangeFill:
    """An execution as the exchange tells it; `exchange_order_id` names its order."""

    trade_id: str
    exchange_order_id: str
    symbol: str
    side: Side
    executed_at: datetime
    price: Decimal
    quantity: Decimal
    fee: Decimal | None
    fee_currency: str | None


@dataclass(frozen=True)
class ExchangeBalance:
    """What there is of one currency."""

    currency: str
    total: Decimal
    free: Decimal | None
    used: Decimal | None


@dataclass(frozen=True)
class ExchangePosition:
    """A position as the exchange tells it; `size` in the base currency, negative: short."""

    symbol: str
    size: Decimal
    average_entry: Decimal | None
