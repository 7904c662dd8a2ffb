"""archived_batches: which rows went into which file of the archive, and whether they are deleted yet."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0008"
down_revision = "0007"

TABLE = """
CREATE TABLE archived_batches (
  id           uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  table_name   text        NOT NULL,
  file         text        NOT NULL UNIQUE,
  day          date        NOT NULL,
  state        text        NOT NULL CHECK (state IN ('writing', 'written', 'deleted')),
  rows         bigint      NOT NULL CHECK (rows > 0),
  bytes        bigint,
  sha256       text,
  last_key     jsonb       NOT NULL,
  run_url      text        NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  deleted_at   timestamptz,
  CHECK ((state = 'writing') = (sha256 IS NULL)),
  CHECK ((state = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE INDEX archived_batches_open ON archived_batches (table_name, created_at) WHERE state <> 'deleted';
CREATE INDEX archived_batches_by_day ON archived_batches (table_name, day);

COMMENT ON TABLE archived_batches IS
  'The archive: one row a Parquet file; docs/retention.md says how to read it';
COMMENT ON COLUMN archived_batches.table_name IS 'The table, or the detached partition, that held the rows';
COMMENT ON COLUMN archived_batches.file IS 'Its place below archive_location';
COMMENT ON COLUMN archived_batches.day IS 'The day (UTC) of its rows';
COMMENT ON COLUMN archived_batches.state IS
  'writing: not trusted yet; written: read back and found equal, rows not all deleted; deleted: done';
COMMENT ON COLUMN archived_batches.last_key IS
  'The last row in the order of the archive; the next file goes on there';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, if it is empty."""
    drop_empty("archived_batches")
