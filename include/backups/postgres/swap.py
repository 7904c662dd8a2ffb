"""The end of a restore: the fresh database is verified and takes the old one's place, which goes one day."""

import logging
from datetime import timedelta

from sqlalchemy import text

from include.backups.manifest import BackupError, RestoredDiffersError
from include.backups.postgres.compare import compare_database, in_short
from include.backups.postgres.facts import DatabaseFacts
from include.backups.postgres.server import administer, database_of, drop, is_derived, list_databases, swap
from include.database import connect, migrate, sql

logger = logging.getLogger(__name__)


ANALYZE_TIMEOUT = timedelta(hours=1)


def verify_restored(fresh_url: str, facts: DatabaseFacts) -> None:
    """Compare a restored database with the manifest.

    Raises:
        RestoredDiffersError: they differ; the database stays as it is, for a look at it.
    """
    if differences := compare_database(fresh_url, facts):
        raise RestoredDiffersError(
            f"The restored database {database_of(fresh_url)} is not what was backed up, and does not take "
            f"over: {in_short(differences)}. It is left for you to look at; the old one is untouched."
        )


def swap_databases(fresh_url: str, target_url: str, kept: str, admin_url: str) -> bool:
    """Bring a verified database to the current schema, and swap names; True unless it was done before.

    The old database is kept under the name `kept`. Messages that were due in the backup are not sent again.

    Raises:
        BackupError: the old database's sessions would not end; nothing has changed then.
        DatabaseError: the migration failed; nothing has changed either.
    """
    fresh, target = database_of(fresh_url), database_of(target_url)
    with administer(admin_url) as connection:
        there = list_databases(connection)
    if fresh not in there:
        if target in there:
            logger.info("%s has taken over before", target)
            return False
        raise BackupError(f"There is neither {fresh} nor {target}: run the restore again.")
    for step in migrate(fresh_url):
        logger.info("%s: %s", fresh, step)
    engine = connect(
        fresh_url, application="tradeops:restore", statement_timeout=ANALYZE_TIMEOUT, pool_size=0
    )
    with engine.begin() as connection:  # before the swap: afterwards new alerts would be among them
        connection.execute(sql("alerts/drop_restored_deliveries"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))  # a dump holds no statistics
    engine.dispose()
    with administer(admin_url) as connection:
        swap(connection, target, fresh, kept)
    logger.info("%s has taken over; the former database is kept as %s", target, kept)
    return True


def record_restore(
    target_url: str,
    backup_id: str,
    database: str,
    kept: str | None,
    first_backup: str | None,
    approved_by: str | None,
    run_url: str,
) -> None:
    """Write down, in the restored database itself, where it comes from; repeated, it changes nothing."""
    engine = connect(target_url, application="tradeops:restore", pool_size=0)
    with engine.begin() as connection:
        connection.execute(
            sql("backups/record_restore"),
            {
                "backup_id": backup_id,
                "database": database,
                "kept": kept,
                "first": first_backup,
                "approved_by": approved_by,
                "run_url": run_url,
            },
        )
    engine.dispose()


def drop_kept_database(admin_url: str, target_url: str, name: str, *, dry_run: bool) -> str:
    """Drop a database that a restore has kept; only names that a restore gives are taken.

    Raises:
        BackupError: there is no such database, or it is none that a restore has kept.
    """
    target = database_of(target_url)
    with administer(admin_url) as connection:
        there = list_databases(connection)
        kept = [one for one in there if is_derived(one, target, "before")]
        if name not in kept:
            listed = ", ".join(kept) or "none"
            raise BackupError(
                f"{name!r} is no database that a restore of {target} has kept; there are: {listed}"
            )
        size = there[name].size
        if dry_run:
            return f"{name} ({size >> 20} MiB) would be dropped"
        drop(connection, name)
    return f"{name} ({size >> 20} MiB) is dropped"
