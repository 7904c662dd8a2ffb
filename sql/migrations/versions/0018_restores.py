"""restore_drills and restores: what was proven to restore, and what was restored."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0018"
down_revision = "0017"

TABLES = """
CREATE TABLE restore_drills (
  id               uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  backup_id        text        NOT NULL,
  started_at       timestamptz NOT NULL,
  restore_seconds  numeric,
  total_seconds    numeric,
  bytes            bigint,
  rows             bigint,
  queries          integer,
  success          boolean     NOT NULL,
  findings         jsonb       NOT NULL,
  run_url          text        NOT NULL DEFAULT ''
);
CREATE INDEX restore_drills_by_time ON restore_drills (started_at DESC);
COMMENT ON TABLE restore_drills IS 'Each drill: a backup restored into a scratch database and compared';
COMMENT ON COLUMN restore_drills.restore_seconds IS 'The real recovery time; null: it could not be restored';
COMMENT ON COLUMN restore_drills.bytes IS 'Of the restored database';
COMMENT ON COLUMN restore_drills.findings IS 'What differed from the manifest, or failed; [] is success';

CREATE TABLE restores (
  id             uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  backup_id      text        NOT NULL,
  database       text        NOT NULL,
  kept_as        text,
  first_backup   text,
  approved_by    text,
  finished_at    timestamptz NOT NULL DEFAULT now(),
  run_url        text        NOT NULL UNIQUE
);
COMMENT ON TABLE restores IS 'Restores that took place, written into the restored database itself';
COMMENT ON COLUMN restores.kept_as IS
  'The name under which the former database is kept; null: there was none';
COMMENT ON COLUMN restores.first_backup IS 'The backup that was made of it just before';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, if they are empty."""
    drop_empty("restores", "restore_drills")
