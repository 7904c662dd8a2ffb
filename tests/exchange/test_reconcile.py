"""Reconciliation with the sandbox's exchange: nautilus's order matrix and start-up scenarios, cell by cell."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from sqlalchemy import text

from include.exchange.reconcile import reconcile
from tests.support.exchange import SYMBOL, open_exchange

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
    "unknown there": ("cancelled", ("position",)),
    "open": ("partially_filled", ("order_filled", "position")),
    "cancelled": ("cancelled", ("order_filled", "position")),
    "expired": ("expired", ("order_filled", "position")),
    "rejected": ("rejected", ("order_filled", "position")),
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

    database: object
    exchange: object
    sandbox: object

    def write(self, status, *, filled=Decimal(0), number=None, client_id="ours-1", age="1 hour"):
        """An order of ours, of 0.01 at 50,000, with its stored trade if it is filled."""
        columns = {"status": status, "filled": filled, "number": number, "client": client_id, "age": age}
        with self.database.begin() as connection:
            order = connection.execute(text(ORDER), columns).scalar_one()
            if filled:
                connection.execute(text(FILL), {"order": order, "filled": filled})
        return order

    def place(self, filled=0, ends=None, client_id="ours-1"):
        """The same order at the exchange; give its number."""
        params = {"clientOrderId": client_id}
        made = self.exchange.create_order(SYMBOL, "limit", "buy", float(WHOLE), 50_000, params)
        if filled:
            self.sandbox.exchange("fill", order=made["id"], quantity=filled, price=50_000)
        if ends:
            self.sandbox.exchange("end", order=made["id"], status=ends)
        return made["id"]

    def run(self, **options):
        return reconcile(self.database, self.exchange, NAME, **options)

    def rows(self, statement):
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def orders(self):
        return self.rows("SELECT status, filled_quantity FROM orders ORDER BY client_order_id")

    def left(self):
        """The kinds of the differences that are not resolved."""
        found = self.rows(
            "SELECT kind FROM reconciliation_differences WHERE resolved_at IS NULL ORDER BY kind"
        )
        return tuple(kind for (kind,) in found)

    def everything(self):
        """All that a second run must leave alone."""
        return (
            self.rows("SELECT * FROM orders ORDER BY id"),
            self.rows("SELECT * FROM fills ORDER BY id"),
            self.rows(
                "SELECT id, kind, subject, first_seen, resolved_at FROM reconciliation_differences ORDER BY id"
            ),
        )


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
VALUES ('{NAME}', 'stored', :order, '{SYMBOL}', 'buy', now() - interval '1 hour', 50000, :filled)
"""


@pytest.fixture
def desk(database, sandbox):
    return Desk(database, open_exchange(sandbox), sandbox)


@pytest.mark.parametrize(("ours", "theirs"), MATRIX)
def test_each_cell_of_the_matrix(desk, ours, theirs):
    then, kinds = MATRIX[ours, theirs]
    made = THEIRS[theirs]
    if ours:  # a part that the exchange has, too, comes to us by its own trade
        shared = ours == "partially_filled" and not (made and made[0])
        order = desk.write(ours, filled=PART if shared else Decimal(0))
        if ours == "partially_filled" and not shared:
            with desk.database.begin() as connection:
                connection.execute(
                    text("UPDATE orders SET filled_quantity = 0.004, average_price = 50000 WHERE id = :id"),
                    {"id": order},
                )
    if made:
        desk.place(*made)
    result = desk.run()
    filled = made[0] if made else 0
    if ours == "partially_filled":
        filled = max(filled, PART)
    assert (desk.orders(), desk.left(), result.outcome) == ([(then, filled)], kinds, "complete")
    before = desk.everything()
    again = desk.run()
    assert (desk.everything(), again.differences, again.resolved) == (before, 0, 0), (
        "the second run changed something"
    )
