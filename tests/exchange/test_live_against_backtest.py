"""Live beside back-test: a case worked out by hand, many by a second computation, what is not comparable."""

import json
import random
import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import text

from include.database import sql
from include.exchange.exits import link_exits
from include.exchange.reconcile import reconcile
from include.exchange.venue import ExchangeOrder, NewOrder
from tests.support.rows import insert, insert_signal

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PARTS = ("price", "fees", "delay", "missed")


class Trade:
    """A settled trade; `fills` are (enters, minutes after START, quantity, price, fee, its currency)."""

    def __init__(self, connection, *, direction="LONG", backtest, fills=(), order=None):
        self.direction, self.fills, self.backtest = direction, fills, backtest
        self.id = insert_signal(
            connection, direction=direction, status="completed_success", completed_at=START, symbol="BTC",
            expires_at=START + timedelta(hours=8),
        )  # fmt: skip
        insert(connection, "trade_results", trade_signal_id=self.id, **backtest)
        for enters in (True, False):
            chosen = [fill for fill in fills if fill[0] is enters]
            if not chosen and (fills or not enters):
                continue
            side = "buy" if enters is (direction == "LONG") else "sell"
            executed = sum(Fraction(str(fill[2])) for fill in chosen)
            quantity = float(executed) or 1
            made = {
                "exchange": "bingx", "symbol": "BTC/USDT:USDT", "side": side, "order_type": "limit",
                "quantity": quantity, "client_order_id": str(uuid.uuid4()), "trade_signal_id": self.id,
                "submitted_at": START, "closed_at": START + timedelta(hours=9), "reduce_only": not enters,
                "filled_quantity": float(executed), "status": "filled" if executed else "expired",
            }  # fmt: skip
            order_id = insert(connection, "orders", **made | (order or {}))
            for _, minute, amount, price, fee, currency in chosen:
                insert(
                    connection, "fills", exchange="bingx", trade_id=str(uuid.uuid4()), order_id=order_id,
                    symbol="BTC/USDT:USDT", side=side, executed_at=START + (minute + 0.3) * MINUTE,
                    price=price, quantity=amount, fee=fee, fee_currency=currency,
                )  # fmt: skip


def write_candles(connection, opens):
    """One candle a minute from START on, as the market opened in it."""
    connection.execute(text("SELECT ensure_candle_partitions(:at, :at)"), {"at": START})
    for minute, price in enumerate(opens):
        connection.execute(
            text(
                "INSERT INTO market_candles (symbol, resolution, timestamp, open, high, low, close, source)"
                " VALUES ('BTC', '1m', :at, :open, :open + 1, :open - 1, :open, 'archive')"
            ),
            {"at": START + minute * MINUTE, "open": price},
        )


