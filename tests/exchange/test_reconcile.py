"""Reconciliation with the sandbox's exchange: nautilus's order matrix and its start-up scenarios."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from include.database import sql
from include.exchange.bingx import BingX
from include.exchange.reconcile import Reconciled, reconcile
from include.exchange.venue import ExchangeError, NewOrder, OutcomeUnknownError
from tests.support.sandbox import Sandbox

SYMBOL = "BTC/USDT:USDT"
NAME = "bingx-demo"
WHOLE, PART = Decimal("0.01"), Decimal("0.004")
NOTHING, CONTRADICTED = (), ("order_filled",)
# What the exchange made of an order of 0.01: how much of it filled, and how it ended.
THEIRS = {
    "unknown there": None,
    "open": (0, None),
    "partly filled": (PART, None),
    "filled": (WHOLE, None),
    "cancelled": (0, "CANCELLED"),
    "partly filled, cancelled": (PART, "CANCELLED"),
    "expired": (0, "EXPIRED"),
    "rejected": (0, "REJECTED"),
}
# theirs -> what ours becomes, from each of our states; where a difference is left, its kinds.
FRESH = {
    "unknown there": ("rejected", NOTHING),
    "open": ("open", NOTHING),
    "partly filled": ("partially_filled", NOTHING),
    "filled": ("filled", NOTHING),
    "cancelled": ("cancelled", NOTHING),
    "partly filled, cancelled": ("cancelled", NOTHING),
    "expired": ("expired", NOTHING),
    "rejected": ("rejected", NOTHING),
}
KNOWN_PART = {  # ours has 0.004 filled and its trade stored
    **FRESH,
    "unknown there": ("cancelled", NOTHING),
    "open": ("partially_filled", CONTRADICTED),
    "cancelled": ("cancelled", CONTRADICTED),
    "expired": ("expired", CONTRADICTED),
    "rejected": ("cancelled", ("order_filled", "order_state")),  # a rejected order has no fills
}
ENDED = {"open": ("order_state",), "partly filled": ("order_state",), "filled": ("order_state",)}
MATRIX = {
    **{("submitting", theirs): then for theirs, then in FRESH.items()},
    **{("unknown", theirs): then for theirs, then in FRESH.items()},
    **{("open", theirs): then for theirs, then in FRESH.items()},
    **{("partially_filled", theirs): then for theirs, then in KNOWN_PART.items()},
    **{("cancelled", theirs): ("cancelled", kinds) for theirs, kinds in ENDED.items()},
    **{("rejected", theirs): ("rejected", kinds) for theirs, kinds in ENDED.items()},
    ("cancelled", "partly filled, cancelled"): ("cancelled", NOTHING),  # a fill that was seen late
    ("cancelled", "unknown there"): ("cancelled", NOTHING),
    ("planned", "open"): ("planned", ("order_state",)),  # nobody handed it over
    ("planned", "unknown there"): ("planned", NOTHING),
    **{(None, theirs): (then, NOTHING) for theirs, (then, _) in FRESH.items() if theirs != "unknown there"},
}


@dataclass
class Desk:
    """Our tables, and the exchange."""

    database: Engine
    exchange: BingX
    sandbox: Sandbox

    def write(
        self, status, client_id="ours-1", *, filled=Decimal(0), stored=Decimal(0), age="1 hour", number=None
    ):
        """An order of ours, of 0.01 at 50,000; `stored`: what of it has a stored trade."""
        order = {"status": status, "client": client_id, "filled": filled, "age": age, "number": number}
        with self.database.begin() as connection:
            found = connection.execute(text(ORDER), order).scalar_one()
            if stored:
                connection.execute(text(FILL), {"order": found, "trade": client_id, "filled": stored})

    def place(self, client_id="ours-1", filled=0, ends=None):
        """The same order at the exchange; give its number."""
        order = NewOrder(client_id, SYMBOL, "buy", "limit", WHOLE, Decimal(50_000))
        number = self.exchange.submit(order)
        if filled:
            self.sandbox.exchange("fill", order=number, quantity=filled, price=50_000)
        if ends:
            self.sandbox.exchange("end", order=number, status=ends)
        return number

    def run(self, **options) -> Reconciled:
        return reconcile(self.database, self.exchange, **options)

    def rows(self, statement) -> list[Any]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def order(self, client_id="ours-1"):
        (found,) = self.rows(
            f"SELECT status, filled_quantity FROM orders WHERE client_order_id = '{client_id}'"
        )
        return found

    def left(self):
        """The kinds of the differences that are not resolved."""
        found = self.rows(
            "SELECT kind FROM reconciliation_differences WHERE resolved_at IS NULL ORDER BY kind"
        )
        return [kind for (kind,) in found]

    def everything(self):
        """All that a second run must leave alone."""
        differences = "SELECT id, kind, subject, first_seen, resolved_at FROM reconciliation_differences"
        tables = ("SELECT * FROM orders", "SELECT * FROM fills", differences)
        return [self.rows(f"{table} ORDER BY id") for table in tables]


ORDER = f"""
INSERT INTO orders (
  exchange, symbol, side, order_type, price, quantity, client_order_id, exchange_order_id, status,
  filled_quantity, average_price, submitted_at, created_at, updated_at, unknown_since, closed_at
)
SELECT
  '{NAME}', '{SYMBOL}', 'buy', 'limit', 50000, 0.01, :client, :number, :status, :filled,
  CASE WHEN :filled > 0 THEN 50000 END,
  CASE WHEN :status <> 'planned' THEN at END, at, at,
  CASE WHEN :status = 'unknown' THEN at END,
  CASE WHEN :status IN ('filled', 'cancelled', 'rejected', 'expired') THEN at END
