"""### Drops a database that a restore has kept

A restore keeps the former database, as `<name>_before_<time>`, until somebody lets it go here. Only names
that a restore gives are taken; with a wrong one, the message lists what there is. It is a **dry run** until
you switch that off.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from include.airflow import restores
from include.airflow.access import Effect, may_start
from include.airflow.areas import area
from include.airflow.defaults import dag_defaults, explained

NEXT_STEP = "Nothing was dropped; the message lists the databases that restores have kept."


@task
@area("database")
def let_go(name: str, dry_run: str) -> str:
    """Drop it, or say what would be dropped."""
    return restores.let_go(name.strip(), dry_run=dry_run != "False")


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    params={
        "name": Param(
            type="string",
            pattern=r"^.+_before_\d{8}T\d{6}Z$(?!\n)",
            description="the kept database, for example tradeops_before_20261121T040000Z",
        ),
        "dry_run": Param(True, type="boolean", description="only say what would be dropped"),
    },
    **explained(__doc__),
    **may_start("backups", Effect.DESTROYS),
    **dag_defaults(owner="operations", area="database", next_step=NEXT_STEP),
)
def drop_kept_database() -> None:
    """Wire the one step."""
    let_go("{{ params.name }}", "{{ params.dry_run }}")


drop_kept_database()
