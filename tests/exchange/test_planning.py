"""Orders from signals: what they add up to, and which signals get none."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.exchange.planning import AcceptedSignal, PlanRefusedError, plan_orders
from include.exchange.venue import SwapMarket

MARKET = SwapMarket(
    "BTC/USDT:USDT", "BTC/USDT", Decimal("0.0001"), Decimal("0.1"), Decimal("0.0001"), Decimal(2)
)
PRICE = Decimal(60_000)
LONG = AcceptedSignal(
    "a" * 32,
    True,
    (Decimal("59800.04"), Decimal(59_000)),
    Decimal(57_000),
    {Decimal(61_000): Decimal(40), Decimal(62_000): Decimal(30), Decimal(63_000): Decimal(30)},
)


def plan(signal=LONG, value=6_000, deviation="0.05", price=PRICE):
    return plan_orders(signal, MARKET, price, value=Decimal(value), deviation=Decimal(deviation))


def change(**changes):
    return AcceptedSignal(**(vars(LONG) | changes))


def test_each_entry_is_divided_by_the_allocations_with_stop_and_target_in_each_order():
    orders = plan()
    assert [(one.client_order_id[-4:], one.price, one.target_price) for one in orders] == [
        (f"-{entry}-{rank}", Decimal(price), Decimal(60_000 + 1_000 * rank))
        for entry, price in ((1, "59800.0"), (2, "59000"))
        for rank in (1, 2, 3)
    ]
    assert {one.stop_price for one in orders} == {57_000}
    assert [one.quantity for one in orders[:3]] == [Decimal("0.0200"), Decimal("0.0150"), Decimal("0.0150")]
    assert plan() == orders, "planned twice it is the same"
    short = AcceptedSignal(
        "b" * 32, False, (), Decimal(61_000), {Decimal(59_000): Decimal(1), Decimal(58_000): Decimal(1)}
    )
    first, second = plan(short)
    assert (first.order_type, first.price, first.side) == ("market", None, "sell")
    assert (first.target_price, second.target_price) == (59_000, 58_000), "the nearest target first"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(any),
    st.integers(300, 1_000_000),
    st.lists(st.integers(58_000, 60_900), max_size=3, unique=True),
)
def test_a_plan_is_never_worth_more_than_it_may_be(shares, value, entries):
    wanted = change(
        entries=tuple(map(Decimal, entries)),
        shares=dict(zip(LONG.shares, map(Decimal, shares), strict=True)),
    )
    try:
        orders = plan(wanted, value=value)
    except PlanRefusedError as error:
        assert "less than" in str(error)
        return
    assert sum(one.quantity * (one.price or PRICE) for one in orders) <= value
    assert all(not one.quantity % MARKET.quantity_step and one.quantity > 0 for one in orders)
    assert len({one.client_order_id for one in orders}) == len(orders)
    assert all(len(one.client_order_id) <= 40 for one in orders)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entries": (Decimal(50_000),)}, "away from"),
        ({"stop_loss": Decimal(59_900)}, "wrong side"),
        ({"shares": {Decimal(59_000): Decimal(1)}}, "wrong side"),
        ({"shares": {Decimal(61_000): Decimal(0)}}, "no target"),
        ({"stop_loss": Decimal("NaN")}, "no price"),
        ({"entries": (Decimal("Infinity"),)}, "no price"),
        ({"shares": {Decimal(61_000 + n): Decimal(1) for n in range(200)}}, "less than the exchange"),
    ],
)
def test_a_signal_without_orders_says_why(changes, words):
    with pytest.raises(PlanRefusedError, match=words):
        plan(change(**changes), value=300)
