"""metric_totals: what /metrics counts, in totals that only grow."""

from alembic import op

revision = "0026"
down_revision = "0025"

TABLES = """
CREATE TABLE metric_changes (
  id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  metric  text    NOT NULL,
  labels  jsonb   NOT NULL DEFAULT '{}',
  le      text    NOT NULL DEFAULT '',
  value   numeric NOT NULL,
  latest  boolean NOT NULL DEFAULT false
);

CREATE TABLE metric_totals (
  metric  text    NOT NULL,
  labels  jsonb   NOT NULL,
  le      text    NOT NULL,
  value   numeric NOT NULL,
  latest  boolean NOT NULL,
  PRIMARY KEY (metric, labels, le)
);

CREATE TABLE metric_readings (
  single    boolean     PRIMARY KEY DEFAULT true CHECK (single),
  taken_at  timestamptz NOT NULL,
  samples   jsonb       NOT NULL
);

CREATE TABLE counted_runs (
  dag_id    text        NOT NULL,
  run_id    text        NOT NULL,
  ended_at  timestamptz NOT NULL,
  PRIMARY KEY (dag_id, run_id, ended_at)
);
CREATE INDEX counted_runs_by_time ON counted_runs (ended_at);

COMMENT ON TABLE metric_changes IS
  'What has just been counted: rows are only added, in the transaction that counts, so that nobody waits for '
  'anybody; telemetry/fold_changes adds them to metric_totals. The view metric_values shows both together';
COMMENT ON COLUMN metric_changes.le IS
  'Of a histogram: the upper bound of the bucket; empty: the sum, or what is no histogram';
COMMENT ON COLUMN metric_changes.latest IS 'The value is a time (Unix, seconds), of which the latest counts';
COMMENT ON TABLE metric_totals IS
  'Totals that only grow, whatever retention deletes: docs/metrics.md. Buckets do not hold those below them';
COMMENT ON TABLE metric_readings IS
  'What the last scrape of /metrics read, for those that come within seconds: one row';
COMMENT ON TABLE counted_runs IS
  'Runs of DAGs that were counted of late, so that none counts twice; Airflow keeps the runs themselves';
"""

# What was there before anybody counted. The other totals begin with the next event.
TRADES = """
INSERT INTO metric_totals (metric, labels, le, value, latest)
SELECT 'tradeops_trades_total', jsonb_build_object('status', status), '', count(*), false
FROM trade_signals
GROUP BY status
"""


def upgrade() -> None:
    """Make the tables; the trigger function count_events fills the first."""
    op.execute(TABLES)
    op.execute(TRADES)


def downgrade() -> None:
    """Drop them, rows and all: counting begins anew, which Prometheus takes for a restart."""
    op.execute("DROP TABLE counted_runs, metric_readings, metric_totals, metric_changes")
