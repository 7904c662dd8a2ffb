"""llm_endpoints: which models are left alone for a while, and why."""

from alembic import op

revision = "0023"
down_revision = "0022"

TABLE = """
CREATE TABLE llm_endpoints (
  address       text        NOT NULL,
  model         text        NOT NULL,
  alike         text,
  alike_in_row  integer     NOT NULL DEFAULT 0 CHECK (alike_in_row >= 0),
  alike_since   timestamptz,
  paused_for    text        CHECK (paused_for IN ('retry_after', 'alike')),
  paused_at     timestamptz,
  paused_until  timestamptz,
  reason        text,
  PRIMARY KEY (address, model)
);
COMMENT ON TABLE llm_endpoints IS
  'Models that are left alone for a while: they asked for it (Retry-After), or failed every question in the '
  'same way. Deleting the row ends the pause';
COMMENT ON COLUMN llm_endpoints.address IS 'Of the connection llm, without what may be secret';
COMMENT ON COLUMN llm_endpoints.alike IS 'What the last answers had in common; null: the last one was usable';
COMMENT ON COLUMN llm_endpoints.alike_in_row IS 'How many of them there were in a row';
COMMENT ON COLUMN llm_endpoints.alike_since IS 'When the first of them was asked for';
COMMENT ON COLUMN llm_endpoints.paused_for IS 'retry_after: the service asked for it; alike: see alike';
COMMENT ON COLUMN llm_endpoints.paused_at IS
  'When the pause began. One from the future is none: the clock was wrong then';
COMMENT ON COLUMN llm_endpoints.paused_until IS 'Not asked before; null: it may be asked';
COMMENT ON COLUMN llm_endpoints.reason IS 'Why, in words';
"""


def upgrade() -> None:
    """Make the table; llm_reserve reads it, llm_note_answer writes it."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it: what it holds is true for half an hour."""
    op.execute("DROP TABLE llm_endpoints")
