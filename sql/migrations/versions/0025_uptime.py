"""daily_kpis: the platform's uptime, and which looks of the probes are of the platform's own parts."""

from alembic import op

revision = "0025"
down_revision = "0024"

COLUMNS = """
ALTER TABLE probe_results ADD COLUMN own_part boolean NOT NULL DEFAULT false;
UPDATE probe_results SET own_part = true WHERE service IN ('postgres', 'broker');
CREATE INDEX probe_results_of_own_parts ON probe_results (checked_at) WHERE own_part;
ALTER TABLE daily_kpis
  ADD COLUMN uptime            numeric,
  ADD COLUMN uptime_looked_at  numeric,
  ADD COLUMN uptime_target     numeric  NOT NULL DEFAULT 99.5,
  ADD COLUMN uptime_met        boolean  GENERATED ALWAYS AS (uptime > uptime_target) STORED;
ALTER TABLE daily_kpis ALTER COLUMN uptime_target DROP DEFAULT;

COMMENT ON COLUMN probe_results.own_part IS
  'It is a part of the platform itself, which is down while this part is; not an outside service';
"""


def upgrade() -> None:
    """Add the columns. The KPIs of a day get more of them, which a function cannot take in place."""
    op.execute(COLUMNS)
    op.execute("DROP FUNCTION IF EXISTS measure_kpis(date) CASCADE")


def downgrade() -> None:
    """Drop them: uptime is calculated from the probes, as long as their results are kept."""
    op.execute(
        "ALTER TABLE daily_kpis DROP COLUMN uptime_met, DROP COLUMN uptime_target, "
        "DROP COLUMN uptime_looked_at, DROP COLUMN uptime"
    )
    op.execute("ALTER TABLE probe_results DROP COLUMN own_part")
