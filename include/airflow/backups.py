"""Backups in Airflow: what there is to back up here, where it goes, and the DAG that all four kinds share."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Connection, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from include.airflow.connections import (
    STORE_CONNECTION,
    database_url,
    extra_of,
    load_settings,
    open_database,
    open_storage,
    run_url,
    settings_text,
)
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import CriticalError, FormRefusedError
from include.airflow.load_settings import read_settings_file
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task
from include.settings import Settings
from include.settings_reader import VARIABLE as SETTINGS_VARIABLE
from include.settings_reader import environment_settings, read_object

if TYPE_CHECKING:
    from include.backups import Configuration, Kind, Sources
    from include.storage import Storage

POOL = "backups"
MOST_LINES = 200  # that a task hands on; the table has the rest
LONGEST = timedelta(hours=4)  # of making or checking one backup
AIRFLOW_DATABASE = "airflow_db"
CLUSTER = "postgres_replication"
IDENTITY = "backup_identity"
CHECKOUT = Path(__file__).parents[2]
CONFIGURES = ("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_", "TRADEOPS_")  # environment variables
ADMIN = "postgres_admin"
OPTIONAL = (AIRFLOW_DATABASE, STORE_CONNECTION, CLUSTER, ADMIN, "smtp_alerts")  # not in airflow_settings.yaml
NEXT_STEP = (
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


def find_sources(settings: Settings) -> "Sources":
    """Look up what there is to back up: databases, log folders, the configuration."""
    from airflow.configuration import conf

    from include.backups import Sources

    databases = {"platform": database_url()}
    absent = []
    try:
        databases["airflow"] = database_url(AIRFLOW_DATABASE)
    except AirflowNotFoundException:
        absent.append(f"Airflow's own database: there is no connection {AIRFLOW_DATABASE}")
    try:
        cluster = database_url(CLUSTER)
    except AirflowNotFoundException:
        cluster = None
    logs = settings.backup_log_folders or (Path(str(conf.get("logging", "base_log_folder"))),)
    return Sources(databases, logs, _configuration(settings), cluster, tuple(absent))


def find_identity() -> str | None:
    """The private key that opens backups, if this Airflow may have it: the connection `backup_identity`."""
    try:
        return Connection.get(IDENTITY).password or None
    except AirflowNotFoundException:
        return None


def _configuration(settings: Settings) -> "Configuration":
    from airflow.configuration import conf

    from include.backups import Configuration

    listed = [entry.conn_id for entry in read_settings_file(CHECKOUT / "airflow_settings.yaml").connections]
    markets = [f"market_{name}" for name in settings.candle_sources]
    connections: dict[str, Mapping[str, Any]] = {}
    absent = []
    for name in dict.fromkeys((*listed, *markets, *OPTIONAL)):
        try:
            connections[name] = _fields(Connection.get(name))
        except AirflowNotFoundException:
            absent.append(f"the connection {name}, which does not exist")
    return Configuration(
        folder=CHECKOUT,
        connections=connections,
        variables={SETTINGS_VARIABLE: read_object(settings_text(), f"Variable {SETTINGS_VARIABLE}")},
        environment={name: value for name, value in os.environ.items() if name.startswith(CONFIGURES)},
        keys={"fernet_key": str(conf.get("core", "fernet_key", fallback=""))},
        absent=tuple(absent),
    )


def _fields(connection: Connection) -> dict[str, Any]:
    """A connection in the names of airflow_settings.yaml."""
    return {
        "conn_type": connection.conn_type,
        "conn_host": connection.host,
        "conn_schema": connection.schema,
        "conn_login": connection.login,
        "conn_password": connection.password,
        "conn_port": connection.port,
        "conn_extra": extra_of(connection),
    }


def make_backup_dag(kind: "Kind", doc: str) -> DAG:
    """The DAG `back_up_<kind>`: make a backup, verify it, then delete what may go.

    Its schedule is that of the setting `backup_schedules` in the environment, where DAGs are parsed.
    """
    schedules = environment_settings().backup_schedules
    with DAG(
        dag_id=f"back_up_{kind}",
        # Without a start date the first run waits for its hour: no backups while a new stack is starting.
        schedule=CronTriggerTimetable(schedules[kind], timezone="UTC"),
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=12),
        **explained(doc),
        **tagged(Subject.BACKUPS, Effect.DESTROYS),  # its last task deletes older backups
        **dag_defaults(owner="operations", area="database", next_step=NEXT_STEP, severity="critical"),
    ) as dag:
        whole = task(area="database", outside=True, long=True, pool=POOL, execution_timeout=LONGEST)
        expire = task(
            area="database",
            outside=True,
            effect=Effect.DESTROYS,
            pool=POOL,
            execution_timeout=timedelta(hours=1),
        )
        made = whole(create_backup)(kind, dag.dag_id, "{{ run_id }}")
        whole(verify_backup)(made) >> expire(apply_retention)()
    return dag


def create_backup(kind: "Kind", this_dag: str, this_run: str) -> str:
    """Make the backup; give its id."""
    from include.backups import create_backup

    settings = load_settings()
    storage = open_backup_storage(settings)
    with open_database("backup") as engine:
        sources = find_sources(settings)
        return create_backup(engine, storage, kind, sources, settings, run_url=run_url(this_dag, this_run)).id


def verify_backup(backup_id: str) -> str:
    """Hash and decode all of it; give how deep the check went. A bad backup fails for good."""
    from include.backups import verify_backup

    storage = open_backup_storage(load_settings())
    with open_database("backup") as engine:
        verdict = verify_backup(engine, storage, backup_id, find_identity())
    if verdict.depth == "bad":
        raise CriticalError(f"The backup {backup_id} is bad: {verdict.reason}")
    return f"{verdict.depth}: {verdict.reason}" if verdict.reason else verdict.depth


def apply_retention() -> dict[str, str]:
    """Delete the backups that may go; give their ids and why. Fails if one could not be deleted."""
    from include.backups import Rules, apply_retention
    from include.storage import StorageError

    settings = load_settings()
    with open_database("backup") as engine:
        applied = apply_retention(engine, open_backup_storage(settings), Rules.of(settings))
    if applied.failed:
        raise StorageError("Some backups could not be deleted: " + "; ".join(applied.failed.values()))
    return applied.deleted


def look_after_backups(action: str, backup_id: str, *, dry_run: bool) -> list[str]:
    """Do one action of the DAG `manage_backups`; give lines that say what was done.

    Raises AirflowFailException, in words, for what no repetition mends: FormRefusedError for what cannot be
    done as asked, CriticalError for a bad backup.
    """
    from include.backups import (
        BackupError,
        Rules,
        apply_retention,
        delete_backup,
        list_backups,
        rebuild_catalogue,
        verify_backup,
    )

    if action in ("verify", "delete") and not backup_id:
        raise FormRefusedError(f"Which backup? Fill in backup_id; the action {action} takes one.")
    settings = load_settings()
    storage = open_backup_storage(settings)
    with open_database("backup") as engine:
        try:
            match action:
                case "list":
                    lines = [
                        backup.in_words() for backup in list_backups(engine, storage.location, everybody=True)
                    ]
                case "verify":
                    verdict = verify_backup(engine, storage, backup_id, find_identity())
                    lines = [f"{backup_id}: {verdict.depth} {verdict.reason}".strip()]
                    if verdict.depth == "bad":
                        raise CriticalError(f"The backup {backup_id} is bad: {verdict.reason}")
                case "delete":
                    lines = [delete_backup(engine, storage, backup_id, dry_run=dry_run)]
                case "apply_retention":
                    applied = apply_retention(engine, storage, Rules.of(settings), dry_run=dry_run)
                    lines = applied.in_words(dry_run=dry_run)
                    if applied.failed:
                        raise AirflowFailException("; ".join(lines))
                case _:
                    lines = [rebuild_catalogue(engine, storage).in_words()]
        except BackupError as error:  # no such backup, or one that must stay: what was asked for
            raise FormRefusedError(str(error)) from error
    return lines[:MOST_LINES]
