"""### Proves each week that the newest backup restores

Every Sunday at 06:00 (UTC), and by hand: the newest backup of the platform's database is restored into a
scratch database beside it. Schema, rows and checksums of every table are compared with the backup's
manifest, the operators' queries run on it, the time it took is written into `restore_drills`, and the scratch
is dropped.

A failed drill is **critical**: the backups may be worth nothing. Look at the message, then verify the backup
with `manage_backups`, make a new one, and drill that.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, task

from include.airflow import restores
from include.airflow.access import Effect, may_start
from include.airflow.areas import area
from include.airflow.backups import LONGEST, POOL
from include.airflow.defaults import dag_defaults, explained
from include.airflow.platform import run_url

DAG_ID = "drill_restore"
NEXT_STEP = (
    "The platform's database is untouched, but the backup is not proven. Verify it with manage_backups, make "
    "a new one with back_up_database, and trigger the drill again. docs/backups.md has the rest."
)


@task(pool=POOL, execution_timeout=LONGEST)
@area("database")
def drill(backup_id: str, this_run: str) -> str:
    """Restore, compare, measure, drop."""
    return restores.drill(backup_id, run_url(DAG_ID, this_run))


@dag(
    dag_id=DAG_ID,
    # Without a start date the first run waits for its Sunday: a new platform has no backup to prove.
    schedule="0 6 * * 0",
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    params={
        "backup_id": Param(
            None,
            type=["null", "string"],
            pattern=r"^\d{8}T\d{6}Z-(database|full)-[0-9a-f]{6}$(?!\n)",
            description="which backup; empty: the newest",
        )
    },
    **explained(__doc__),
    **may_start("backups", Effect.RESTORES),
    **dag_defaults(owner="operations", area="database", next_step=NEXT_STEP, severity="critical"),
)
def drill_restore() -> None:
    """Wire the one step."""
    drill("{{ params.backup_id or '' }}", "{{ run_id }}")


drill_restore()
