"""trade_results.unseen_candles: how much of its window a result was settled without."""

from alembic import op

revision = "0019"
down_revision = "0018"

COLUMN = """
ALTER TABLE trade_results ADD COLUMN unseen_candles integer;
COMMENT ON COLUMN trade_results.unseen_candles IS
  'Whole candles of data_resolution from the signal to the exit, or to the expiry when never entered, that '
  'the store did not hold; null: not counted, as for invalid trades and results older than this column';
COMMENT ON COLUMN candle_fetches.end_at IS
  'Open times before this were looked at: what came last of a recent stretch may not be the last';
"""

FORMER_COMMENT = "COMMENT ON COLUMN candle_fetches.end_at IS 'Open times before this were asked for'"


def upgrade() -> None:
    """Add the column; what older results were settled without is not known."""
    op.execute(COLUMN)


def downgrade() -> None:
    """Drop it: a replay counts anew."""
    op.execute("ALTER TABLE trade_results DROP COLUMN unseen_candles")
    op.execute(FORMER_COMMENT)
