"""Looks at portfolios that failed are found by their source."""

from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX portfolio_syncs_failed ON portfolio_syncs (source, id) WHERE outcome = 'failed'")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX portfolio_syncs_failed")
