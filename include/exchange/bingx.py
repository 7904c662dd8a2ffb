"""BingX's perpetual swaps, by way of ccxt's synchronous client: real money, or its demo trading.

ccxt signs, names and reads; the requests go through include.http, once each: a second attempt would carry a
stale timestamp, and an order is never sent twice. The account must be in one-way mode: a symbol has one
position. https://bingx-api.github.io/docs-v3 and https://docs.ccxt.com
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, partial
from itertools import count
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine

from include.exchange.bingx_answers import (
    read_fill,
    read_market,
    read_number,
    read_number_if_any,
    read_order,
    read_position,
    to_milliseconds,
)
from include.exchange.venue import (
    ExchangeBalance,
    ExchangeFill,
    ExchangeOrder,
    ExchangePosition,
    ExchangeRefusedError,
    NewOrder,
    NotSentError,
    OrderTakenError,
    OutcomeUnknownError,
    SwapMarket,
)
from include.http import Retry, Service, ServiceError, Timeout
from include.services.bingx import SERVICES
from include.services.ccxt import ExchangeCalls
from include.settings import Endpoint

CALL_TIMEOUT = Timeout(connect=4.0, read=8.0, total=10.0)
TRADING = replace(SERVICES[0], timeout=CALL_TIMEOUT, retry=Retry(attempts=1, budget=15.0), places_at_once=20)
ROWS_A_PAGE = 1000  # what BingX gives at most


class PlainFloat(float):
    """A number that is written without an exponent, which the exchange does not read in a query."""

    def __str__(self) -> str:
        """0.00001234, not 1.234e-05."""
        return f"{Decimal(float.__repr__(self)):f}"


class BingX:
    """The swap account behind one key. A context manager; one thread at a time.

    Every method raises ExchangeRefusedError where the exchange says no, and OutcomeUnknownError where its
    answer is missing or cannot be read.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        key: str,
        secret: str,
        demo: bool,
        base_url: str = "",
        service: Service = TRADING,
    ) -> None:
        """Prepare ccxt; nothing is asked yet.

        Args:
            engine: the platform's database, for include.http.
            key: the API key; secret: what signs. Both empty: only what it tells everybody can be asked.
            demo: trade with the exchange's play money (VST), at its host for that.
            base_url: where it answers instead (the sandbox); empty: its own address.
            service: time limits, quota and breaker.
        """
        import ccxt  # takes seconds

        self.name = "bingx-demo" if demo else "bingx"
        exchange = ccxt.bingx(
            {"apiKey": key, "secret": secret, "options": {"defaultType": "swap"}, "enableRateLimit": False}
        )
        if demo:
            exchange.set_sandbox_mode(True)
        exchange.number = str  # money is no float; what is sent is rounded to the market's steps first
        exchange.parse_to_numeric = _plain_number
        exchange.json = json.dumps  # ccxt's own knows no kinds of floats
        exchange.has["fetchCurrencies"] = False
        exchange.fetch_markets = lambda params: exchange.fetch_swap_markets(params)
        self._calls = ExchangeCalls(
            exchange, service, Endpoint(base_url, secret or None), engine, only_questions=False
        )
        exchange.fetch = self._send
        self._send_until: float | None = None  # by time.monotonic(), of an order that is being handed over
        self._exchange: Any = exchange

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and write the measurements."""
        self._calls.close()
        self._exchange.close()

    @property
    def in_sandbox(self) -> bool:
        """Whether the latest answer came from our sandbox, which says so in a header."""
        client = self._calls.latest.client
        return client is not None and client.sandbox

    @cached_property
    def markets(self) -> Mapping[str, SwapMarket]:
        """The swap markets in which orders may be placed, by ccxt's symbol."""
        with _translated():
            found = self._exchange.load_markets({})
            markets = {
                market["symbol"]: read_market(market)
                for market in found.values()
                if market["swap"] and market["linear"] and market["active"] is not False
            }
        if not markets:
            raise OutcomeUnknownError("an answer that holds no markets")
        return markets

    def price_of(self, symbol: str) -> Decimal:
        """The latest price of a market, in its quote currency."""
        pair = {"symbol": symbol.partition(":")[0].replace("/", "-")}
        answer = self._ask(lambda: self._exchange.swapV2PublicGetQuotePrice(pair))
        with _translated():
            return read_number(answer["data"]["price"])

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Set a symbol's leverage, for both sides. Done twice it is the same."""
        self._ask(lambda: self._exchange.set_leverage(leverage, symbol, {"side": "BOTH"}))

    def submit(self, order: NewOrder, *, until: float | None = None) -> str:
        """Hand an order over, once, with its stop and target; give the exchange's number of it.

        Args:
            order: what is wanted.
            until: when it is too late to send it, by time.monotonic(); None: never.

        Raises:
            OrderTakenError: it has an order of this client order id, which is that one.
            NotSentError: it was too late.
        """
        params: dict[str, Any] = {"clientOrderId": order.client_order_id}
        if order.reduce_only:
            params["reduceOnly"] = True
        for name, trigger in (("stopLoss", order.stop_price), ("takeProfit", order.target_price)):
            if trigger is not None:
                params[name] = {"triggerPrice": str(trigger)}
        price = None if order.price is None else str(order.price)
        self._send_until = until
        try:
            answer = self._ask(
                lambda: self._exchange.create_order(
                    order.symbol, order.order_type, order.side, str(order.quantity), price, params
                )
            )
        finally:
            self._send_until = None
        with _translated():
            number = answer["id"]
        if not number:
            raise OutcomeUnknownError("an answer to an order that holds no number")
        return str(number)

    def find_order(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        """Ask for one order by its number or, within two hours, by our client order id; None: not found."""
        import ccxt

        params = {} if client_order_id is None else {"clientOrderId": client_order_id}
        try:
            answer = self._ask(lambda: self._exchange.fetch_order(exchange_order_id or "", symbol, params))
        except ExchangeRefusedError as error:
            if isinstance(error.__cause__, ccxt.OrderNotFound):
                return None
            raise
        with _translated():
            return read_order(answer)

    def cancel(self, symbol: str, exchange_order_id: str) -> None:
        """Cancel an open order. One that is not open any more is refused."""
        self._ask(lambda: self._exchange.cancel_order(exchange_order_id, symbol))

    def cancel_all(self) -> None:
        """Cancel every open order of the account, in all symbols."""
        self._ask(lambda: self._exchange.swapV2PrivateDeleteTradeAllOpenOrders({}))

    def cancel_all_after(self, delay: timedelta) -> None:
        """Renew the exchange's dead man's switch: it cancels all unless renewed in time; zero closes it."""
        milliseconds = round(delay.total_seconds() * 1000)
        self._ask(lambda: self._exchange.cancel_all_orders_after(milliseconds, {"type": "swap"}))

    def list_open_orders(self) -> list[ExchangeOrder]:
        """All open orders of the account. A missing one proves nothing: ask for it with `find_order`."""
        return self._list(lambda: self._exchange.fetch_open_orders(), read_order)

    def list_orders(self, symbol: str, since: datetime, until: datetime) -> list[ExchangeOrder]:
        """A symbol's orders in any state that were made in a window of seven days at most."""
        window = {"until": to_milliseconds(until)}
        return self._list(
            lambda: self._exchange.fetch_orders(symbol, to_milliseconds(since), ROWS_A_PAGE, window),
            read_order,
        )

    def list_fills(self, symbol: str, since: datetime, until: datetime) -> list[ExchangeFill]:
        """A symbol's executions in a window of seven days at most, oldest first, by pages.

        BingX's `fillHistory` is asked: the list that ccxt's `fetch_my_trades` asks has no pages.
        """
        pair = self.markets[symbol]
        asked = {
            "symbol": pair.pair.replace("/", "-"),
            "startTs": to_milliseconds(since),
            "endTs": to_milliseconds(until),
            "pageSize": ROWS_A_PAGE,
        }
        fills: list[ExchangeFill] = []
        for number in count(1):
            answer = self._ask(
                partial(self._exchange.swapV2PrivateGetTradeFillHistory, {**asked, "pageIndex": number})
            )
            with _translated():
                page = [read_fill(row, symbol) for row in answer["data"]["fill_history_orders"]]
            fills += page
            if len(page) < ROWS_A_PAGE:
                break
        return fills

    def list_balances(self) -> list[ExchangeBalance]:
        """What there is, a row a currency."""
        answer = self._ask(lambda: self._exchange.fetch_balance({"type": "swap"}))
        with _translated():
            return [
                ExchangeBalance(
                    currency,
                    read_number(answer["total"][currency]),
                    read_number_if_any(answer["free"][currency]),
                    read_number_if_any(answer["used"][currency]),
                )
                for currency in answer["total"]
            ]

    def list_positions(self) -> list[ExchangePosition]:
        """The positions that are held."""
        return self._list(lambda: self._exchange.fetch_positions(), read_position)

    def _list(self, call: Callable[[], Any], read: Callable[[Any], Any]) -> list[Any]:
        answer = self._ask(call)
        with _translated():
            return [read(row) for row in answer]

    def _send(self, *request: Any, **named: Any) -> Any:
        """Send what ccxt has stamped and signed, unless it is too late.

        The exchange refuses a stamp that is older than five seconds. So what is in time here is carried out
        within five seconds of `until`, or never: also if this process sleeps on its way to the network.
        """
        if self._send_until is not None and time.monotonic() > self._send_until:
            raise NotSentError("it was never sent: its process slept after it was marked", account=True)
        return self._calls.fetch(*request, **named)

    def _ask(self, call: Callable[[], Any]) -> Any:
        _ = self.markets  # ccxt would load them within the call, whose error would be taken for its own
        with _translated():
            return call()


@contextmanager
def _translated() -> Iterator[None]:
    """Let a call end in one of three ways, whatever ccxt and include.http say."""
    import ccxt

    account = (ccxt.AuthenticationError, ccxt.BadSymbol, ccxt.NotSupported)
    refused = (
        *account,
        ccxt.InsufficientFunds,
        ccxt.InvalidOrder,
        ccxt.BadRequest,
        ccxt.ArgumentsRequired,
        ccxt.OperationRejected,
    )
    try:
        yield
    except ccxt.DuplicateOrderId as error:
        raise OrderTakenError(str(error)) from error
    except refused as error:
        raise ExchangeRefusedError(str(error), account=isinstance(error, account)) from error
    except (ccxt.BaseError, ServiceError) as error:
        # Also a rate limit, a busy server, and a code that ccxt does not know: none of them says no.
        raise OutcomeUnknownError(f"{type(error).__name__}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise OutcomeUnknownError(f"an answer that cannot be read: {error!r}") from error


def _plain_number(number: Any) -> Any:
    return None if number is None else PlainFloat(number)
