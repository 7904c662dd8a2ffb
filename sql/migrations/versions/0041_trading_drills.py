"""trading_drills: what came of each drill of the kill switch."""

from alembic import op

from sql.migrations.adoption import drop_empty

revision = "0041"
down_revision = "0040"

TABLE = """
CREATE TABLE trading_drills (
  id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  success      boolean,
  steps        jsonb       NOT NULL DEFAULT '[]',
  run_url      text,
  CHECK ((finished_at IS NULL) = (success IS NULL))
);
CREATE INDEX trading_drills_good ON trading_drills (started_at) WHERE success;
COMMENT ON TABLE trading_drills IS
  'Drills of the kill switch on a drill account: docs/exchange.md. Rows are kept';
COMMENT ON COLUMN trading_drills.success IS 'Whether each step worked; null: it is under way, or has died';
COMMENT ON COLUMN trading_drills.steps IS
  'Objects of name, worked, seconds, said; the first that failed is the last';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, if it is empty."""
    drop_empty("trading_drills")
