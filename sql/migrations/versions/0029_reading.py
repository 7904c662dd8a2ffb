"""reading: indexes, counts and kept answers, from which lists of trades and statistics are answered."""

from alembic import op

revision = "0029"
down_revision = "0028"

# The order of a list is whole: equal times are told apart by the id, so that a page begins where the last
# one ended.
# What lists are filtered and sorted by lies in the index of the user: 100,000 trades are looked through
# without them.
INDEXES = """
DROP INDEX IF EXISTS trade_signals_by_user, trade_signals_by_time, trade_technical_indicators_by_trade;
CREATE INDEX trade_signals_by_user ON trade_signals (user_id, generated_at DESC, id DESC)
  INCLUDE (symbol, status, timeframe, confidence_score);
CREATE INDEX trade_signals_by_time ON trade_signals (generated_at DESC, id DESC);
CREATE INDEX trade_technical_indicators_by_trade
  ON trade_technical_indicators (trade_signal_id, calculated_at DESC, id);
CREATE INDEX atge_error_logs_by_trade ON atge_error_logs (trade_signal_id, timestamp DESC)
  WHERE trade_signal_id IS NOT NULL;
CREATE INDEX atge_error_logs_by_user ON atge_error_logs (user_id, timestamp DESC) WHERE user_id IS NOT NULL;
CREATE INDEX atge_performance_metrics_by_user ON atge_performance_metrics (user_id, timestamp DESC)
  WHERE user_id IS NOT NULL;
"""

FORMER_INDEXES = """
DROP INDEX trade_signals_by_user, trade_signals_by_time, trade_technical_indicators_by_trade,
  atge_error_logs_by_trade, atge_error_logs_by_user, atge_performance_metrics_by_user;
CREATE INDEX trade_signals_by_user ON trade_signals (user_id, generated_at DESC);
CREATE INDEX trade_signals_by_time ON trade_signals (generated_at DESC);
CREATE INDEX trade_technical_indicators_by_trade ON trade_technical_indicators (trade_signal_id,
calculated_at DESC);
"""

# Counting 100,000 trades takes longer than all else that a page of them does. Notes are appended, so that
# nobody who adds a trade waits for another one.
TABLES = """
CREATE TABLE trade_counts (
  user_id  uuid   NOT NULL,
  trades   bigint NOT NULL
);
CREATE INDEX trade_counts_by_user ON trade_counts (user_id);
INSERT INTO trade_counts (user_id, trades) SELECT user_id, count(*) FROM trade_signals GROUP BY user_id;

CREATE TABLE kept_answers (
  name     text        NOT NULL,
  subject  text        NOT NULL,
  version  text        NOT NULL,
  body     text        NOT NULL,
  made_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, subject)
);
ALTER TABLE kept_answers ALTER COLUMN body SET STORAGE EXTERNAL;

COMMENT ON TABLE trade_counts IS
  'How many trades each user has: the sum of a user''s rows. Triggers of trade_signals append to it '
  '(count_trades), the sweep adds rows up (merge_trade_counts)';
COMMENT ON TABLE kept_answers IS
  'Figures that take long to work out, as last shown: one row a kind and user, overwritten in place';
COMMENT ON COLUMN kept_answers.subject IS 'Whose figures: a user''s id, or all';
COMMENT ON COLUMN kept_answers.version IS 'What the figures were worked out from';
COMMENT ON COLUMN kept_answers.body IS 'JSON';
"""


def upgrade() -> None:
    """Make them. Nobody adds a trade between the counting and the triggers, which come with the functions."""
    op.execute("LOCK TABLE trade_signals IN SHARE ROW EXCLUSIVE MODE")
    op.execute(INDEXES)
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, rows and all: everything in them is worked out from the trades."""
    op.execute("DROP TABLE trade_counts, kept_answers")
    op.execute(FORMER_INDEXES)
