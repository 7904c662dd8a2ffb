"""### Backs up the databases every night

At 02:00 UTC: the platform's database and Airflow's own (connection `airflow_db`), each as it is in one
snapshot, however much is written meanwhile. The manifest holds rows and a checksum of each table in that very
snapshot.

| task | does |
|---|---|
| `create_backup` | pg_dump, compressed, encrypted, stored, as one stream; visible only when whole |
| `verify_backup` | hashes every part and decodes it to its end; a bad one fails the run and notifies you |
| `apply_retention` | deletes what may go, never the last verified good backup |

Method (stream, directory, physical), encryption, retention: `docs/backups.md`.
"""

from datetime import timedelta

from airflow.sdk import dag

from include.airflow.backup_tasks import apply_retention, create_backup, verify_backup
from include.airflow.backups import NEXT_BACKUP_STEP, backup_schedule
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "back_up_database"


@dag(
    dag_id=DAG_ID,
    schedule=backup_schedule("database"),
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
def back_up_database() -> None:
    """Wire the three steps."""
    backup_id = create_backup("database", DAG_ID, "{{ run_id }}")
    verify_backup(backup_id) >> apply_retention()


back_up_database()
