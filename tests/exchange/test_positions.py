"""Positions from fills: the average entry by cost, which closing never moves, and the realised result."""

import json
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

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
FILLS_AT_ONCE = """
INSERT INTO fills (
  exchange, trade_id, order_id, symbol, side, executed_at, price, quantity, fee, fee_currency
)
SELECT 'bingx', trade, "order", 'BTC/USDT:USDT', side, at, price, quantity, 0.25, 'USDT'
FROM jsonb_to_recordset(CAST(:fills AS jsonb)) AS f (
  trade text, "order" uuid, side text, at timestamptz, price numeric, quantity numeric
)
"""
AT = "SELECT * FROM measure_position('bingx', 'BTC/USDT:USDT', CAST(:until AS timestamptz), :kept)"
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


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(FILLS, st.integers(0, 71)), min_size=1, max_size=12), st.data())
def test_each_day_that_is_kept_is_what_all_fills_add_up_to_however_they_come(database, fills, data):
    """Late fills, fills of one moment, changed and deleted ones: three days, some rows a statement."""
    numbers = list(range(len(fills)))
    cuts = data.draw(st.lists(st.sampled_from(numbers), max_size=3))
    chosen = {"id": f"{data.draw(st.sampled_from(numbers)):03}"}
    with database.connect() as connection, connection.begin() as transaction:
        order = str(connection.execute(text(ORDER)).scalar_one())
        names = ("trade", "order", "side", "price", "quantity", "at")
        rows = [
            dict(
                zip(
                    names,
                    (f"{number:03}", order, *fill, f"2026-01-0{1 + hour // 24}T{hour % 24:02}:00Z"),
                    strict=True,
                )
            )
            for number, (fill, hour) in enumerate(fills)
        ]
        for first, last in pairwise([0, *sorted(cuts), len(rows)]):
            connection.execute(text(FILLS_AT_ONCE), {"fills": json.dumps(rows[first:last])})
        compare_days(connection)
        move = (
            "UPDATE fills SET quantity = 7, executed_at = executed_at - interval '1 day' WHERE trade_id = :id"
        )
        connection.execute(text(move), chosen)
        compare_days(connection)
        connection.execute(text("DELETE FROM fills WHERE trade_id = :id"), chosen)
        compare_days(connection)
        transaction.rollback()


def compare_days(connection):
    """Each kept day, and moments between, beside one pass over all fills that uses nothing kept."""
    days = connection.execute(text("SELECT DISTINCT CAST(executed_at AT TIME ZONE 'UTC' AS date) FROM fills"))
    kept = connection.execute(text("SELECT * FROM position_days ORDER BY day")).all()
    assert [row.day for row in kept] == sorted(days.scalars())
    assert [row.newest for row in kept] == [False] * (len(kept) - 1) + [True] * bool(kept)
    for row in kept:
        (last, by_fills), (earlier, all_earlier) = (
            [connection.execute(text(AT), {"until": until, "kept": use}).one() for use in (True, False)]
            for until in (row.last_fill_at, row.last_fill_at - timedelta(hours=1))
        )
        assert row[3:8] == last == by_fills
        assert earlier == all_earlier
