"""backups: the catalogue."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0017"
down_revision = "0016"

TABLE = """
CREATE TABLE backups (
  id           text        PRIMARY KEY,
  kind         text        NOT NULL CHECK (kind IN ('logs', 'database', 'configuration', 'full')),
  status       text        NOT NULL
    CHECK (status IN ('running', 'complete', 'failed', 'lost', 'deleting', 'deleted')),
  location     text        NOT NULL,
  parent       text,
  started_at   timestamptz NOT NULL,
  finished_at  timestamptz,
  bytes        bigint,
  manifest     jsonb,
  verified     text        CHECK (verified IN ('decoded', 'hashed', 'bad')),
  verified_at  timestamptz,
  reason       text,
  run_url      text        NOT NULL DEFAULT '',
  CHECK (status NOT IN ('complete', 'lost') OR (manifest IS NOT NULL AND finished_at IS NOT NULL)),
  CHECK ((verified IS NULL) = (verified_at IS NULL))
);
CREATE INDEX backups_by_time ON backups (location, started_at DESC);

COMMENT ON TABLE backups IS
  'Every backup that was begun. The manifests in the storage are the truth about those that are complete; '
  'rebuilding the catalogue reads them again';
COMMENT ON COLUMN backups.status IS
  'running; complete: whole and listed; failed: never listed; lost: its manifest is gone from the storage; '
  'deleting: no longer listed, its parts are on their way out; deleted';
COMMENT ON COLUMN backups.location IS 'The folder or bucket that holds it';
COMMENT ON COLUMN backups.parent IS 'The backup that this incremental one needs';
COMMENT ON COLUMN backups.bytes IS 'What its parts take in the storage';
COMMENT ON COLUMN backups.verified IS
  'How its last check ended. decoded: read to its end; hashed: every byte is as written, but no key was at '
  'hand to decode it; bad: do not rely on it';
COMMENT ON COLUMN backups.reason IS 'Why it failed, is bad, was only hashed, is lost or was deleted';
COMMENT ON COLUMN backups.run_url IS 'Opens the run that made it in Airflow';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, if it is empty."""
    drop_empty("backups")