FROM (SELECT now() - CAST(:age AS interval) AS at) AS t
RETURNING id
"""
FILL = f"""
INSERT INTO fills (exchange, trade_id, order_id, symbol, side, executed_at, price, quantity)
VALUES ('{NAME}', :trade, :order, '{SYMBOL}', 'buy', now() - interval '1 hour', 50000, :filled)
"""
OF_ORDERS = """
SELECT
  o.client_order_id, o.status, o.filled_quantity,
  array_remove(array_agg(d.kind ORDER BY d.kind), NULL) AS left_over
FROM orders AS o
LEFT JOIN reconciliation_differences AS d ON d.order_id = o.id AND d.resolved_at IS NULL
GROUP BY o.id
"""


@pytest.fixture
def desk(database, venue, sandbox):
    return Desk(database, venue, sandbox)


def test_each_cell_of_the_matrix_ends_as_it_should_and_stays_so(desk):
    """Every cell is an order of its own; all are reconciled at once, and once more."""
    cells = {f"cell-{number}": cell for number, cell in enumerate(MATRIX)}
    expected = {}
    for client_id, (ours, theirs) in cells.items():
        made = THEIRS[theirs]
        if made:
            desk.place(client_id, *made)
        known = PART if ours == "partially_filled" else Decimal(0)
        if ours:  # a trade that the exchange has, too, comes to us by its own number
            desk.write(ours, client_id, filled=known, stored=Decimal(0) if made and made[0] else known)
        then, kinds = MATRIX[ours, theirs]
        filled = 0 if then == "planned" else max(known, made[0] if made else 0)
        expected[client_id] = (then, filled, list(kinds))
    assert desk.run().outcome == "complete"
    found = {client_id: tuple(rest) for client_id, *rest in desk.rows(OF_ORDERS)}
    wrong = {
        cells[one]: (found[one], expected[one])
        for one in cells
        if one in found and found[one] != expected[one]
    }
    missing = [cells[one] for one in cells if one not in found]
    assert (wrong, missing, len(cells) >= 30) == ({}, [], True)
    before = desk.everything()
    again = desk.run()
    assert (desk.everything(), again.differences, again.resolved) == (before, 0, 0)


def test_an_answer_that_fails_or_is_empty_is_no_evidence(desk, sandbox):
    desk.place(filled=PART)
    desk.write("open")
    desk.run()
    before = desk.everything()
    assert desk.order() == ("partially_filled", PART)
    for kind in ("maintenance", "busy", "clock_skew"):
        sandbox.fail("bingx", kind, times=1)
        with pytest.raises(ExchangeError, match="100"):
            desk.run()
        assert desk.everything() == before
    for path in ("/openOrders", "/fullOrder", "/fillHistory", "/positions"):
        sandbox.fail("bingx", "empty_book", times=1, match={"path": path})
        assert desk.run().outcome == "complete"
        assert (desk.everything(), desk.left()) == (before, []), path
    sandbox.fail("bingx", "empty_book", times=1, match={"path": "/balance"})
    with pytest.raises(OutcomeUnknownError, match="money"):
        desk.run()
    assert sandbox.faults() == []
    outcomes = desk.rows("SELECT outcome, reason IS NULL FROM reconciliations ORDER BY id")
    assert outcomes == [("complete", True)] + [("failed", False)] * 3 + [("complete", True)] * 4 + [
        ("failed", False)
    ]


def test_a_fill_that_is_listed_late_is_waited_for_and_counted_once(desk, sandbox):
    sandbox.exchange("price", symbol="BTC-USDT", price=49_000)
    sandbox.fail("bingx", "late_fill", times=1)
    desk.place()
    desk.write("unknown")
    desk.run()
    assert (desk.order(), desk.left()) == (("filled", WHOLE), ["fills", "position"])
    sandbox.exchange("reveal")
    for _ in range(2):
        desk.run()
        assert (desk.order(), desk.left()) == (("filled", WHOLE), [])
        assert desk.rows("SELECT size FROM positions") == [(WHOLE,)]
    assert len(desk.rows("SELECT FROM fills")) == 1


def test_what_is_too_young_or_too_old_to_be_missing_waits(desk):
    desk.write("submitting", "young", age="1 minute")
    desk.write("unknown", "old", age="3 hours")  # its id is not looked up any more
    desk.run()
    assert (desk.order("young")[0], desk.order("old")[0], desk.left()) == (
        "submitting",
        "unknown",
        ["order_unseen"],
    )
    desk.run(not_found_after=timedelta(seconds=30))
    assert desk.order("young")[0] == "rejected"


def test_questions_about_single_orders_are_bounded_and_what_is_left_is_said(desk, sandbox):
    for number in range(4):
        desk.write("unknown", f"ours-{number}")
    few = desk.run(questions=1)
    assert (few.outcome, few.reason) == (
        "failed",
        "3 questions about single orders are left for the next run",
    )
    sandbox.fail("bingx", "busy", match={"path": "/trade/order"})
    stopped = desk.run()
    assert stopped.outcome == "complete" and desk.left() == ["order_unanswered"] * 3
    sandbox.heal("bingx")
    assert desk.run().outcome == "complete"
    assert desk.left() == [] and {desk.order(f"ours-{number}")[0] for number in range(4)} == {"rejected"}


def test_a_position_that_differs_is_one_row_until_it_agrees(desk, sandbox):
    desk.write("filled", filled=WHOLE, stored=WHOLE)  # the exchange never had it
    for _ in range(2):
        desk.run()
        ours_and_theirs = desk.rows("SELECT kind, ours, theirs FROM reconciliation_differences")
        assert ours_and_theirs == [("position", {"size": "0.01"}, {"size": "0"})]
    with desk.database.connect() as connection:
        measured = connection.execute(sql("exchange/measure_agreement"), {"exchange": NAME}).one()
        assert (measured.unexplained, measured.days) == (1, None)
    desk.exchange.submit(
        NewOrder("by-hand", SYMBOL, "buy", "market", WHOLE, None)
    )  # somebody else, elsewhere
    with desk.database.begin() as connection:
        connection.execute(text("DELETE FROM fills WHERE trade_id = 'ours-1'"))
    desk.run()
    assert desk.left() == []
    (adopted,) = desk.rows("SELECT origin, status FROM orders WHERE client_order_id = 'by-hand'")
    assert adopted == ("external", "filled")
    with desk.database.connect() as connection:
        measured = connection.execute(sql("exchange/measure_agreement"), {"exchange": NAME}).one()
        assert measured.unexplained == 0 and measured.days >= 0


def test_both_sides_of_a_symbol_are_one_position(desk):
    """Of an account that holds longs and shorts apart, which ours must not be: their sum is compared."""
    asked = desk.exchange._exchange
    for side, quantity in (("buy", "0.03"), ("sell", "0.01")):
        desk.exchange._ask(
            lambda side=side, quantity=quantity: asked.create_order(
                SYMBOL, "market", side, quantity, None, {"hedged": True}
            )
        )
    assert [one.size for one in desk.exchange.list_positions()] == [Decimal("0.03"), Decimal("-0.01")]
    desk.run()
    assert desk.left() == []
    assert desk.rows("SELECT size FROM positions") == [(Decimal("0.02"),)]
