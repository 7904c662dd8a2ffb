"""The rehearsal of a restore: all of it but the rows, in a scratch database that is dropped again."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from include.backups.manifest import BackupError, BackupPart, Manifest
from include.backups.postgres.facts import DatabaseFacts, read_facts
from include.backups.postgres.replay import replay
from include.backups.postgres.server import administer, drop, with_database
from include.database import VERSION_TABLE, DatabaseError, migrate, sql
from include.storage import Storage


def rehearse(
    storage: Storage,
    manifest: Manifest,
    part: BackupPart,
    scratch: str,
    target_url: str,
    admin_url: str,
    *,
    identity: str | None,
) -> list[str]:
    """Try a restore without the rows, the migration to the current schema too; give its notes, for people.

    Raises:
        BackupError: it would fail.
        DatabaseError: the server cannot be reached.
    """
    notes = replay(
        storage, manifest, part, scratch, target_url, admin_url, identity=identity, schema_only=True
    )
    url = with_database(target_url, scratch)
    try:
        with administer(url) as connection:
            notes += _check_functions(connection)
            migrated = _set_revision(connection, read_facts(manifest, part.of))
        if migrated:
            _try_migration(url, manifest)
    finally:
        with administer(admin_url) as connection:
            drop(connection, scratch)
    return notes


def _check_functions(connection: Connection) -> list[str]:
    """Refuse functions that are known to fail while rows are loaded; note those that nobody can know of."""
    unknown = []
    connection.execute(text("SELECT set_config('search_path', '', false)"))
    for function in connection.execute(sql("backups/find_functions_in_restores")).all():
        if function.language != "sql":
            unknown.append(function.name)
            continue
        try:
            connection.execute(text("SELECT pg_catalog.fmgr_sql_validator(:oid)"), {"oid": function.oid})
        except DBAPIError as error:
            raise BackupError(
                f"the function {function.name} runs while rows are loaded, without a search_path, and fails "
                f"then: {' '.join(str(error.orig).split())}. Give it one (ALTER FUNCTION {function.name} SET "
                "search_path = …) and make a new backup, or restore this one by hand."
            ) from error
    named = ", ".join(unknown)
    return [f"These run while rows are loaded, and must name objects in full: {named}."] if unknown else []


def _set_revision(connection: Connection, facts: DatabaseFacts) -> bool:
    """Write the backup's revision into the scratch, which has no rows; False: it is no platform's."""
    tables = [name for name in facts.tables if name.endswith(f".{VERSION_TABLE}")]
    for table in tables:
        connection.execute(
            text(f"INSERT INTO {table} VALUES (:revision)"),  # noqa: S608 - quoted by PostgreSQL
            {"revision": facts.revisions[VERSION_TABLE]},
        )
    return bool(tables)


def _try_migration(url: str, manifest: Manifest) -> None:
    try:
        migrate(url)
    except DatabaseError as error:
        raise BackupError(
            f"the database of {manifest.id} cannot be brought to the schema of this tradeops: {error}"
        ) from error
