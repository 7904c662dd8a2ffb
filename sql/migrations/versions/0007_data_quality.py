"""data_quality: what the expectation suites said of each batch of data."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0007"
down_revision = "0006"

TABLE = """
CREATE TABLE data_quality_results (
  id          uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  suite       text        NOT NULL,
  batch       text        NOT NULL,
  day         date        NOT NULL,
  success     boolean     NOT NULL,
  severity    text        CHECK (severity IN ('critical', 'warning')),
  rows        integer     NOT NULL,
  evaluated   integer     NOT NULL,
  failed      integer     NOT NULL,
  details     jsonb       NOT NULL,
  run_url     text        NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT data_quality_results_suite_batch_key UNIQUE (suite, batch),
  CHECK (success = (failed = 0) AND success = (severity IS NULL))
);
CREATE INDEX data_quality_results_by_day ON data_quality_results (day, severity);
CREATE INDEX data_quality_results_by_run ON data_quality_results (run_url);

COMMENT ON TABLE data_quality_results IS
  'What an expectation suite said of a batch of data; auditing a batch again replaces its row';
COMMENT ON COLUMN data_quality_results.suite IS 'candles, candle_fetches, trade_signals or trade_results';
COMMENT ON COLUMN data_quality_results.batch IS 'Which data: BTC/1m/2026-11-20, or 2026-11-20';
COMMENT ON COLUMN data_quality_results.day IS 'The day in UTC that was looked at';
COMMENT ON COLUMN data_quality_results.success IS 'Whether every expectation was met';
COMMENT ON COLUMN data_quality_results.severity IS 'Of the worst unmet expectation; null: all were met';
COMMENT ON COLUMN data_quality_results.rows IS 'Candles, fetches or trades looked at';
COMMENT ON COLUMN data_quality_results.evaluated IS 'Expectations evaluated';
COMMENT ON COLUMN data_quality_results.failed IS 'Expectations that were not met';
COMMENT ON COLUMN data_quality_results.details IS
  'checks: each expectation, how many rows broke it, a few of them in words; notes: what was not looked at';
COMMENT ON COLUMN data_quality_results.run_url IS 'Opens the run of the audit in Airflow';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, if it is empty."""
    drop_empty("data_quality_results")
