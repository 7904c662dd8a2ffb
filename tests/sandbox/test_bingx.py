"""The imitated exchange, asked by ccxt's own code: orders, trades, positions, money, and how it fails."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest

from sandbox.bingx_requests import KEY, SECRET
from sandbox.trading import Account, RefusedError
from tests.support.sandbox import Sandbox

SYMBOL = "BTC/USDT:USDT"


def open_exchange(sandbox: Sandbox) -> Any:
    """ccxt's BingX, sent to the sandbox."""
    exchange = ccxt.bingx(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "options": {"defaultType": "swap", "sandboxMode": True},
            "timeout": 5_000,
        }
    )
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], f"{sandbox.url}/bingx/openApi")
    exchange.enableRateLimit = False
    return exchange


@pytest.fixture
def exchange(sandbox):
    sandbox.exchange("price", symbol="BTC-USDT", price=60_000)
    return open_exchange(sandbox)


def test_an_order_lives_as_ccxt_reads_it(exchange, sandbox):
    market = exchange.load_markets()[SYMBOL]
    assert market["swap"] and market["active"] and market["precision"] == {"amount": 1e-5, "price": 0.1}
    exchange.set_leverage(5, SYMBOL, {"side": "BOTH"})
    made = exchange.create_order(
        SYMBOL,
        "limit",
        "buy",
        0.01,
        50_000,
        {"clientOrderId": "mine-1", "stopLoss": {"triggerPrice": 45_000}},
    )
    assert (made["clientOrderId"], made["stopLossPrice"]) == ("mine-1", 45_000)
    with pytest.raises(ccxt.DuplicateOrderId):
        exchange.create_order(SYMBOL, "limit", "buy", 0.01, 50_000, {"clientOrderId": "mine-1"})
    assert exchange.fetch_order("", SYMBOL, {"clientOrderId": "mine-1"})["id"] == made["id"]
    sandbox.exchange("fill", order="mine-1", quantity="0.004", price=49_900)
    (first, stop) = exchange.fetch_open_orders(SYMBOL)
    assert (first["filled"], first["average"], first["status"]) == (0.004, 49_900, "open")
    assert (stop["stopLossPrice"], stop["reduceOnly"]) == (45_000, False), "the exchange does not say so"
    assert stop["info"]["triggerOrderId"] == int(made["id"])
    (trade,) = exchange.fetch_my_trades(SYMBOL, exchange.milliseconds() - 60_000)
    assert (trade["order"], trade["id"], trade["side"]) == (made["id"], None, None), "this list has neither"
    assert (trade["amount"], trade["price"]) == (0.004, 49_900)
    assert trade["fee"] == {"cost": pytest.approx(0.004 * 49_900 * 0.0002), "currency": "USDT"}
    (position,) = exchange.fetch_positions()
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.004, 49_900)
    sandbox.exchange("price", symbol="BTC-USDT", price=44_000)  # the limit is reached, and then the stop
    exchange.fetch_balance()
    assert {one["status"] for one in exchange.fetch_canceled_and_closed_orders(SYMBOL)} == {"closed"}
    assert exchange.fetch_positions() == []
    lost = 0.004 * (49_900 - 44_000) + 0.006 * (50_000 - 44_000)
    fees = 0.0002 * (0.004 * 49_900 + 0.006 * 50_000) + 0.0005 * 0.01 * 44_000
    assert exchange.fetch_balance()["USDT"]["free"] == pytest.approx(100_000 - lost - fees)


def test_what_cannot_be_is_refused_by_its_code(exchange):
    refused = [
        (ccxt.InvalidOrder, ("limit", "buy", 0.00002, 50_000, {})),  # below two dollars
        (ccxt.InsufficientFunds, ("limit", "buy", 9.0, 50_000, {})),
        (ccxt.InvalidOrder, ("market", "sell", 0.01, None, {"reduceOnly": True})),  # nothing to reduce
    ]
    for error, asked in refused:
        with pytest.raises(error):
            exchange.create_order(SYMBOL, *asked)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("17", SYMBOL)
    exchange.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()


