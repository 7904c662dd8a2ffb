"""### Restores a database from a backup, after a person has approved it

Choose the backup (ids: the table `backups`, or `manage_backups` with `list`) and the database. It is a **dry
run** until you switch that off: it reads the backup to its end, checks the server, and says what a restore
would do.

| task | what |
|---|---|
| `plan` | refuses what cannot go well: see below |
| `approve` | waits for a person: **Required Actions** in Airflow's menu, with the plan; no: the run ends |
| `back_up_first` | a backup of what is there now |
| `restore` | into a fresh database beside the old one, compared table by table with the manifest |
| `take_over` | the two swap names, the catalogue is read anew; `drop_kept_database` drops the old one |

Refused, before anything is touched: a wrong key, a missing part, a flipped byte, a newer major version, too
little space, a target that looks like production without its name in the form, and whatever fails when the
plan rehearses the restore without its rows in a scratch database.

Until `take_over` nothing has changed, and any task may be cleared and run again. Airflow's own database is
restored and proven in the same way, but not swapped, for Airflow runs on it: the last task says what to type.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from airflow.sdk import Param, dag, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from include.airflow import restores
from include.airflow.approvals import ApprovalBySettings
from include.airflow.backups import LONGEST, POOL
from include.airflow.connections import run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, backup_id, dry_run, is_dry_run, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import state, task

DAG_ID = "restore_database"
NEXT_STEP = (
    "The old database is in its place unless take_over has ended. Read the message, mend the cause, and "
    "clear the failed task; docs/backups.md has the rest."
)


class RestoreForm(Form):
    """Which backup, into which database."""

    backup_id: str
    database: Literal["platform", "airflow"]
    confirm_database: str | None
    dry_run: bool


@task(area="database", outside=True, long=True, pool=POOL, execution_timeout=LONGEST)
def plan() -> dict[str, str]:
    """Check everything, and say what would happen."""
    form, at = read_form(RestoreForm), get_current_context()["dag_run"].run_after
    return restores.plan(form.backup_id, form.database, form.confirm_database or "", at)


@task(area="database")
def end_dry_run(planned: dict[str, str]) -> dict[str, str]:
    """Go on only when this is no dry run."""
    if is_dry_run():
        raise AirflowSkipException("dry run: the plan is the result of the task before; nothing was touched")
    return planned


@task(area="database", outside=True, long=True, pool=POOL, execution_timeout=LONGEST)
def back_up_first(planned: dict[str, str], this_run: str) -> str | None:
    """Back up what is there now."""
    return restores.back_up_first(planned, run_url(DAG_ID, this_run))


@task(area="database", outside=True, long=True, effect=Effect.RESTORES, pool=POOL, execution_timeout=LONGEST)
def restore(planned: dict[str, str]) -> None:
    """Fill a fresh database and prove it."""
    restores.restore(planned)


@task(
    area="database", outside=True, effect=Effect.DESTROYS, pool=POOL
)  # no retention in between, while the catalogue is of the past
def take_over(planned: dict[str, str], first: str | None, approval: dict, this_run: str) -> str:
    """Swap the databases; the pool keeps retention out while the catalogue is of the past."""
    who = (approval.get("responded_by_user") or {}).get("name")
    return restores.take_over(planned, first, who, run_url(DAG_ID, this_run))


@dag(
    dag_id=DAG_ID,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(days=2),
    params={
        **backup_id("database", "full"),
        "database": Param(
            "platform", enum=["platform", "airflow"], title="Database", description="which one"
        ),
        "confirm_database": Param(
            None,
            type=["null", "string"],
            title="Its name once more",
            description="for a database that looks like production",
        ),
        **dry_run("only check, and say what would happen"),
    },
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.DESTROYS, Effect.RESTORES),
    **dag_defaults(owner="operations", area="database", next_step=NEXT_STEP),
)
def restore_database() -> None:
    """Wire the steps."""
    planned = end_dry_run(plan())
    approve = state(
        ApprovalBySettings(
            task_id="approve",
            subject="Restore {{ params.database }} from {{ params.backup_id }}?",
            body="{{ ti.xcom_pull(task_ids='plan')['words'] }}",
            response_timeout=timedelta(hours=24),
        ),
        area="database",
    )
    this_run = "{{ run_id }}"
    first = back_up_first(planned, this_run)
    restored = restore(planned)
    planned >> approve >> first >> restored >> take_over(planned, first, approve.output, this_run)


restore_database()
