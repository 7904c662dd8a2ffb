"""BingX through ccxt's own code, against the sandbox: what is read, and how each kind of failure ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.exchange.bingx_answers import read_position
from include.exchange.order_states import OrderState, advance
from include.exchange.venue import (
    ExchangeBalance,
    ExchangePosition,
    ExchangeRefusedError,
    NewOrder,
    OrderTakenError,
    OutcomeUnknownError,
)

SYMBOL = "BTC/USDT:USDT"


def new_order(number, **changes):
    limit = {"order_type": "limit", "price": Decimal(50_000), "quantity": Decimal("0.01")}
    return NewOrder(
        **({"client_order_id": f"ours-{number}", "symbol": SYMBOL, "side": "buy"} | limit | changes)
    )


def test_an_order_and_what_becomes_of_it_are_read_exactly(venue, sandbox):
    market = venue.markets[SYMBOL]
    assert (market.pair, market.quantity_step, market.price_step) == (
        "BTC/USDT",
        Decimal("0.00001"),
        Decimal("0.1"),
    )
    venue.set_leverage(SYMBOL, 5)
    number = venue.submit(new_order(1, stop_price=Decimal(45_000), target_price=Decimal(65_000)))
    resting = venue.find_order(SYMBOL, client_order_id="ours-1")
    assert resting == venue.find_order(SYMBOL, exchange_order_id=number) == venue.list_open_orders()[0]
    assert (resting.status, resting.price, resting.filled_quantity) == ("open", 50_000, 0)

    sandbox.exchange("fill", order="ours-1", quantity="0.004", price="49900.1")
    part = venue.find_order(SYMBOL, client_order_id="ours-1")
    order = OrderState("submitting", Decimal("0.01"))
    for event in part.events():
        order = advance(order, event)
    assert (order.status, order.filled_quantity) == ("partially_filled", Decimal("0.004"))
    assert (order.average_price, order.exchange_order_id) == (Decimal("49900.1"), number)
    until = datetime.now(UTC) + timedelta(minutes=1)
    (fill,) = venue.list_fills(SYMBOL, until - timedelta(hours=1), until)
    assert (fill.exchange_order_id, fill.side, fill.price, fill.quantity) == (
        number,
        "buy",
        Decimal("49900.1"),
        Decimal("0.004"),
    )
    assert fill.fee == Decimal("0.004") * Decimal("49900.1") * Decimal("0.0002")
    assert venue.list_positions() == [ExchangePosition(SYMBOL, Decimal("0.004"), Decimal("49900.1"))]

    sandbox.exchange("fill", order="ours-1", quantity="0.006", price=49_900)
    legs = [one for one in venue.list_open_orders() if one.parent_id == number]
    assert {(leg.order_type, leg.stop_price, leg.reduce_only) for leg in legs} == {
        ("stop_market", Decimal(45_000), True),
        ("take_profit_market", Decimal(65_000), True),
    }
    orders = venue.list_orders(SYMBOL, until - timedelta(hours=1), until)
    assert {one.exchange_order_id for one in orders} == {number, *(leg.exchange_order_id for leg in legs)}
    venue.cancel_all_after(timedelta(seconds=60))
    venue.cancel_all_after(timedelta(0))
    venue.cancel(SYMBOL, legs[0].exchange_order_id)
    venue.cancel_all()
    assert venue.list_open_orders() == []
    (balance,) = venue.list_balances()
    assert isinstance(balance, ExchangeBalance)
    assert balance.total == balance.free + balance.used


def test_each_failure_ends_as_a_refusal_or_as_unknown_and_is_sent_once(venue, sandbox):
    assert venue.find_order(SYMBOL, client_order_id="never-sent") is None
    venue.submit(new_order(1))
    with pytest.raises(OrderTakenError):
        venue.submit(new_order(1))
    for changes in ({"quantity": Decimal("0.00001"), "price": Decimal(1)}, {"quantity": Decimal(10_000)}):
        with pytest.raises(ExchangeRefusedError) as refused:
            venue.submit(new_order(2, **changes))
        assert not refused.value.account, "the next order may well pass"
    faults = (
        ("accepted_then_timeout", {"seconds": 0.01}),
        ("truncated", {}),
        ("busy", {}),
        ("maintenance", {}),
        ("status", {"status": 503}),
        ("garbage", {}),
        ("reset", {}),
    )
    for number, (kind, options) in enumerate(faults, 10):
        sandbox.fail("bingx", kind, times=1, **options)
        before = len(sandbox.requests("bingx"))
        with pytest.raises(OutcomeUnknownError):
            venue.submit(new_order(number))
        assert len(sandbox.requests("bingx")) == before + 1, kind
    for number, carried_out in ((10, True), (11, True), (12, False), (16, False)):
        found = venue.find_order(SYMBOL, client_order_id=f"ours-{number}")
        assert (found is not None) == carried_out, faults[number - 10]
    sandbox.fail("bingx", "clock_skew", times=1, seconds=60)
    with pytest.raises(ExchangeRefusedError) as refused:
        venue.submit(new_order(30))
    assert refused.value.account, "the next order would meet the same"


def test_a_position_is_long_or_short_by_what_it_says_or_it_cannot_be_read():
    for side, amount, size in (("long", "1", 1), ("short", "1", -1), ("short", "-1", -1), ("both", "-1", -1)):
        row = {"symbol": SYMBOL, "contracts": amount, "contractSize": "1", "side": side, "entryPrice": "2"}
        assert read_position(row) == ExchangePosition(SYMBOL, Decimal(size), Decimal(2)), row
    with pytest.raises(LookupError):
        read_position(row | {"side": None})


def test_small_prices_are_written_without_an_exponent(venue, sandbox):
    doge = venue.markets["DOGE/USDT:USDT"]
    with pytest.raises(ExchangeRefusedError):  # worth less than the exchange takes
        venue.submit(new_order(1, symbol=doge.symbol, quantity=Decimal(1_000), price=doge.price_step))
    asked = dict(sandbox.requests("bingx")[-1]["query"])
    assert asked["price"] == f"{doge.price_step:f}" == "0.000001"
