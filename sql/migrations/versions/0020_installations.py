"""backups.installation: whose a backup is."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the column; of the backups that are listed already nobody knows whose they are."""
    op.execute("ALTER TABLE backups ADD COLUMN installation text")
    op.execute(
        "COMMENT ON COLUMN backups.installation IS 'Who made it, as this_installation() named it then: only "
        "that installation deletes it; null: made before backups said so'"
    )


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE backups DROP COLUMN installation")
