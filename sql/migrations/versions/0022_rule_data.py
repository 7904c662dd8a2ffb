"""alert_rule_data: since when each alert rule is in force, and when it last had data."""

from alembic import op

revision = "0022"
down_revision = "0021"

TABLES = """
CREATE TABLE alert_rule_data (
  rule        text        NOT NULL PRIMARY KEY,
  definition  text        NOT NULL,
  adopted_at  timestamptz NOT NULL,
  data_at     timestamptz
);
COMMENT ON TABLE alert_rule_data IS
  'Each alert rule in force, as it is written now: a rule that never had data since can never have fired';
COMMENT ON COLUMN alert_rule_data.definition IS 'A digest of what the rule says; another one is another rule';
COMMENT ON COLUMN alert_rule_data.data_at IS 'When an evaluation last had a value of it; null: never yet';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop it; the next evaluation of a newer schema begins anew."""
    op.execute("DROP TABLE alert_rule_data")
