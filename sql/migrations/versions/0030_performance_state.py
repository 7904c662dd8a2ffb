"""performance_state: the users' statistics as parts that merge, so that a refresh costs what has changed."""

from alembic import op

revision = "0030"
down_revision = "0029"

# The function gets a second argument; the one of a single argument would stand beside it.
FORMER_FUNCTION = "DROP FUNCTION IF EXISTS refresh_atge_performance(uuid[])"

NOTES = """
ALTER TABLE performance_refreshes ADD COLUMN trade_ids uuid[], ADD COLUMN ended_at timestamptz[];
ALTER TABLE daily_stats_due ADD COLUMN user_ids uuid[];
COMMENT ON COLUMN performance_refreshes.trade_ids IS
  'The trades that have changed; null: any of the user may have';
COMMENT ON COLUMN performance_refreshes.ended_at IS
  'When each of them ended; one that has moved is named twice';
COMMENT ON COLUMN daily_stats_due.user_ids IS
  'Whose trades of the day have changed; null: anybody''s may have';
"""

TYPES = """
CREATE TYPE performance_place AS (user_id uuid, ended_at timestamptz, exit_at timestamptz, id uuid);
COMMENT ON TYPE performance_place IS 'A place in the order of a user''s settled trades';

CREATE TYPE performance_trade AS (
  id         uuid,
  ended_at   timestamptz,
  exit_at    timestamptz,
  won        boolean,
  net        numeric,
  percent    numeric,
  score      numeric
);
COMMENT ON TYPE performance_trade IS
  'What the statistics of a user take of a settled trade: a row of settled_trades';

CREATE TYPE performance_part AS (
  trades          bigint,
  wins            bigint,
  paid_wins       bigint,   -- won trades whose money is known
  profit          numeric,
  paid_losses     bigint,
  lost            numeric,  -- the sum of net of lost trades: negative or 0
  best_id         uuid,
  best            numeric,
  worst_id        uuid,
  worst           numeric,
  net             numeric,
  highest         numeric,  -- of the running sum of net, which starts at 0
  lowest          numeric,
  drawdown        numeric,
  percents        bigint,   -- trades whose percent is known
  percent         numeric,
  percent_square  numeric,  -- the sum of its squares
  scored_wins     bigint,
  win_scores      numeric,
  scored_losses   bigint,
  loss_scores     numeric,
  pairs           bigint,   -- trades that have both a score and a percent, and their sums
  pair_score      numeric,
  pair_percent    numeric,
  score_square    numeric,
  paired_square   numeric,
  product         numeric,
  first_day       date,     -- of the calendar, with a percent; and the sum of percent on it so far
  first_percent   numeric,
  last_day        date,
  last_percent    numeric,
  day_percent     numeric,  -- the sum of percent over all such days
  day_square      numeric   -- the sum of the squares of the days' sums, but for the first and the last day
);
COMMENT ON TYPE performance_part IS
  'The statistics of a run of settled trades, in their order, in a form that merges with those of the next';
"""

TABLES = """
CREATE TABLE performance_chunks (
  user_id    uuid                 NOT NULL,
  from_at    timestamptz          NOT NULL,
  from_exit  timestamptz          NOT NULL,
  from_id    uuid                 NOT NULL,
  trades     performance_trade[]  NOT NULL,
  part       performance_part     NOT NULL,
  PRIMARY KEY (user_id, from_at, from_exit, from_id)
) WITH (toast_tuple_target = 8160);
COMMENT ON TABLE performance_chunks IS
  'Each user''s settled trades in their order, up to 32 a row: from its place up to the next row''s';

CREATE TABLE performance_nodes (
  user_id    uuid              NOT NULL,
  from_at    timestamptz       NOT NULL,
  from_exit  timestamptz       NOT NULL,
  from_id    uuid              NOT NULL,
  part       performance_part  NOT NULL,
  PRIMARY KEY (user_id, from_at, from_exit, from_id)
);
COMMENT ON TABLE performance_nodes IS
  'Up to 32 rows of performance_chunks, merged: those from its place up to the next';
"""

TOTALS = """
CREATE TABLE daily_stats_totals (
  user_id            uuid     PRIMARY KEY,
  total_trades       bigint   NOT NULL,
  winning_trades     bigint   NOT NULL,
  losing_trades      bigint   NOT NULL,
  total_profit_loss  numeric  NOT NULL,
  total_profit       numeric  NOT NULL,
  total_loss         numeric  NOT NULL
);
COMMENT ON TABLE daily_stats_totals IS 'The sums of each user''s rows of daily_trade_stats; kept by triggers';
INSERT INTO daily_stats_totals
SELECT
  user_id, sum(total_trades), sum(winning_trades), sum(losing_trades), sum(total_profit_loss),
  sum(total_profit), sum(total_loss)
FROM daily_trade_stats
GROUP BY user_id;
"""


def upgrade() -> None:
    """Make the tables. A user's state is filled when his trades change for the first time."""
    op.execute(FORMER_FUNCTION)
    op.execute(NOTES)
    op.execute(TYPES)
    op.execute(TABLES)
    op.execute(TOTALS)


def downgrade() -> None:
    """Drop the state, all of which is computed; the notes stay, and name whole users and days again."""
    op.execute("DROP TABLE performance_nodes, performance_chunks, daily_stats_totals")
    op.execute("DROP TYPE performance_part, performance_trade, performance_place")
    op.execute("ALTER TABLE performance_refreshes DROP COLUMN trade_ids, DROP COLUMN ended_at")
    op.execute("ALTER TABLE daily_stats_due DROP COLUMN user_ids")
