"""trade_versions: what tells whether anything has changed in what a user is shown of his trades."""

from alembic import op

revision = "0035"
down_revision = "0034"

# Notes are appended, so that nobody who changes a trade waits for another one: decision 0019.
TABLE = """
CREATE TABLE trade_versions (
  user_id  uuid,
  version  uuid  NOT NULL DEFAULT gen_random_uuid()
);
CREATE INDEX trade_versions_by_user ON trade_versions (user_id);
INSERT INTO trade_versions (user_id) VALUES (NULL), ('00000000-0000-0000-0000-000000000000');
COMMENT ON TABLE trade_versions IS
  'Each change of a user''s trades, of their parts or of his statistics leaves a row with a random number. '
  'As long as the rows of a user and of many are the same, so is what he is shown. Triggers append to it '
  '(note_trade_versions), the sweep puts one row in place of several (merge_trade_versions)';
COMMENT ON COLUMN trade_versions.user_id IS
  'Whose trades have changed; zero: those of many; null: somebody''s, beside each of the others';
"""


def upgrade() -> None:
    """Make it. Nobody changes a trade between this and the triggers, which come with the functions."""
    op.execute("LOCK TABLE trade_signals IN SHARE ROW EXCLUSIVE MODE")
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it; it tells nothing that the trades do not."""
    op.execute("DROP TABLE trade_versions")
