"""### Looks after the backups, by hand

| action | what happens |
|---|---|
| `list` | the whole backups, newest first: size, age, last check. Also in the table `backups` |
| `verify` | one backup is hashed and decoded to its end, the verdict written down; a bad one fails the task |
| `delete` | one goes, but never the last verified good one, nor one that an incremental backup needs |
| `apply_retention` | all that may go by age and count goes |
| `rebuild_catalogue` | the table `backups` is made again from the manifests; strays are reported |

`delete` and `apply_retention` only say what they would do, until you switch the dry run off.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from include.airflow.access import Effect, may_start
from include.airflow.areas import area
from include.airflow.backups import LONGEST, POOL, look_after_backups
from include.airflow.defaults import dag_defaults, explained

ACTIONS = ["list", "verify", "delete", "apply_retention", "rebuild_catalogue"]
NEXT_STEP = (
    "The message says what is wrong. Nothing else was changed; trigger the DAG again with other values."
)


@task(pool=POOL, execution_timeout=LONGEST)
@area("database")
def look_after(action: str, backup_id: str, dry_run: str) -> list[str]:
    """Do what the form asks for; give lines that say what was done."""
    return look_after_backups(action, backup_id.strip(), dry_run=dry_run != "False")


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    params={
        "action": Param("list", type="string", enum=ACTIONS, description="what to do"),
        "backup_id": Param(
            None,
            type=["null", "string"],
            pattern=r"^\d{8}T\d{6}Z-(logs|database|configuration|full)-[0-9a-f]{6}$(?!\n)",
            description="for verify and delete: which backup",
        ),
        "dry_run": Param(True, type="boolean", description="for delete and apply_retention: only say"),
    },
    **explained(__doc__),
    **may_start("backups", Effect.DESTROYS),
    **dag_defaults(owner="operations", area="database", next_step=NEXT_STEP),
)
def manage_backups() -> None:
    """Wire the one step."""
    look_after("{{ params.action }}", "{{ params.backup_id or '' }}", "{{ params.dry_run }}")


manage_backups()
