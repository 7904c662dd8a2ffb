"""The end of a raise's grace is kept with the raise; balances are found by the time of their check."""

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Add the column, which nobody can fill for raises that were, and the index."""
    op.execute(
        "ALTER TABLE token_requirements ADD COLUMN grace_ends_at timestamptz"
        " CHECK (grace_ends_at >= valid_from)"
    )
    op.execute(
        "COMMENT ON COLUMN token_requirements.grace_ends_at IS 'Of a raise: until when what sufficed before"
        " it suffices still, counted from when it was decided; null: by the setting access_grace'"
    )
    op.execute("CREATE INDEX token_balances_by_check ON token_balances (checked_at)")


def downgrade() -> None:
    """Take both away."""
    op.execute("DROP INDEX token_balances_by_check")
    op.execute("ALTER TABLE token_requirements DROP COLUMN grace_ends_at")
