"""platform_trade_stats: results of each day for every choice of symbol, timeframe, direction and model."""

from alembic import op

revision = "0036"
down_revision = "0035"

TABLE = """
CREATE TABLE platform_trade_stats (
  grouped         smallint NOT NULL,
  symbol          text     NOT NULL,
  timeframe       text     NOT NULL,
  direction       text     NOT NULL,
  ai_model        text     NOT NULL,
  day             date     NOT NULL,
  trades          integer  NOT NULL,
  wins            integer  NOT NULL,
  net             numeric  NOT NULL,
  profit          numeric  NOT NULL,
  loss            numeric  NOT NULL,
  fees            numeric  NOT NULL,
  percents        integer  NOT NULL,
  percent         numeric  NOT NULL,
  best_id         uuid,
  best            numeric,
  worst_id        uuid,
  worst           numeric,
  r_counts        integer[] NOT NULL,
  confident       integer[] NOT NULL,
  confident_wins  integer[] NOT NULL,
  PRIMARY KEY (grouped, symbol, timeframe, direction, ai_model, day)
);
CREATE INDEX platform_trade_stats_by_day ON platform_trade_stats (day);
"""

# The days that were rolled up get their rows by being rolled up once more.
SEED = "INSERT INTO daily_stats_due (day) SELECT day FROM daily_kpis"


def upgrade() -> None:
    """Make the table; the next runs of roll_up_stats fill it, up to 100 days a run, the newest first."""
    op.execute(TABLE)
    op.execute(SEED)


def downgrade() -> None:
    """Drop it: it is computed from the trades."""
    op.execute("DROP TABLE platform_trade_stats")
