"""monitoring: indexes by what errors and feedback are looked for: type, severity, user, rating."""

from alembic import op

revision = "0021"
down_revision = "0020"

# The one by severity also serves what the partial one of critical errors was made for.
INDEXES = """
CREATE INDEX IF NOT EXISTS atge_error_logs_by_type ON atge_error_logs (error_type, timestamp DESC);
CREATE INDEX IF NOT EXISTS atge_error_logs_by_severity ON atge_error_logs (severity, timestamp DESC);
DROP INDEX IF EXISTS atge_error_logs_critical;
CREATE INDEX IF NOT EXISTS atge_user_feedback_by_user ON atge_user_feedback (user_id, timestamp DESC);
CREATE INDEX IF NOT EXISTS atge_user_feedback_by_type ON atge_user_feedback (feedback_type, timestamp DESC);
CREATE INDEX IF NOT EXISTS atge_user_feedback_by_rating ON atge_user_feedback (rating, timestamp DESC);
"""

FORMER_INDEXES = """
CREATE INDEX atge_error_logs_critical ON atge_error_logs (timestamp DESC) WHERE severity = 'critical';
DROP INDEX atge_error_logs_by_type, atge_error_logs_by_severity, atge_user_feedback_by_user,
  atge_user_feedback_by_type, atge_user_feedback_by_rating;
"""


def upgrade() -> None:
    """Make them."""
    op.execute(INDEXES)


def downgrade() -> None:
    """Drop them."""
    op.execute(FORMER_INDEXES)
