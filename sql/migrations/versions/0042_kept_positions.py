"""position_days: what fills add up to at the end of each day; counts of orders, indexes for the exchange."""

from alembic import op

revision = "0042"
down_revision = "0041"

TABLE = """
CREATE TABLE position_days (
  exchange         text        NOT NULL,
  symbol           text        NOT NULL,
  day              date        NOT NULL,
  size             numeric     NOT NULL,
  average_entry    numeric,
  realised_result  numeric     NOT NULL,
  fees             numeric     NOT NULL,
  opened_at        timestamptz,
  last_fill_at     timestamptz NOT NULL,
  newest           boolean     NOT NULL DEFAULT false,
  PRIMARY KEY (exchange, symbol, day)
);
CREATE UNIQUE INDEX position_days_newest ON position_days (exchange, symbol) WHERE newest;
COMMENT ON TABLE position_days IS
  'The position of a symbol at the end of each day (UTC) with fills: all fills until last_fill_at, which is '
  'the last of the day. A trigger keeps it (keep_positions), from the day of the oldest fill that is new';
COMMENT ON COLUMN position_days.fees IS 'Paid until then, in USDT, USDC, USD or VST';
COMMENT ON COLUMN position_days.newest IS 'The last row of its symbol: the position now';
"""
INDEXES = """
CREATE INDEX reconciliations_complete ON reconciliations (id) WHERE outcome = 'complete';
CREATE INDEX reconciliation_differences_outlived ON reconciliation_differences (resolved_at)
  WHERE resolved_at <> first_seen;
CREATE INDEX signals_by_source ON signals (source, created_at);
CREATE INDEX trading_switch_on ON trading_switch (id) WHERE state = 'trading';
"""
COUNTS = """
INSERT INTO metric_changes (metric, labels, value)
SELECT 'orders_by_status', jsonb_build_object('status', status), count(*) FROM orders GROUP BY status
"""
# Both are made anew, with what they lacked, from sql/views and sql/functions.
FORMER = """
DROP VIEW IF EXISTS positions;
DROP FUNCTION IF EXISTS measure_position;
"""


def upgrade() -> None:
    """Make them. Nobody adds an order or a fill before the triggers, which come with the functions."""
    op.execute("LOCK TABLE orders, fills IN SHARE ROW EXCLUSIVE MODE")
    op.execute(FORMER)
    op.execute(TABLE)
    op.execute(INDEXES)
    op.execute(COUNTS)


def downgrade() -> None:
    """Drop them: everything in the table is worked out from fills."""
    op.execute("DROP TABLE position_days")
    op.execute(
        "DROP INDEX reconciliations_complete, signals_by_source, reconciliation_differences_outlived, "
        "trading_switch_on"
    )
    op.execute("DELETE FROM metric_totals WHERE metric = 'orders_by_status'")
    op.execute("DELETE FROM metric_changes WHERE metric = 'orders_by_status'")
