"""### Backs up the configuration every Sunday

At 03:00 UTC: the files that configure this checkout, Airflow's connections and Variables, and, only under
encryption, their secrets, the environment and Airflow's Fernet key. Without the setting `backup_recipient`
secrets are left out, and the manifest says so.

The list of what is kept: `docs/backups.md`.
"""

from datetime import timedelta

from airflow.sdk import dag

from include.airflow.backup_tasks import apply_retention, create_backup, verify_backup
from include.airflow.backups import NEXT_BACKUP_STEP, backup_schedule
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "back_up_configuration"


@dag(
    dag_id=DAG_ID,
    schedule=backup_schedule("configuration"),
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
def back_up_configuration() -> None:
    """Wire the three steps."""
    backup_id = create_backup("configuration", DAG_ID, "{{ run_id }}")
    verify_backup(backup_id) >> apply_retention()


back_up_configuration()
