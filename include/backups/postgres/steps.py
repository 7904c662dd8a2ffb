"""A restore in steps that may be repeated, as a DAG's tasks call them: they hand each other plain JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from sqlalchemy import Engine

from include.backups.postgres.drill import read_speed
from include.backups.postgres.facts import find_dump
from include.backups.postgres.restore import plan_restore, restore_into
from include.backups.postgres.server import database_of, with_database
from include.backups.postgres.swap import record_restore, swap_databases, verify_restored
from include.backups.read import open_backup
from include.database import DatabaseError
from include.files import free_bytes_of_volume
from include.settings import Settings
from include.storage import Storage


@dataclass(frozen=True)
class RestoreLogins:
    """What a restore works with.

    Attributes:
        target_url: the database to replace; the restored one belongs to this role.
        admin_url: a login that may create and rename databases on the same server.
        identity: the private age key, for encrypted backups.
    """

    target_url: str = field(repr=False)
    admin_url: str = field(repr=False)
    identity: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RestoreRequest:
    """What a person asks for: `database` is its name in the backup, `platform` or `airflow`.

    `confirmed` is the name of the target once more, for one that looks like production.
    """

    backup_id: str
    database: str
    confirmed: str = ""


class PlannedRestore(TypedDict):
    """What the steps after the plan need; `kept` is None where there is no database to keep."""

    backup_id: str
    database: str
    fresh: str
    kept: str | None
    words: str  # the plan for people, in Markdown


def plan_steps(
    engine: Engine,
    storage: Storage,
    settings: Settings,
    logins: RestoreLogins,
    request: RestoreRequest,
    at: datetime,
) -> PlannedRestore:
    """Check the restore that is asked for, and name what it will make.

    `engine` is the platform's database, which knows how long restores take; it may be what is damaged.

    Raises:
        RestoreRefusedError: it cannot go well, or a confirmation is missing; the words say which.
        StorageError, DatabaseError: one of them cannot be reached.
    """
    plan = plan_restore(
        storage,
        request.backup_id,
        request.database,
        logins.target_url,
        logins.admin_url,
        at,
        identity=logins.identity,
        free_bytes=free_bytes_of_volume(settings.database_volume),
        confirmed=request.confirmed,
        production_names=settings.production_names,
        seconds_a_gib=_last_speed(engine),
    )
    return {
        "backup_id": request.backup_id,
        "database": request.database,
        "fresh": plan.fresh,
        "kept": plan.kept if plan.current is not None else None,
        "words": plan.summary(),
    }


def restore_planned(storage: Storage, logins: RestoreLogins, planned: PlannedRestore) -> None:
    """Fill the fresh database and verify it.

    Raises:
        RestoredDiffersError: it is not what was backed up. Another try would drop the database that is left
            to look at.
        BackupError: a statement failed, or what is read is not what was written.
    """
    manifest = open_backup(storage, planned["backup_id"])
    part, facts = find_dump(manifest, planned["database"])
    url = restore_into(
        storage,
        manifest,
        part,
        planned["fresh"],
        logins.target_url,
        logins.admin_url,
        identity=logins.identity,
    )
    verify_restored(url, facts)


def swap_planned(
    logins: RestoreLogins,
    planned: PlannedRestore,
    first_backup: str | None,
    approved_by: str | None,
    run_url: str,
) -> str:
    """Swap the databases, and say what to do with the old one; Airflow's own is swapped by hand.

    Run again after a failure it goes on where it stopped.

    Raises:
        BackupError: the old database's sessions would not end; nothing has changed then.
        DatabaseError: the migration failed; nothing has changed either.
    """
    name, fresh, kept = database_of(logins.target_url), planned["fresh"], planned["kept"]
    if planned["database"] == "airflow":
        return (
            f"{fresh} is restored and verified. Airflow cannot swap its own database: stop all of Airflow, "
            f'then run as a role that may: ALTER DATABASE "{name}" RENAME TO "{kept}"; '
            f'ALTER DATABASE "{fresh}" RENAME TO "{name}"; and start Airflow again.'
        )
    swap_databases(with_database(logins.target_url, fresh), logins.target_url, kept or "", logins.admin_url)
    record_restore(
        logins.target_url, planned["backup_id"], "platform", kept, first_backup, approved_by, run_url
    )
    what_is_kept = (
        f"The former database is kept as {kept}; drop it with the DAG drop_kept_database."
        if kept
        else "There was no former database."
    )
    return f"{name} is restored from {planned['backup_id']}. {what_is_kept}"


def _last_speed(engine: Engine) -> float | None:
    try:
        return read_speed(engine)
    except DatabaseError:
        return None  # it is gone, which may be why somebody restores it
