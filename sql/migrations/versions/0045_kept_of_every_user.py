"""kept_of_every_user: users of whom nothing is kept yet are noted, for their days are compared with it."""

from alembic import op

revision = "0045"
down_revision = "0044"

# Before 0030 there was nothing to keep, and since then it was filled when a user's trades changed.
NOTE = """
INSERT INTO performance_refreshes (user_id)
SELECT user_id
FROM atge_performance_cache AS cache
WHERE NOT EXISTS (SELECT FROM performance_chunks AS chunk WHERE chunk.user_id = cache.user_id)
"""


def upgrade() -> None:
    """Note them; the next sweeps read their trades, up to 500,000 in a statement."""
    op.execute(NOTE)


def downgrade() -> None:
    """Leave the notes: a user who is refreshed once more has the same figures."""
