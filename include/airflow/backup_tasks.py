"""The three tasks that all DAGs of backups have: make one, verify it, then delete what may go."""

from datetime import timedelta
from typing import TYPE_CHECKING

from include.airflow.backups import BACKUP_TIMEOUT, BACKUPS_POOL, find_identity, make_backup, open_backups
from include.airflow.forms import CriticalError
from include.airflow.tags import Effect
from include.airflow.task import task

if TYPE_CHECKING:
    from include.backups.manifest import Kind


@task(area="database", outside=True, long=True, pool=BACKUPS_POOL, execution_timeout=BACKUP_TIMEOUT)
def create_backup(kind: "Kind", this_dag: str, this_run: str) -> str:
    """Make the backup; give its id."""
    return make_backup(kind, this_dag, this_run)


@task(area="database", outside=True, long=True, pool=BACKUPS_POOL, execution_timeout=BACKUP_TIMEOUT)
def verify_backup(backup_id: str) -> str:
    """Hash and decode all of it; give how deep the check went. A bad backup fails for good."""
    from include import backups

    with open_backups("backup") as (engine, storage, _):
        verdict = backups.verify_backup(engine, storage, backup_id, find_identity())
    if verdict.depth == "bad":
        raise CriticalError(f"The backup {backup_id} is bad: {verdict.reason}")
    return f"{verdict.depth}: {verdict.reason}" if verdict.reason else verdict.depth


@task(
    area="database",
    outside=True,
    effect=Effect.DESTROYS,
    pool=BACKUPS_POOL,
    execution_timeout=timedelta(hours=1),
)
def apply_retention() -> dict[str, str]:
    """Delete the backups that may go; give their ids and why. Fails if one could not be deleted."""
    from include import backups
    from include.storage import StorageError

    with open_backups("backup") as (engine, storage, settings):
        applied = backups.apply_retention(engine, storage, backups.RetentionRules.of(settings))
    if applied.failed:
        raise StorageError("Some backups could not be deleted: " + "; ".join(applied.failed.values()))
    return applied.deleted
