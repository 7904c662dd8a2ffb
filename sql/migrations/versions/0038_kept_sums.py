"""kept_sums: what the page on monitoring would count anew: durations by hour, trades by status."""

from alembic import op

revision = "0038"
down_revision = "0037"

# Notes are appended, so that nobody who writes a measurement or a trade waits for another one.
TABLES = """
CREATE TABLE metric_hours (
  hour         timestamptz NOT NULL,
  metric_type  text        NOT NULL,
  unit         text        NOT NULL,
  measured     bigint      NOT NULL,
  total        numeric     NOT NULL
);
CREATE INDEX metric_hours_by_hour ON metric_hours (hour);
INSERT INTO metric_hours (hour, metric_type, unit, measured, total)
SELECT date_trunc('hour', timestamp, 'UTC'), metric_type, unit, count(*), sum(value)
FROM atge_performance_metrics
WHERE unit IN ('ms', 'seconds') AND value > '-Infinity' AND value < 'Infinity'
GROUP BY 1, 2, 3;

CREATE TABLE trade_statuses (
  status  text   NOT NULL,
  trades  bigint NOT NULL
);
INSERT INTO trade_statuses (status, trades) SELECT status, count(*) FROM trade_signals GROUP BY status;

COMMENT ON TABLE metric_hours IS
  'Durations in atge_performance_metrics by the hour (UTC), type and unit: how many, and their sum. Several '
  'rows of an hour add up. A trigger appends to it (sum_metric_hours), telemetry/fold_changes adds rows up';
COMMENT ON TABLE trade_statuses IS
  'How many trades have each status. Several rows of a status add up. A trigger appends to it '
  '(count_trade_statuses), telemetry/fold_changes adds rows up';
"""

# The slowest are looked for unit by unit: without the unit, one that no row has cost all rows of the type.
INDEX = """
DROP INDEX IF EXISTS atge_performance_metrics_slowest;
CREATE INDEX atge_performance_metrics_slowest ON atge_performance_metrics (metric_type, unit, value DESC);
"""
FORMER_INDEX = """
DROP INDEX atge_performance_metrics_slowest;
CREATE INDEX atge_performance_metrics_slowest ON atge_performance_metrics (metric_type, value DESC);
"""


def upgrade() -> None:
    """Make them. Nobody writes between the counting and the triggers, which come with the functions."""
    op.execute("LOCK TABLE trade_signals, atge_performance_metrics IN SHARE ROW EXCLUSIVE MODE")
    op.execute(TABLES)
    op.execute(INDEX)


def downgrade() -> None:
    """Drop them: everything in them is worked out from other tables."""
    op.execute(FORMER_INDEX)
    op.execute("DROP TABLE metric_hours, trade_statuses")
