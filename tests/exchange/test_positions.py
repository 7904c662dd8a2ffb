"""Positions from fills: the average entry by cost, which closing never moves, and the realised result."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from include.exchange.switch import may_submit, read_trading_state

ORDER = (
    "INSERT INTO orders (exchange, symbol, side, order_type, quantity, client_order_id) "
    "VALUES ('bingx', 'BTC/USDT:USDT', 'buy', 'limit', 1, 'positions') RETURNING id"
)
FILL = (
    "INSERT INTO fills (exchange, trade_id, order_id, symbol, side, executed_at, price, quantity) "
    "VALUES ('bingx', :trade, :order, 'BTC/USDT:USDT', :side, '2026-01-01Z', :price, :quantity)"
)
FILLS = st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 40), st.integers(1, 5))


def reckon(fills):
    """An independent reference: units are matched one by one, in exact fractions."""
    size, average, realised = 0, None, Fraction(0)
    for side, price, quantity in fills:
        step = 1 if side == "buy" else -1
        for _ in range(quantity):
            if size * step >= 0:  # one more of the same
                average = (Fraction(average or 0) * abs(size) + price) / (abs(size) + 1)
            else:
                realised += (price - average) * -step
            size += step
            average = average if size else None
    return size, average, realised


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FILLS, min_size=1, max_size=12))
def test_a_position_is_what_its_fills_add_up_to(database, fills):
    with database.connect() as connection, connection.begin() as transaction:
        order = connection.execute(text(ORDER)).scalar_one()
        connection.execute(
            text(FILL),
            [
                {"trade": f"{number:03}", "order": order, "side": side, "price": price, "quantity": quantity}
                for number, (side, price, quantity) in enumerate(fills)
            ],
        )
        found = connection.execute(text("SELECT * FROM positions")).one()
        transaction.rollback()
    size, average, realised = reckon(fills)
    assert found.size == size
    assert (found.average_entry is None) == (found.opened_at is None) == (average is None)
    for ours, exact in ((found.average_entry or 0, average or 0), (found.realised_result, realised)):
        assert abs(Fraction(ours) - Fraction(exact)) < Fraction(1, 10**9)


def test_closing_never_moves_the_average_and_the_switch_is_frozen_until_it_is_turned(database):
    fills = [("buy", "100", "2"), ("buy", "110", "1"), ("sell", "130", "1"), ("sell", "90", "1.5")]
    with database.begin() as connection:
        order = connection.execute(text(ORDER)).scalar_one()
        for number, (side, price, quantity) in enumerate(fills):
            parts = {"trade": str(number), "order": order, "side": side}
            connection.execute(text(FILL), parts | {"price": Decimal(price), "quantity": Decimal(quantity)})
        found = connection.execute(text("SELECT * FROM positions")).one()
        assert found.size == Decimal("0.5")
        assert round(found.average_entry, 8) == Decimal("103.33333333"), "as after the two entries"
        assert round(found.realised_result, 8) == Decimal("6.66666667"), "26.67 won, 20 lost"

        assert read_trading_state(connection) == "frozen"
        change = text("INSERT INTO trading_switch (state, reason, changed_by) VALUES (:state, 'r', 'ann')")
        for state, enters, leaves in (
            ("trading", True, True),
            ("exits_only", False, True),
            ("frozen", False, False),
        ):
            connection.execute(change, {"state": state})
            now = read_trading_state(connection)
            assert (may_submit(now, reduce_only=False), may_submit(now, reduce_only=True)) == (enters, leaves)
