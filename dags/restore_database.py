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
| `swap_databases` | the two swap names, the catalogue is read anew; `drop_kept_database` drops the old one |

Refused, before anything is touched: a wrong key, a missing part, a flipped byte, a newer major version, too
little space, a target that looks like production without its name in the form, and whatever fails when the
plan rehearses the restore without its rows in a scratch database.

Until `swap_databases` nothing has changed, and any task may be cleared and run again. Airflow's own database
is restored and verified in the same way, but not swapped, for Airflow runs on it: the last task says what to
type.

A form filled in, as `conf`: `{"backup_id": "20261121T020000Z-database-3f9c2a", "dry_run": false}`
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from airflow.sdk import Param, dag, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.approvals import approve_plan, approver_of, end_dry_run
from include.airflow.backups import (
    BACKUP_TIMEOUT,
    BACKUPS_POOL,
    make_backup,
    open_backup_storage,
    open_backups,
    restore_logins,
)
from include.airflow.connections import load_settings, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, FormRefusedError, backup_id, dry_run, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

DAG_ID = "restore_database"
NEXT_STEP = (
    "The old database is in its place unless swap_databases has ended. Read the message, mend the cause, and "
    "clear the failed task; docs/backups.md has the rest."
)


class RestoreForm(Form):
    """Which backup, into which database."""

    backup_id: str
    database: Literal["platform", "airflow"]
    confirm_database: str | None
    dry_run: bool


@task(area="database", outside=True, long=True, pool=BACKUPS_POOL, execution_timeout=BACKUP_TIMEOUT)
def plan() -> dict[str, str | None]:
    """Check everything, and say what would happen."""
    from include import backups

    form, at = read_form(RestoreForm), get_current_context()["dag_run"].run_after
    request = backups.RestoreRequest(form.backup_id, form.database, form.confirm_database or "")
    with open_backups("restore") as (engine, storage, settings):
        try:
            logins = restore_logins(request.database)
            return backups.plan_steps(engine, storage, settings, logins, request, at)
        except backups.RestoreRefusedError as refused:
            raise FormRefusedError(str(refused)) from refused


@task(area="database", outside=True, long=True, pool=BACKUPS_POOL, execution_timeout=BACKUP_TIMEOUT)
def back_up_first(planned: dict[str, str], this_run: str) -> str | None:
    """Back up what is there now, if anything is; give the backup's id."""
    return None if planned["kept"] is None else make_backup("database", DAG_ID, this_run)


@task(
    area="database",
    outside=True,
    long=True,
    effect=Effect.RESTORES,
    pool=BACKUPS_POOL,
    execution_timeout=BACKUP_TIMEOUT,
)
def restore(planned: dict[str, str]) -> None:
    """Fill a fresh database and verify it. One that differs is left to look at, so it is not tried again."""
    from include import backups

    storage = open_backup_storage(load_settings())
    try:
        backups.restore_planned(storage, restore_logins(planned["database"]), planned)
    except backups.RestoredDiffersError as error:
        raise AirflowFailException(str(error)) from error


@task(area="database", outside=True, effect=Effect.DESTROYS, pool=BACKUPS_POOL)
def swap_databases(planned: dict[str, str], first: str | None, approval: dict, this_run: str) -> str:
    """Swap the databases; the pool keeps retention out while the catalogue is of the past."""
    from include import backups

    who = approver_of(approval)
    logins = restore_logins(planned["database"])
    done = backups.swap_planned(logins, planned, first, who, run_url(DAG_ID, this_run))
    if planned["database"] == "airflow":
        return done
    # The restored catalogue is of the day of the backup: it does not know the newer ones, the one made just
    # before among them, and still lists what was deleted since.
    with open_backups("restore") as (engine, storage, _):
        return f"{done} The catalogue: {backups.rebuild_catalogue(engine, storage).summary()}."


@dag(
    dag_id=DAG_ID,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(days=2),
    params={
        **backup_id("database", "full"),
        "database": Param(
            "platform", enum=["platform", "airflow"], title="Database", description="Which one is put back."
        ),
        "confirm_database": Param(
            None,
            type=["null", "string"],
            title="Its name once more",
            description="Needed for a database that looks like production.",
        ),
        **dry_run("Only check, and say what would happen."),
    },
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.DESTROYS, Effect.RESTORES),
    **dag_defaults(owner="operations", area="database", freezes_with=None, next_step=NEXT_STEP),
)
def restore_database() -> None:
    """Wire the steps."""
    planned = end_dry_run(plan())
    approve = approve_plan("Restore {{ params.database }} from {{ params.backup_id }}?")
    first = back_up_first(planned, "{{ run_id }}")
    restored = restore(planned)
    planned >> approve >> first >> restored >> swap_databases(planned, first, approve.output, "{{ run_id }}")


restore_database()
