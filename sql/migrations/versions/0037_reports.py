"""reports: a report for each day, week and month, and what was sent where."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0037"
down_revision = "0036"

TABLES = """
CREATE TABLE reports (
  id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  kind          text        NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
  period_start  date        NOT NULL,
  period_end    date        NOT NULL CHECK (period_end > period_start),
  version       integer     NOT NULL DEFAULT 1,
  known_until   timestamptz NOT NULL,
  built_at      timestamptz NOT NULL DEFAULT now(),
  figures       jsonb       NOT NULL,
  location      text,
  files         jsonb,
  stored_at     timestamptz,
  run_url       text        NOT NULL,
  UNIQUE (kind, period_start),
  CHECK ((stored_at IS NULL) = (location IS NULL) AND (stored_at IS NULL) = (files IS NULL))
);
CREATE INDEX reports_by_end ON reports (period_end, kind);
COMMENT ON TABLE reports IS
  'Reports on days, weeks and months (UTC), one a period, in its newest version. Retention: keep_reports';
COMMENT ON COLUMN reports.period_end IS 'The first day after the period';
COMMENT ON COLUMN reports.version IS 'Of the figures: one more each time that somebody had it built again';
COMMENT ON COLUMN reports.known_until IS 'What came into the database later is not in the figures';
COMMENT ON COLUMN reports.figures IS 'The figures as the file report.json has them';
COMMENT ON COLUMN reports.location IS 'The folder or s3://bucket/prefix of the files; null: not stored yet';
COMMENT ON COLUMN reports.files IS 'Name, key, bytes and SHA-256 of each file of this version';
COMMENT ON COLUMN reports.run_url IS 'Opens the run that built this version in Airflow';

CREATE TABLE report_deliveries (
  report_id      uuid        NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
  version        integer     NOT NULL,
  channel        text        NOT NULL,
  state          text        NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
  attempts       integer     NOT NULL DEFAULT 0,
  claimed_until  timestamptz,
  sent_at        timestamptz,
  sent_to        text,
  response       text,
  reason         text,
  reference      jsonb       NOT NULL DEFAULT '{}',
  run_url        text        NOT NULL,
  PRIMARY KEY (report_id, version, channel),
  CHECK (state <> 'sent' OR sent_at IS NOT NULL)
);
COMMENT ON TABLE report_deliveries IS 'What became of sending each version of a report by each channel';
COMMENT ON COLUMN report_deliveries.claimed_until IS 'A task is sending; when this has passed, it has died';
COMMENT ON COLUMN report_deliveries.reference IS 'How the service names what it took';
COMMENT ON COLUMN report_deliveries.run_url IS 'Opens the run that sent it, or tried to, last';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, if they are empty."""
    drop_empty("report_deliveries", "reports")
