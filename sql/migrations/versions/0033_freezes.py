"""freezes: one switch that lets no new work begin; and notices that say so."""

from alembic import op

from sql.migrations.adoption import add_constraint, drop_empty

revision = "0033"
down_revision = "0032"

TABLE = """
CREATE TABLE freezes (
  id         bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  groups     text[]       NOT NULL CHECK (
    groups <@ ARRAY['work', 'backups', 'alerts', 'probes'] AND 'work' = ANY (groups)
  ),
  author     text         NOT NULL CHECK (author <> ''),
  reason     text         NOT NULL CHECK (reason <> ''),
  begins_at  timestamptz  NOT NULL DEFAULT now(),
  ends_at    timestamptz  NOT NULL,
  ended_at   timestamptz,
  ended_by   text,
  CHECK (isfinite(begins_at) AND isfinite(ends_at) AND ends_at > begins_at),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
  CHECK (ended_at BETWEEN begins_at AND ends_at),
  CONSTRAINT one_freeze_at_a_time EXCLUDE USING gist (
    tstzrange(begins_at, coalesce(ended_at, ends_at)) WITH &&
  )
);
COMMENT ON TABLE freezes IS
  'While one holds, the groups of DAGs that it names begin nothing new: docs/freeze.md. Rows are kept';
COMMENT ON COLUMN freezes.ended_at IS 'When somebody gave it back before its end; null: nobody has';
"""

KINDS = (
    "'firing', 'resolved', 'escalated', 'acknowledged', 'failure', 'healed', 'watchdog', 'digest', 'silences'"
)


def upgrade() -> None:
    """Make the table; let a notice be of a freeze."""
    op.execute(TABLE)
    add_constraint("alert_notices", "alert_notices_kind_check", f"CHECK (kind IN ({KINDS}, 'freeze'))")


def downgrade() -> None:
    """Drop the table, which must be empty. Its notices stay, as silences' are: they were sent alike."""
    drop_empty("freezes")
    op.execute("UPDATE alert_notices SET kind = 'silences' WHERE kind = 'freeze'")
    add_constraint("alert_notices", "alert_notices_kind_check", f"CHECK (kind IN ({KINDS}))")
