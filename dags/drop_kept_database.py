"""### Drops a database that a restore has kept

A restore keeps the former database, as `<name>_before_<time>`, until somebody drops it here. Only names
that a restore gives are taken; with a wrong one, the message lists what there is. It is a **dry run** until
you switch that off.

A form filled in, as `conf`: `{"name": "tradeops_before_20261121T040000Z", "dry_run": false}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag

from include.airflow.backups import admin_url
from include.airflow.connections import database_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, FormRefusedError, dry_run, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = "Nothing was dropped; the message lists the databases that restores have kept."


class DropForm(Form):
    """Which database."""

    name: str
    dry_run: bool


@task(area="database", effect=Effect.DESTROYS)
def drop_kept() -> str:
    """Drop it, or say what would be dropped."""
    from include import backups

    form = read_form(DropForm)
    try:
        return backups.drop_kept_database(admin_url(), database_url(), form.name, dry_run=form.dry_run)
    except backups.BackupError as error:
        raise FormRefusedError(str(error)) from error


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    params={
        "name": Param(
            type="string",
            pattern=r"^.+_before_\d{8}T\d{6}Z$(?!\n)",
            title="Database",
            description="One that a restore kept and named, such as tradeops_before_20261121T040000Z.",
        ),
        **dry_run("Only say what would be dropped."),
    },
    **explained(__doc__),
    **tagged(Subject.BACKUPS, Effect.DESTROYS),
    **dag_defaults(owner="operations", area="database", freezes_with=None, next_step=NEXT_STEP),
)
def drop_kept_database() -> None:
    """Wire the one step."""
    drop_kept()


drop_kept_database()
