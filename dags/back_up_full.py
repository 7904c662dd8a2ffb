"""### Backs up everything every Sunday

At 04:00 UTC: databases, configuration and all logs in one backup. With the method `physical` it also holds
the base backup on which the incremental ones of the week build.

Trigger it by hand before a risky change. What it holds and how to use it: `docs/backups.md`.
"""

from datetime import timedelta

from airflow.sdk import dag

from include.airflow.backup_tasks import apply_retention, create_backup, verify_backup
from include.airflow.backups import NEXT_BACKUP_STEP, backup_schedule
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "back_up_full"


@dag(
    dag_id=DAG_ID,
    schedule=backup_schedule("full"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.DESTROYS),  # its last task deletes older backups
    **dag_defaults(
        owner="operations",
        area="database",
        freezes_with="backups",
        next_step=NEXT_BACKUP_STEP,
        severity="critical",
    ),
)
def back_up_full() -> None:
    """Wire the three steps."""
    backup_id = create_backup("full", DAG_ID, "{{ run_id }}")
    verify_backup(backup_id) >> apply_retention()


back_up_full()
