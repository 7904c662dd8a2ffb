"""### Restores the graph database from a backup, after a person has approved it

For a platform with a graph database (connection `graph_db`). Choose a full backup that holds it. It is a
**dry run** until you switch that off: it reads the backup to its end, looks at the graph, and says what a
restore would do.

| task | what |
|---|---|
| `plan` | refuses what cannot go well: a wrong key, a flipped byte, a graph that is not empty |
| `approve` | waits for a person: **Required Actions** in Airflow's menu, with the plan; no: the run ends |
| `back_up_first` | a full backup, if anything is there that would be deleted |
| `restore` | fills the graph and compares it with the manifest by its content hash |
| `complete` | notes the restore, and lets the graph be backed up again |

Nothing is restored beside the old graph, and that is **not kept**: it is deleted, only if `replace` holds its
name. `restore` may be cleared: it goes on where it was. Until `complete` has ended, nothing should write to
the graph.

A form filled in, as `conf`: `{"backup_id": "20261122T040000Z-full-3f9c2a", "dry_run": false}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.approvals import approve_plan, approver_of, end_dry_run
from include.airflow.backups import (
    BACKUP_TIMEOUT,
    BACKUPS_POOL,
    find_identity,
    graph_login,
    make_backup,
    open_backup_storage,
)
from include.airflow.connections import database_url, load_settings, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import (
    Form,
    FormRefusedError,
    backup_id,
    dry_run,
    optional_text,
    read_form,
)
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

DAG_ID = "restore_graph"
NEXT_STEP = (
    "Before the task restore has begun, the graph is as it was. After that it is half restored: mend the "
    "cause and clear the failed task, it goes on where it was. docs/backups.md has the rest."
)


class GraphForm(Form):
    """Which backup, and whether it may replace what is there."""

    backup_id: str
    replace: str | None
    dry_run: bool


@task(area="database", outside=True, long=True, pool=BACKUPS_POOL, execution_timeout=BACKUP_TIMEOUT)
def plan() -> dict[str, str | bool]:
    """Check everything, and say what would happen."""
    from include import backups

    form, settings = read_form(GraphForm), load_settings()
    login = graph_login("graph_db")
    if login is None:
        raise FormRefusedError("There is no graph database here: no connection graph_db.")
    try:
        storage = open_backup_storage(settings)
        return backups.plan_graph(
            storage, settings, login, form.backup_id, form.replace or "", identity=find_identity()
        )
    except backups.RestoreRefusedError as refused:
        raise FormRefusedError(str(refused)) from refused


@task(area="database", outside=True, long=True, pool=BACKUPS_POOL, execution_timeout=BACKUP_TIMEOUT)
def back_up_first(planned: dict[str, str], this_run: str) -> str | None:
    """Back up everything if the graph holds something; give the backup's id."""
    return make_backup("full", DAG_ID, this_run) if planned["occupied"] else None


@task(
    area="database",
    outside=True,
    long=True,
    effect=Effect.RESTORES,
    pool=BACKUPS_POOL,
    execution_timeout=BACKUP_TIMEOUT,
)
def restore(planned: dict[str, str]) -> None:
    """Fill the graph and verify it. One that differs is left to look at, so it is not tried again."""
    from include import backups

    settings = load_settings()
    storage, login = open_backup_storage(settings), graph_login("graph_db")
    try:
        backups.restore_graph(storage, settings, login, planned, identity=find_identity())
    except (backups.RestoredDiffersError, backups.RestoreRefusedError) as error:
        raise AirflowFailException(str(error)) from error


@task(area="database", outside=True, effect=Effect.DESTROYS, pool=BACKUPS_POOL)
def complete(planned: dict[str, str], first: str | None, approval: dict, this_run: str) -> str:
    """Note who restored what, and say what is there now."""
    from include import backups

    who = approver_of(approval)
    backups.record_restore(
        database_url(), planned["backup_id"], "graph", None, first, who, run_url(DAG_ID, this_run)
    )
    return backups.complete_graph(open_backup_storage(load_settings()), graph_login("graph_db"), planned)


@dag(
    dag_id=DAG_ID,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(days=2),
    params={
        **backup_id("full"),
        "replace": optional_text("Replace", "The graph database's name, if all in it may be deleted."),
        **dry_run("Only check, and say what would happen."),
    },
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.DESTROYS, Effect.RESTORES),
    **dag_defaults(owner="operations", area="database", freezes_with=None, next_step=NEXT_STEP),
)
def restore_graph() -> None:
    """Wire the steps."""
    planned = end_dry_run(plan())
    approve = approve_plan("Restore the graph from {{ params.backup_id }}?")
    first = back_up_first(planned, "{{ run_id }}")
    restored = restore(planned)
    planned >> approve >> first >> restored >> complete(planned, first, approve.output, "{{ run_id }}")


restore_graph()