@pytest.mark.parametrize("ends", ["cancel_all_orders", "dead man"])
def test_all_open_orders_end_at_once(exchange, ends):
    for price in (50_000, 51_000):
        exchange.create_order(SYMBOL, "limit", "buy", 0.01, price)
    if ends == "dead man":
        assert exchange.cancel_all_orders_after(10_000)["data"]["status"] == "ACTIVATED"
        assert len(exchange.fetch_open_orders()) == 2
        assert exchange.cancel_all_orders_after(0)["data"]["status"] == "CLOSED"
        return
    exchange.cancel_all_orders()
    assert exchange.fetch_open_orders() == []


def test_each_fault_strikes_as_asked(exchange, sandbox):
    def place(client_id):
        return exchange.create_order(SYMBOL, "limit", "buy", 0.01, 50_000, {"clientOrderId": client_id})

    def strike(kind, **options):
        sandbox.fail("bingx", kind, times=1, **options)

    exchange.load_markets()
    an_hour_ago = exchange.milliseconds() - 3_600_000
    strike("accepted_then_timeout", seconds=0.001)
    with pytest.raises(ccxt.RequestTimeout):
        place("timed-out")
    strike("duplicate_client_id")
    with pytest.raises(ccxt.DuplicateOrderId):
        place("there")
    strike("partial_then_cancel")
    place("half")
    states = {one["clientOrderId"]: (one["status"], one["filled"]) for one in exchange.fetch_orders(SYMBOL)}
    assert states == {"timed-out": ("open", 0), "there": ("open", 0), "half": ("canceled", 0.005)}
    strike("late_fill")
    market = exchange.create_order(SYMBOL, "market", "buy", 0.01)
    assert exchange.fetch_order(market["id"], SYMBOL)["filled"] == 0.01
    assert len(exchange.fetch_my_trades(SYMBOL, an_hour_ago)) == 1  # the half above
    sandbox.exchange("reveal")
    assert len(exchange.fetch_my_trades(SYMBOL, an_hour_ago)) == 2
    strike("busy")
    with pytest.raises(ccxt.OperationFailed) as busy:
        exchange.fetch_balance()
    assert not isinstance(busy.value, ccxt.NetworkError)
    strike("clock_skew")
    with pytest.raises(ccxt.BadSymbol):  # ccxt takes the code of a wrong stamp for one of a wrong symbol
        exchange.fetch_balance()
    strike("maintenance")
    with pytest.raises(ccxt.ExchangeError):
        exchange.fetch_open_orders()
    strike("empty_book")
    assert exchange.fetch_open_orders() == []
    assert len(exchange.fetch_open_orders()) == 2
    assert sandbox.faults() == []


def test_the_account_keeps_time():
    account, asked = (
        Account(),
        {"client_id": "a", "symbol": "BTC-USDT", "side": "BUY", "position_side": "BOTH"},
    )
    asked |= {
        "type": "LIMIT",
        "quantity": Decimal("0.01"),
        "price": Decimal(50_000),
        "stop_price": Decimal(0),
    }
    order = account.place(asked | {"reduce_only": False}, 1_000, lambda _: Decimal(60_000))
    two_hours = 2 * 3_600_000
    assert account.find("", "a", 1_000 + two_hours) is order
    with pytest.raises(RefusedError):
        account.find("", "a", 1_001 + two_hours)  # the number still finds it
    assert account.find(str(order.id), "", 1_001 + two_hours) is order
    account.dead_man_at = 5_000
    account.advance(4_999, lambda _: Decimal(60_000))
    assert order.status == "NEW"
    account.advance(5_000, lambda _: Decimal(60_000))
    assert (order.status, account.open_orders) == ("CANCELLED", {})
