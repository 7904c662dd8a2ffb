"""### Backs up the logs every night

At 01:00 UTC: every log file that was written to since the last backup of logs, without secrets and personal
data, in one compressed tar. Then it is verified, and older ones go as the retention says.

A full backup holds all log files. Folders, place, encryption, retention: `docs/backups.md`.
"""

from datetime import timedelta

from airflow.sdk import dag

from include.airflow.backup_tasks import apply_retention, create_backup, verify_backup
from include.airflow.backups import NEXT_BACKUP_STEP, backup_schedule
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "back_up_logs"


@dag(
    dag_id=DAG_ID,
    schedule=backup_schedule("logs"),
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
def back_up_logs() -> None:
    """Wire the three steps."""
    backup_id = create_backup("logs", DAG_ID, "{{ run_id }}")
    verify_backup(backup_id) >> apply_retention()


back_up_logs()
