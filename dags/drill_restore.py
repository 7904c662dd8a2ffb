"""### Proves each week that the newest backup restores

Every Sunday at 06:00 (UTC), and by hand: the newest backup of the platform's database is restored into a
scratch database beside it. Schema, rows and checksums of every table are compared with the backup's
manifest, the operators' queries run on it, the time it took is written into `restore_drills`, and the scratch
is dropped.

Where there are a graph database (connection `graph_db`) and an empty one beside it (`graph_scratch`), the
newest export of the graph is restored there in the same run, compared by its content hash, and deleted again.

A failed drill is **critical**: the backups may be worth nothing. Look at the message, then verify the backup
with `manage_backups`, make a new one, and drill that.

A form filled in, as `conf`: `{"backup_id": "20261121T020000Z-database-3f9c2a"}`
"""

from datetime import timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.backups import (
    BACKUP_TIMEOUT,
    BACKUPS_POOL,
    graph_login,
    open_backups,
    restore_logins,
)
from include.airflow.connections import run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, backup_id, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

DAG_ID = "drill_restore"
NEXT_STEP = (
    "The platform's database is untouched, but nobody knows that the backup restores. Verify it with "
    "manage_backups, make a new one with back_up_database, and trigger the drill again. docs/backups.md has "
    "the rest."
)


class DrillForm(Form):
    """Which backup; none: the newest."""

    backup_id: str | None


@task(
    area="database",
    outside=True,
    long=True,
    effect=Effect.RESTORES,
    pool=BACKUPS_POOL,
    execution_timeout=BACKUP_TIMEOUT,
)
def drill(this_run: str) -> str:
    """Restore, compare, measure, drop; a finding fails the task."""
    from include import backups

    form, logins = read_form(DrillForm), restore_logins("platform")
    with open_backups("drill") as (engine, storage, _):
        graph = backups.drill_graph(
            engine,
            storage,
            graph_login("graph_db"),
            graph_login("graph_scratch"),
            identity=logins.identity,
            backup_id=form.backup_id or "",
        )
        try:
            result = backups.drill_restore(
                engine,
                storage,
                logins.target_url,
                logins.admin_url,
                identity=logins.identity,
                backup_id=form.backup_id or "",
                run_url=run_url(DAG_ID, this_run),
                more_findings=graph.findings if graph else (),
            )
        except backups.BackupError as error:
            raise AirflowFailException(f"The backup could not be restored: {error}") from error
    if result.findings:
        raise AirflowFailException(result.summary())
    return f"{result.summary()}; {graph.words}" if graph else result.summary()


@dag(
    dag_id=DAG_ID,
    # Without a start date the first run waits for its Sunday: a new platform has no backup to restore.
    schedule="0 6 * * 0",
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    params=backup_id("database", "full", otherwise="None: the newest one."),
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.RESTORES),
    **dag_defaults(
        owner="operations", area="database", freezes_with="backups", next_step=NEXT_STEP, severity="critical"
    ),
)
def drill_restore() -> None:
    """Wire the one step."""
    drill("{{ run_id }}")


drill_restore()
