"""table_sizes and maintenance_reports: how the database grows, and what looking after it found."""

from alembic import op

from sql.migrations.adoption import add_constraint, drop_empty

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE table_sizes (
  day         date    NOT NULL,
  table_name  text    NOT NULL,
  bytes       bigint  NOT NULL,
  rows        bigint  NOT NULL,
  PRIMARY KEY (day, table_name)
);
COMMENT ON TABLE table_sizes IS
  'How large each table was on a day (UTC), partitions counted under their table';
COMMENT ON COLUMN table_sizes.bytes IS 'With indexes and long values (TOAST)';
COMMENT ON COLUMN table_sizes.rows IS 'As the planner estimates them';

CREATE TABLE maintenance_reports (
  id          uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  kind        text        NOT NULL CHECK (kind IN ('weekly', 'monthly')),
  run_url     text        NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  findings    jsonb       NOT NULL,
  sections    jsonb       NOT NULL
);
CREATE INDEX maintenance_reports_by_time ON maintenance_reports (created_at DESC);
COMMENT ON TABLE maintenance_reports IS 'What each run of the maintenance DAGs found; a run has one report';
COMMENT ON COLUMN maintenance_reports.findings IS 'What a person should do: severity, words, remedy';
COMMENT ON COLUMN maintenance_reports.sections IS 'What was looked at: title, note, columns, rows';
"""

# The first platform's table may have another primary key, and needs the unique one; ours holds it twice.
DROP_SECOND_KEY = """
DO $$
BEGIN
  IF pg_get_constraintdef((SELECT oid FROM pg_constraint
      WHERE conrelid = 'atge_performance_cache'::regclass AND contype = 'p')) = 'PRIMARY KEY (user_id)' THEN
    ALTER TABLE atge_performance_cache DROP CONSTRAINT IF EXISTS atge_performance_cache_user_id_key;
  END IF;
END
$$
"""


def upgrade() -> None:
    """Make the tables; drop an index that repeats another one, which the first report found."""
    op.execute(TABLES)
    op.execute(DROP_SECOND_KEY)


def downgrade() -> None:
    """Drop the tables, if they are empty."""
    drop_empty("maintenance_reports", "table_sizes")
    add_constraint("atge_performance_cache", "atge_performance_cache_user_id_key", "UNIQUE (user_id)")
