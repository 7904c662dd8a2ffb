"""daily_kpis: users' ratings, and a target for the share of trades that have an analysis."""

from alembic import op

revision = "0028"
down_revision = "0027"

COLUMNS = """
ALTER TABLE daily_kpis
  ADD COLUMN analysis_success_target  numeric  NOT NULL DEFAULT 95,
  ADD COLUMN analysis_success_met     boolean
    GENERATED ALWAYS AS (analysis_success > analysis_success_target) STORED,
  ADD COLUMN ratings                  integer  NOT NULL DEFAULT 0,
  ADD COLUMN average_rating           numeric,
  ADD COLUMN average_rating_target    numeric  NOT NULL DEFAULT 4,
  ADD COLUMN average_rating_met       boolean
    GENERATED ALWAYS AS (average_rating > average_rating_target) STORED,
  ADD COLUMN positive_share           numeric,
  ADD COLUMN positive_share_target    numeric  NOT NULL DEFAULT 80,
  ADD COLUMN positive_share_met       boolean
    GENERATED ALWAYS AS (positive_share > positive_share_target) STORED;
ALTER TABLE daily_kpis
  ALTER COLUMN analysis_success_target DROP DEFAULT,
  ALTER COLUMN ratings DROP DEFAULT,
  ALTER COLUMN average_rating_target DROP DEFAULT,
  ALTER COLUMN positive_share_target DROP DEFAULT;
"""

# Feedback is kept for good: the days that have some are rolled up once more.
SEED = """
INSERT INTO daily_stats_due (day)
SELECT DISTINCT day
FROM daily_kpis
JOIN atge_user_feedback ON (timestamp AT TIME ZONE 'UTC')::date = day
WHERE rating IS NOT NULL AND isfinite(timestamp)
"""

FORMER_COLUMNS = """
ALTER TABLE daily_kpis
  DROP COLUMN analysis_success_met, DROP COLUMN analysis_success_target, DROP COLUMN ratings,
  DROP COLUMN average_rating_met, DROP COLUMN average_rating_target, DROP COLUMN average_rating,
  DROP COLUMN positive_share_met, DROP COLUMN positive_share_target, DROP COLUMN positive_share
"""


def upgrade() -> None:
    """Add the columns. The KPIs of a day get more of them, which a function cannot take in place."""
    op.execute(COLUMNS)
    op.execute(SEED)
    op.execute("DROP FUNCTION IF EXISTS measure_kpis(date) CASCADE")


def downgrade() -> None:
    """Drop them: they are calculated from the feedback, which is kept."""
    op.execute(FORMER_COLUMNS)
