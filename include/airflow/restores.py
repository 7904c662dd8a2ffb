"""Restores in Airflow: the logins they need, and the steps between the form and the swap."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from include.airflow.backups import (
    ADMIN,
    AIRFLOW_DATABASE,
    find_identity,
    find_sources,
    open_backup_storage,
)
from include.airflow.connections import DATABASE_CONNECTION, database_url, load_settings, open_database
from include.airflow.forms import FormRefusedError
from include.settings import Settings

if TYPE_CHECKING:
    from include.storage import Storage

CONNECTIONS = {"platform": DATABASE_CONNECTION, "airflow": AIRFLOW_DATABASE}


def admin_url() -> str:
    """The login that may create and rename databases; without it AirflowFailException says what to do."""
    try:
        Connection.get(ADMIN)
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"A restore makes a database beside the old one: give the connection {ADMIN} a login of the same "
            "server that may create databases. See docs/backups.md."
        ) from None
    return database_url(ADMIN)


def plan(backup_id: str, database: str, confirmed: str, at: datetime) -> dict[str, Any]:
    """Check the restore that the form asks for; give what the next steps need, and the plan in words."""
    from include.backups import Plan, Refused, plan_restore, read_speed
    from include.database import DatabaseError
    from include.files import free_bytes_of_volume

    settings, storage = _here()
    try:
        with open_database("restore") as engine:
            speed = read_speed(engine)
    except DatabaseError:
        speed = None  # it is gone, which may be why somebody restores it
    try:
        found: Plan = plan_restore(
            storage,
            backup_id,
            database,
            database_url(CONNECTIONS[database]),
            admin_url(),
            at,
            identity=find_identity(),
            free_bytes=free_bytes_of_volume(settings.database_volume),
            confirmed=confirmed,
            production_names=settings.production_names,
            seconds_a_gib=speed,
        )
    except Refused as refused:
        raise FormRefusedError(str(refused)) from refused
    return {
        "backup_id": backup_id,
        "database": database,
        "fresh": found.fresh,
        "kept": found.kept if found.current is not None else None,
        "words": found.in_words(),
    }


def back_up_first(planned: dict[str, Any], run_url: str) -> str | None:
    """Back the present database up, if there is one; give the backup's id."""
    from include.backups import create_backup

    if planned["kept"] is None:
        return None
    settings, storage = _here()
    with open_database("restore") as engine:
        return create_backup(
            engine, storage, "database", find_sources(settings), settings, run_url=run_url
        ).id


def restore(planned: dict[str, Any]) -> None:
    """Fill the fresh database and prove it.

    A failed proof is final: another try would drop the database that is left to look at.
    """
    from include.backups import BackupError, find_dump, open_backup, prove, restore_into

    _, storage = _here()
    manifest = open_backup(storage, planned["backup_id"])
    part, facts = find_dump(manifest, planned["database"])
    target = database_url(CONNECTIONS[planned["database"]])
    url = restore_into(
        storage, manifest, part, planned["fresh"], target, admin_url(), identity=find_identity()
    )
    try:
        prove(url, facts)
    except BackupError as error:
        raise AirflowFailException(str(error)) from error


def take_over(
    planned: dict[str, Any], first_backup: str | None, approved_by: str | None, run_url: str
) -> str:
    """Swap the databases, and say what to do with the old one; Airflow's own is swapped by hand.

    Run again after a failure it goes on where it stopped.
    """
    from include.backups import database_of, rebuild_catalogue, record_restore, take_over, with_database

    target = database_url(CONNECTIONS[planned["database"]])
    name, fresh = database_of(target), planned["fresh"]
    if planned["database"] == "airflow":
        return (
            f"{fresh} is restored and proven. Airflow cannot swap its own database: stop all of Airflow, "
            f'then run as a role that may: ALTER DATABASE "{name}" RENAME TO "{planned["kept"]}"; '
            f'ALTER DATABASE "{fresh}" RENAME TO "{name}"; and start Airflow again.'
        )
    take_over(with_database(target, fresh), target, planned["kept"] or "", admin_url())
    record_restore(
        target, planned["backup_id"], "platform", planned["kept"], first_backup, approved_by, run_url
    )
    # The restored catalogue is of the day of the backup: it does not know the newer ones, the one made just
    # before among them, and still lists what was deleted since.
    _, storage = _here()
    with open_database("restore") as engine:
        rebuilt = rebuild_catalogue(engine, storage)
    kept = (
        f"The former database is kept as {planned['kept']}; drop it with the DAG drop_kept_database."
        if (planned["kept"])
        else "There was no former database."
    )
    return f"{name} is restored from {planned['backup_id']}. {kept} The catalogue: {rebuilt.in_words()}."


def drill(backup_id: str, run_url: str) -> str:
    """Restore a backup into a scratch database and compare; a finding fails the task."""
    from include.backups import BackupError, drill_restore

    _, storage = _here()
    with open_database("drill") as engine:
        try:
            done = drill_restore(
                engine,
                storage,
                database_url(),
                admin_url(),
                identity=find_identity(),
                backup_id=backup_id,
                run_url=run_url,
            )
        except BackupError as error:
            raise AirflowFailException(f"The backup could not be restored: {error}") from error
    if done.findings:
        raise AirflowFailException(done.in_words())
    return done.in_words()


def let_go(name: str, *, dry_run: bool) -> str:
    """Drop a database that a restore has kept."""
    from include.backups import BackupError, let_go

    try:
        return let_go(admin_url(), database_url(), name, dry_run=dry_run)
    except BackupError as error:
        raise FormRefusedError(str(error)) from error


def _here() -> "tuple[Settings, Storage]":
    settings = load_settings()
    return settings, open_backup_storage(settings)
