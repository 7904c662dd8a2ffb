"""What tasks of backups and restores look up in Airflow: the place, the logins, the key, what to back up."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from include.airflow.connections import (
    DATABASE_CONNECTION,
    database_url,
    extra_of,
    load_settings,
    open_database,
    open_storage,
    run_url,
    settings_text,
)
from include.airflow.settings_file import read_settings_file
from include.settings import Settings
from include.settings.reader import SETTINGS_VARIABLE, environment_settings, read_object

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from include.backups import GraphLogin, RestoreLogins
    from include.backups.manifest import Kind
    from include.storage import Storage

BACKUPS_POOL = "backups"
BACKUP_TIMEOUT = timedelta(hours=4)  # of making, checking or restoring one backup

IDENTITY_CONNECTION = "backup_identity"
ADMIN_CONNECTION = "postgres_admin"
RESTORABLE = {"platform": DATABASE_CONNECTION, "airflow": "airflow_db"}  # databases, by name in a backup
CONFIGURES = ("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_", "TRADEOPS_")  # environment variables
NEXT_BACKUP_STEP = (
    "Earlier backups are untouched, and none is deleted after a failure. The message says what failed, and "
    "docs/backups.md what to do. Then clear the task, or trigger the DAG: backups may be repeated."
)


def open_backup_storage(settings: Settings) -> "Storage":
    """Open the place that the setting `backup_location` names.

    Raises AirflowFailException when there is none, include.storage.StorageError when it cannot be used.
    """
    if not settings.backup_location:
        raise AirflowFailException(
            f"There is no place for backups: set backup_location in the Variable {SETTINGS_VARIABLE}, a "
            "folder on another disk or s3://bucket/prefix. See docs/backups.md."
        )
    return open_storage(settings.backup_location)


def find_identity() -> str | None:
    """The private key that opens backups, if this Airflow may have it: the connection `backup_identity`."""
    try:
        return Connection.get(IDENTITY_CONNECTION).password or None
    except AirflowNotFoundException:
        return None


def admin_url() -> str:
    """The login that may create and rename databases; without it AirflowFailException says what to do."""
    try:
        return database_url(ADMIN_CONNECTION)
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"A restore makes a database beside the old one: give the connection {ADMIN_CONNECTION} a login "
            "of the same server that may create databases. See docs/backups.md."
        ) from None


def restore_logins(database: str) -> "RestoreLogins":
    """The logins for the restore of `platform` or `airflow`."""
    from include.backups import RestoreLogins

    return RestoreLogins(database_url(RESTORABLE[database]), admin_url(), find_identity())


def graph_login(connection: str) -> "GraphLogin | None":
    """The login of a graph database, `graph_db` or `graph_scratch`; None: there is no such connection."""
    from include.backups import GraphLogin

    fields = AirflowSurroundings().connection(connection)
    return None if fields is None else GraphLogin.of(fields)


def make_backup(kind: "Kind", this_dag: str, this_run: str) -> str:
    """Make a backup of what there is here; give its id."""
    from include import backups

    with open_backups("backup") as (engine, storage, settings):
        engines = backups.find_engines(settings, AirflowSurroundings())
        url = run_url(this_dag, this_run)
        return backups.create_backup(engine, storage, kind, engines, settings, run_url=url).id


class AirflowSurroundings:
    """What this Airflow knows of what there is to back up: see include.backups.engine.Surroundings."""

    checkout = Path(__file__).parents[2]

    def database_url(self, connection: str) -> str | None:
        """The URL of a database, password included; None: there is no such connection."""
        try:
            return database_url(connection)
        except AirflowNotFoundException:
            return None

    def declared_connections(self) -> list[str]:
        """The names of the connections that airflow_settings.yaml holds."""
        path = self.checkout / "airflow_settings.yaml"
        return [entry.conn_id for entry in read_settings_file(path).connections]

    def connection(self, name: str) -> Mapping[str, Any] | None:
        """A connection in the names of airflow_settings.yaml; None: there is none."""
        try:
            found = Connection.get(name)
        except AirflowNotFoundException:
            return None
        return {
            "conn_type": found.conn_type,
            "conn_host": found.host,
            "conn_schema": found.schema,
            "conn_login": found.login,
            "conn_password": found.password,
            "conn_port": found.port,
            "conn_extra": extra_of(found),
        }

    def log_folders(self) -> tuple[Path, ...]:
        """Airflow's own."""
        from airflow.configuration import conf

        return (Path(str(conf.get("logging", "base_log_folder"))),)

    def variables(self) -> Mapping[str, Any]:
        """The Variable with the settings."""
        return {SETTINGS_VARIABLE: read_object(settings_text(), f"Variable {SETTINGS_VARIABLE}")}

    def environment(self) -> Mapping[str, str]:
        """The environment variables that configure Airflow and this product."""
        return {name: value for name, value in os.environ.items() if name.startswith(CONFIGURES)}

    def keys(self) -> Mapping[str, str]:
        """Airflow's Fernet key, without which the connections in its database stay shut."""
        from airflow.configuration import conf

        return {"fernet_key": str(conf.get("core", "fernet_key", fallback=""))}


def backup_schedule(kind: str) -> CronTriggerTimetable:
    """When backups of a kind are made: the setting `backup_schedules` of the environment that parses DAGs.

    A DAG that has it needs no start date: its first run then waits for its hour, so that no backup is made
    while a new stack is starting.
    """
    return CronTriggerTimetable(environment_settings().backup_schedules[kind], timezone="UTC")


@contextmanager
def open_backups(purpose: str) -> "Iterator[tuple[Engine, Storage, Settings]]":
    """Open what every task of backups works with: the platform's database, the storage, the settings."""
    settings = load_settings()
    storage = open_backup_storage(settings)
    with open_database(purpose) as engine:
        yield engine, storage, settings