def compared(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM live_against_backtest")).all()
    return {row.trade_signal_id: row for row in rows}


def result(entry, exit_, *, size=1000, rate="0.001", sign=1):
    """A back-test that enters and leaves once, with fees and slippage as the engine takes them."""
    entry, exit_, rate = Fraction(str(entry)), Fraction(str(exit_)), Fraction(rate)
    quantity = Fraction(size) / entry
    gross, cost = sign * quantity * (exit_ - entry), rate * quantity * (entry + exit_)
    return {
        "actual_entry_price": float(entry), "actual_exit_price": float(exit_), "trade_size_usd": size,
        "gross_profit_loss": float(gross), "fees_paid": float(cost), "slippage_cost": float(cost),
        "net_profit_loss": float(gross - 2 * cost),
    }  # fmt: skip


NOT_ENTERED = {
    "trade_size_usd": 1000, "gross_profit_loss": 0, "fees_paid": 0, "slippage_cost": 0, "net_profit_loss": 0
}  # fmt: skip


def test_a_trade_worked_out_by_hand(database):
    """Back-test: 10 at 100, out at 110: +100, fees 2.10, slippage 2.10, net 95.80.

    Live: 5 at 101.50 when the market was at 101, out at 108.50 when it was at 109, fees 2.00: net 33.00. Half
    was missed: -47.90. The market had moved 2 against us on 5: -10. Prices: 1 worse on 5, -5, and half of the
    slippage that was assumed did not come, +1.05. Fees: 1.05 - 2.00 = -0.95. In all -62.80.
    """
    with database.begin() as connection:
        write_candles(connection, [100, 101, 105, 109])
        trade = Trade(
            connection,
            backtest=result(100, 110),
            fills=[(True, 1, 5, 101.5, 1, "USDT"), (False, 3, 5, 108.5, 1, "USDT")],
        )
    row = compared(database)[trade.id]
    assert [float(getattr(row, part)) for part in PARTS] == [-3.95, -0.95, -10.0, -47.9]
    assert (float(row.net_live), float(row.net_backtest), float(row.difference)) == (33.0, 95.8, -62.8)
    assert (row.reason, row.delay_known) == (None, True)


def test_parts_add_up_to_the_cent_and_are_what_a_second_computation_says(database):
    chance = random.Random(15)
    with database.begin() as connection:
        opens = [100 + chance.randint(-300, 300) / 100 for _ in range(60)]
        write_candles(connection, opens)
        trades = [_some_trade(connection, chance) for _ in range(40)]
    rows = compared(database)
    assert len(rows) == 40
    for trade in trades:
        row = rows[trade.id]
        assert sum(getattr(row, part) for part in PARTS) == row.net_live - row.net_backtest == row.difference
        for part, value in _reference(trade, opens).items():
            assert float(getattr(row, part)) == pytest.approx(float(value), abs=0.0251), (part, trade.fills)


def _some_trade(connection, chance):
    direction = chance.choice(["LONG", "SHORT"])
    sign = 1 if direction == "LONG" else -1
    backtest = result(100 + chance.randint(-9, 9) / 7, 100 + chance.randint(-99, 99) / 13, sign=sign)
    fills = []
    if chance.random() < 0.8:
        pieces = [chance.randint(1, 400) / 100 for _ in range(chance.randint(1, 4))]
        for enters in (True, False):
            for piece in pieces:
                price = 100 + chance.randint(-400, 400) / 100
                fills.append(
                    (enters, chance.randint(0, 59), piece, price, chance.randint(0, 40) / 100, "USDT")
                )
    return Trade(connection, direction=direction, backtest=backtest, fills=fills)


def _reference(trade, opens):
    """The parts from first principles, fill by fill, each by itself and unrounded."""
    sign = 1 if trade.direction == "LONG" else -1
    plan = {name: Fraction(str(value)) for name, value in trade.backtest.items()}
    share = sum(Fraction(str(fill[2])) for fill in trade.fills if fill[0]) / (
        plan["trade_size_usd"] / plan["actual_entry_price"]
    )
    slipped = moved = paid = Fraction(0)
    for enters, minute, quantity, price, fee, _ in trade.fills:
        way = -sign if enters else sign
        planned = plan["actual_entry_price" if enters else "actual_exit_price"]
        market, quantity = Fraction(str(opens[minute])), Fraction(str(quantity))
        slipped += way * quantity * (Fraction(str(price)) - market)
        moved += way * quantity * (market - planned)
        paid += Fraction(str(fee))
    return {
        "price": slipped + share * plan["slippage_cost"],
        "fees": share * plan["fees_paid"] - paid,
        "delay": moved,
        "missed": (share - 1) * plan["net_profit_loss"],
    }


def test_what_cannot_be_compared_says_why_and_one_that_the_backtest_never_entered_is_missed_by_it(database):
    entry, exit_ = (True, 0, 5, 101, 1, "USDT"), (False, 1, 5, 103, 1, "USDT")
    cases = {
        "not closed": ([entry], result(100, 110), None),
        "BNB": ([entry, (*exit_[:4], 1, "BNB")], result(100, 110), None),
        "no result": ([entry, exit_], {}, None),
        "order is not closed": ([entry, exit_], result(100, 110), {"status": "open", "closed_at": None}),
    }
    with database.begin() as connection:
        insert_signal(
            connection, status="completed_success", completed_at=START
        )  # never tried at the exchange
        refused = {
            word: Trade(connection, fills=fills, backtest=backtest, order=order).id
            for word, (fills, backtest, order) in cases.items()
        }
        alone = Trade(connection, fills=[entry, exit_], backtest=NOT_ENTERED)
        missed = Trade(connection, backtest=result(100, 110))
    rows = compared(database)
    assert len(rows) == len(cases) + 2
    for word, trade_id in refused.items():
        assert word in rows[trade_id].reason
        assert {getattr(rows[trade_id], part) for part in (*PARTS, "difference")} == {None}, word
    row = rows[alone.id]
    assert [float(getattr(row, part)) for part in PARTS] == [0, -2, 0, 10]
    row = rows[missed.id]
    assert [float(getattr(row, part)) for part in (*PARTS, "difference")] == [0, 0, 0, -95.8, -95.8]
    assert not rows[alone.id].delay_known, "there is no candle at its fills"


def test_a_trade_whose_exits_the_exchange_made_is_compared(database, venue, sandbox):
    """Two entries, of which the exchange makes stops and targets: one stop is hit, and a target."""
    with database.begin() as connection:
        trades = [
            insert_signal(
                connection, status="completed_failure", completed_at=START, symbol="BTC",
                expires_at=START + timedelta(hours=8),
            )
            for _ in range(2)
        ]  # fmt: skip
        for number, trade in enumerate(trades):
            insert(connection, "trade_results", trade_signal_id=trade, **result(60_000, 57_000))
            insert(
                connection, "orders", exchange=venue.name, symbol="BTC/USDT:USDT", side="buy",
                order_type="market", quantity=0.01 * (number + 1), stop_price=57_000, target_price=66_000,
                client_order_id=f"entry-{number}", trade_signal_id=trade, submitted_at=datetime.now(UTC),
                created_at=datetime.now(UTC), status="submitting",
            )  # fmt: skip
    for number in range(2):
        quantity = Decimal("0.01") * (number + 1)
        venue.submit(
            NewOrder(
                f"entry-{number}", "BTC/USDT:USDT", "buy", "market", quantity, None, Decimal(57_000),
                Decimal(66_000),
            )
        )  # fmt: skip
    reconcile(database, venue)
    sandbox.exchange("price", symbol="BTC-USDT", price=56_900)
    reconcile(database, venue)
    rows = compared(database)
    assert {trade: (row.reason, row.net_live is not None) for trade, row in rows.items()} == dict.fromkeys(
        trades, (None, True)
    )
    assert [float(rows[trade].quantity) for trade in trades] == [0.01, 0.02]
    assert all(
        row.net_live - row.net_backtest == sum(getattr(row, part) for part in PARTS) for row in rows.values()
    )


def test_an_exit_that_names_no_entry_belongs_to_the_one_trade_that_fits(database):
    entry = {
        "exchange": "bingx", "symbol": "BTC/USDT:USDT", "side": "buy", "order_type": "limit", "quantity": 1,
        "target_price": 66_000, "status": "open",
        "submitted_at": datetime.now(UTC), "created_at": datetime.now(UTC),
    }  # fmt: skip
    trades = [str(uuid.uuid4()) for _ in range(2)]
    stop = ExchangeOrder(
        "", None, "BTC/USDT:USDT", "sell", "stop_market", "open", Decimal(1), Decimal(0), None, None,
        Decimal(57_000), True, None, None,
    )  # fmt: skip
    legs = {
        "stop": stop,
        "names its entry": replace(stop, stop_price=Decimal(66_000), parent_id="number 1"),
        "of both": replace(stop, stop_price=Decimal(66_000)),
        "other quantity": replace(stop, quantity=Decimal(2)),
        "other side": replace(stop, side="buy"),
        "no level": replace(stop, stop_price=None),
        "opens": replace(stop, reduce_only=False),
    }
    orders = [replace(one, exchange_order_id=name) for name, one in legs.items()]
    with database.begin() as connection:
        for number, (trade, level) in enumerate(
            zip((*trades, trades[0]), (57_000, 58_000, 57_000), strict=True)
        ):
            insert(
                connection, "orders", client_order_id=str(number), exchange_order_id=f"number {number}",
                trade_signal_id=trade, stop_price=level, **entry,
            )  # fmt: skip
        reported = json.dumps([asdict(one) for one in orders], default=str)
        made = connection.execute(sql("exchange/adopt_orders"), {"exchange": "bingx", "orders": reported})
        link_exits(connection, "bingx", {row.exchange_order_id: row.id for row in made}, orders)
        found = connection.execute(
            text("SELECT exchange_order_id, trade_signal_id FROM orders WHERE origin = 'external'")
        ).all()
    linked = {"stop": trades[0], "names its entry": trades[1]}
    assert {name: str(trade) for name, trade in found} == dict.fromkeys(legs, "None") | linked
