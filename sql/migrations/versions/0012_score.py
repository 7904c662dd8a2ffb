"""score: daily rollups, KPIs, and the notes that say which statistics are stale."""

from alembic import op

revision = "0012"
down_revision = "0011"

CACHE = "ALTER TABLE atge_performance_cache ADD COLUMN sharpe_ratio_annualised numeric"

# Notes are only ever appended and taken away: with one row a user and ON CONFLICT DO NOTHING, a change that
# is committed just after its user was refreshed would find the old note, write none, and be forgotten.
NOTES = """
ALTER TABLE performance_refreshes DROP CONSTRAINT performance_refreshes_pkey;
ALTER TABLE performance_refreshes ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
CREATE INDEX performance_refreshes_by_user ON performance_refreshes (user_id);

CREATE TABLE daily_stats_due (
  id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  day        date        NOT NULL,
  marked_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX daily_stats_due_by_day ON daily_stats_due (day);

COMMENT ON TABLE performance_refreshes IS
  'Users whose statistics are older than their trades; a note for each change, appended by triggers';
COMMENT ON TABLE daily_stats_due IS
  'Days (UTC) whose trades have changed since their rollup; a note for each change, appended by triggers';
"""

TABLES = """
CREATE TABLE daily_trade_stats (
  day                date        NOT NULL,
  user_id            uuid        NOT NULL,
  symbol             text        NOT NULL,
  timeframe          text        NOT NULL,
  direction          text        NOT NULL,
  ai_model           text,
  total_trades       integer     NOT NULL,
  winning_trades     integer     NOT NULL,
  losing_trades      integer     NOT NULL,
  total_profit_loss  numeric     NOT NULL,
  total_profit       numeric     NOT NULL,
  total_loss         numeric     NOT NULL,
  fees_paid          numeric     NOT NULL,
  slippage_cost      numeric     NOT NULL,
  calculated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT daily_trade_stats_key
    UNIQUE NULLS NOT DISTINCT (day, user_id, symbol, timeframe, direction, ai_model)
);
CREATE INDEX daily_trade_stats_by_user ON daily_trade_stats (user_id, day);

CREATE TABLE daily_kpis (
  day                  date        PRIMARY KEY,
  trades_settled       integer     NOT NULL,
  trades_won           integer     NOT NULL,
  trades_lost          integer     NOT NULL,
  trades_not_entered   integer     NOT NULL,
  trades_incomplete    integer     NOT NULL,
  success_rate         numeric,
  latency_p50          numeric,
  latency_p95          numeric,
  latency_p99          numeric,
  data_quality         numeric,
  data_quality_target  numeric     NOT NULL,
  data_quality_met     boolean     GENERATED ALWAYS AS (data_quality > data_quality_target) STORED,
  analysis_success     numeric,
  generation_measured  integer     NOT NULL,
  generation_within    numeric,
  generation_limit     numeric     NOT NULL,
  generation_target    numeric     NOT NULL,
  generation_met       boolean     GENERATED ALWAYS AS (generation_within >= generation_target) STORED,
  backtest_measured    integer     NOT NULL,
  backtest_within      numeric,
  backtest_limit       numeric     NOT NULL,
  backtest_target      numeric     NOT NULL,
  backtest_met         boolean     GENERATED ALWAYS AS (backtest_within >= backtest_target) STORED,
  analysis_measured    integer     NOT NULL,
  analysis_within      numeric,
  analysis_limit       numeric     NOT NULL,
  analysis_target      numeric     NOT NULL,
  analysis_met         boolean     GENERATED ALWAYS AS (analysis_within >= analysis_target) STORED,
  operations           integer     NOT NULL,
  errors               integer     NOT NULL,
  error_rate           numeric,
  error_rate_target    numeric     NOT NULL,
  error_rate_met       boolean     GENERATED ALWAYS AS (error_rate < error_rate_target) STORED,
  calculated_at        timestamptz NOT NULL DEFAULT now()
);
"""

# The day of a trade, for the rollup of one day; the newest snapshot of a trade, without sorting.
INDEXES = """
DROP INDEX trade_market_snapshot_by_trade;
CREATE INDEX trade_market_snapshot_by_trade ON trade_market_snapshot (trade_signal_id, snapshot_at DESC, id);
CREATE INDEX trade_signals_by_end ON trade_signals ((coalesce(completed_at, expires_at)))
  WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
"""

FORMER_INDEXES = """
DROP INDEX trade_signals_by_end, trade_market_snapshot_by_trade;
CREATE INDEX trade_market_snapshot_by_trade ON trade_market_snapshot (trade_signal_id, snapshot_at DESC);
"""

# What was settled before there were triggers: the next runs take it up.
SEED = """
INSERT INTO performance_refreshes (user_id)
SELECT DISTINCT user_id FROM trade_signals WHERE status IN ('completed_success', 'completed_failure');
INSERT INTO daily_stats_due (day)
SELECT DISTINCT (coalesce(completed_at, expires_at) AT TIME ZONE 'UTC')::date
FROM trade_signals
WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data');
"""

FORMER_NOTES = """
CREATE TEMPORARY TABLE noted ON COMMIT DROP AS
  SELECT user_id, min(marked_at) AS marked_at FROM performance_refreshes GROUP BY user_id;
DELETE FROM performance_refreshes;
DROP INDEX performance_refreshes_by_user;
ALTER TABLE performance_refreshes DROP COLUMN id;
ALTER TABLE performance_refreshes ADD PRIMARY KEY (user_id);
INSERT INTO performance_refreshes (user_id, marked_at) SELECT user_id, marked_at FROM noted;
DROP TABLE noted;
COMMENT ON TABLE performance_refreshes IS 'Users whose statistics are older than their trades';
"""


def upgrade() -> None:
    """Make the tables; the functions fill them, and hold the comments on their columns."""
    op.execute(CACHE)
    op.execute(NOTES)
    op.execute(TABLES)
    op.execute(INDEXES)
    op.execute(SEED)


def downgrade() -> None:
    """Drop them, rows and all: everything in them is computed from the trades."""
    op.execute(FORMER_INDEXES)
    op.execute("DROP TABLE daily_kpis, daily_trade_stats, daily_stats_due")
    op.execute(FORMER_NOTES)
    op.execute("ALTER TABLE atge_performance_cache DROP COLUMN sharpe_ratio_annualised")
