"""Notices that are delivered at once are of kind `announcement`: not only freezes are told in that way."""

from alembic import op

from sql.migrations.adoption import add_constraint

revision = "0048"
down_revision = "0047"

KINDS = (
    "'firing', 'resolved', 'escalated', 'acknowledged', 'failure', 'healed', 'watchdog', 'digest', 'silences'"
)


DROP = "ALTER TABLE alert_notices DROP CONSTRAINT alert_notices_kind_check"


def upgrade() -> None:
    """Rename the kind, and what deliveries and threads of it are about."""
    op.execute(DROP)
    op.execute("UPDATE alert_notices SET kind = 'announcement' WHERE kind = 'freeze'")
    op.execute("UPDATE alert_deliveries SET subject = 'announcement' WHERE subject = 'freeze'")
    op.execute("UPDATE alert_threads SET subject = 'announcement' WHERE subject = 'freeze'")
    add_constraint("alert_notices", "alert_notices_kind_check", f"CHECK (kind IN ({KINDS}, 'announcement'))")


def downgrade() -> None:
    """Give all of them the former name."""
    op.execute(DROP)
    op.execute("UPDATE alert_notices SET kind = 'freeze' WHERE kind = 'announcement'")
    op.execute("UPDATE alert_deliveries SET subject = 'freeze' WHERE subject = 'announcement'")
    op.execute("UPDATE alert_threads SET subject = 'freeze' WHERE subject = 'announcement'")
    add_constraint("alert_notices", "alert_notices_kind_check", f"CHECK (kind IN ({KINDS}, 'freeze'))")
