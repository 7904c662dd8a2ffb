"""trade_search: indexes for searching trades by their result, and by statuses that few have."""

from alembic import op

revision = "0034"
down_revision = "0033"

# NaN and infinity are above and below every result that somebody looks for. A settled trade is entered once
# in the first index; the second holds few trades.
INDEXES = """
CREATE INDEX trade_results_by_net ON trade_results (net_profit_loss, trade_signal_id)
  WHERE net_profit_loss > '-Infinity' AND net_profit_loss < 'Infinity';
CREATE INDEX trade_signals_rare ON trade_signals (status) WHERE status IN ('cancelled', 'incomplete_data');
"""


def upgrade() -> None:
    """Make the indexes."""
    op.execute(INDEXES)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX trade_results_by_net, trade_signals_rare")
