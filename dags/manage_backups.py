"""### Looks after the backups, by hand

| action | what happens |
|---|---|
| `list` | the whole backups, newest first: size, age, last check. Also in the table `backups` |
| `verify` | one backup is hashed and decoded to its end, the verdict written down; a bad one fails the task |
| `delete` | one goes, but never the last verified good one, nor one that an incremental backup needs |
| `apply_retention` | all that may go by age and count goes |
| `rebuild_catalogue` | the table `backups` is made again from the manifests; strays are reported |

`delete` and `apply_retention` only say what they would do, until you switch the dry run off.

A form filled in, as `conf`: `{"action": "verify", "backup_id": "20261121T020000Z-full-3f9c2a"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.backups import BACKUP_TIMEOUT, BACKUPS_POOL, find_identity, open_backups
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import CriticalError, Form, FormRefusedError, backup_id, dry_run, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

ACTIONS = ["list", "verify", "delete", "apply_retention", "rebuild_catalogue"]
NEXT_STEP = (
    "The message says what is wrong. Nothing else was changed; trigger the DAG again with other values."
)


class BackupsForm(Form):
    """What to do, and with which backup."""

    action: str
    backup_id: str | None
    dry_run: bool


@task(
    area="database",
    outside=True,
    long=True,
    effect=Effect.DESTROYS,
    pool=BACKUPS_POOL,
    execution_timeout=BACKUP_TIMEOUT,
)
def look_after() -> list[str]:
    """Do what the form asks for; give lines that say what was done."""
    from include import backups

    form = read_form(BackupsForm)
    with open_backups("backup") as (engine, storage, settings):
        try:
            return backups.manage_backups(
                engine,
                storage,
                form.action,
                form.backup_id or "",
                backups.RetentionRules.of(settings),
                identity=find_identity(),
                dry_run=form.dry_run,
            )
        except backups.BadBackupError as error:
            raise CriticalError(str(error)) from error
        except backups.NotDeletedError as error:
            raise AirflowFailException(str(error)) from error
        except backups.BackupError as error:  # no such backup, or one that must stay: what was asked for
            raise FormRefusedError(str(error)) from error


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    params={
        "action": Param(
            "list",
            type="string",
            enum=ACTIONS,
            title="Action",
            description="What is done with backups.",
        ),
        **backup_id("database", "logs", "configuration", "full", otherwise="Needed to verify and to delete."),
        **dry_run("Deleting and retention only say what they would do."),
    },
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.DESTROYS),
    **dag_defaults(owner="operations", area="database", freezes_with=None, next_step=NEXT_STEP),
)
def manage_backups() -> None:
    """Wire the one step."""
    look_after()


manage_backups()
