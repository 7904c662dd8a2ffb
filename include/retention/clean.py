"""Cleaning a table by its rule: row by row in batches, or by whole partitions; and what is due."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from include.retention.archive import Archive, Cleaned, RetentionError
from include.retention.rules import Rule
from include.storage import Storage

logger = logging.getLogger(__name__)

DETACHED = "archiving_"  # in front of the name of a partition that is on its way into the archive


@dataclass(frozen=True)
class Due:
    """What a dry run reports: how many rows of a table are over their time."""

    table: str
    rows: int
    oldest: datetime | None
    cutoff: datetime


def count_due(engine: Engine, rule: Rule, now: datetime) -> Due | None:
    """Count the rows that `clean` would take; None when the table does not exist."""
    cutoff = now - rule.keep
    with engine.connect() as connection:
        if not _exists(connection, rule.table):
            return None
        counted = text(
            f"SELECT count(*), min({rule.time_column}) FROM {rule.table} WHERE {rule.time_column} < :cutoff"
        )
        rows, oldest = connection.execute(counted, {"cutoff": cutoff}).one()
    return Due(rule.table, rows, oldest, cutoff)


def clean(
    engine: Engine, storage: Storage, rule: Rule, now: datetime, *, run_url: str, patience: timedelta
) -> Cleaned | None:
    """Archive and delete the rows of a table that are over their time; None when there is no such table.

    Finishes first what an earlier call left. Stops after `patience`, between two batches; a later call goes
    on.

    Args:
        engine: the platform's database.
        storage: where the archive is.
        rule: the table and its time.
        now: with a time zone; rows older than `now - rule.keep` are over their time.
        run_url: opens the run that does it.
        patience: how long the call may take, about.

    Raises:
        RetentionError: another call is at this table, or an archive does not equal its rows.
        StorageError: the archive cannot be written or read.
    """
    end = time.monotonic() + patience.total_seconds()
    with _alone(engine, rule.table) as exists:
        if not exists:
            return None
        done = Cleaned(rule.table)
        if rule.by_partition:
            for partition in _detach(engine, rule, now - rule.keep):
                _archive_partition(engine, Archive(engine, storage, rule, partition, run_url), done, end)
        else:
            _archive_rows(Archive(engine, storage, rule, rule.table, run_url), now - rule.keep, done, end)
    return done


def _archive_rows(archive: Archive, cutoff: datetime, done: Cleaned, end: float) -> None:
    for id in archive.forget_unfinished():
        archive.delete(id, archive.read(id), done)
    while not done.left and (rows := archive.next_rows(cutoff)) is not None:
        archive.delete(archive.write(rows, done), rows, done)
        logger.info("%s: %d rows archived and deleted so far", done.table, done.deleted)
        done.left = time.monotonic() > end


def _archive_partition(engine: Engine, archive: Archive, done: Cleaned, end: float) -> None:
    """Archive a detached partition, which nobody writes to any more, and drop it when all of it is there."""
    archive.forget_unfinished()
    after = archive.last_key()
    while (rows := archive.next_rows(datetime.max.replace(tzinfo=UTC), after)) is not None:
        if done.left or time.monotonic() > end:
            done.left = True
            return
        archive.write(rows, done)
        after = archive.last_key()
        logger.info("%s: %d rows archived so far", archive.table, done.archived)
    done.deleted += archive.drop_table()


def _detach(engine: Engine, rule: Rule, cutoff: datetime) -> list[str]:
    """Detach the partitions that end before `cutoff`; give all that are detached, the oldest first.

    CONCURRENTLY lets readers and writers of the other partitions go on; it needs to be outside a transaction.
    A detached partition gets another name, so that a late candle of its month may have a new one.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        attached = connection.execute(
            text(
                "SELECT inhrelid::regclass::text AS name, inhdetachpending AS pending FROM pg_inherits "
                "WHERE inhparent = CAST(:table AS regclass)"
            ),
            {"table": rule.table},
        ).all()
        for name, pending in attached:
            if _month_end(rule, name) > cutoff:
                continue
            how = "FINALIZE" if pending else "CONCURRENTLY"
            connection.execute(text(f"ALTER TABLE {rule.table} DETACH PARTITION {name} {how}"))
        standing = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition "
                "AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST(:table AS regclass)) "
                "AND relname ~ :pattern ORDER BY relname"
            ),
            {"table": rule.table, "pattern": rf"^({DETACHED})?{rule.table}_\d{{4}}_\d{{2}}$"},
        ).scalars()
        detached = []
        for name in list(standing):
            if not name.startswith(DETACHED):
                connection.execute(text(f"ALTER TABLE {name} RENAME TO {DETACHED}{name}"))
            detached.append(name if name.startswith(DETACHED) else DETACHED + name)
    return detached


def _month_end(rule: Rule, partition: str) -> datetime:
    """The end of the month in a partition's name, in UTC."""
    found = re.fullmatch(rf"(?:.*\.)?{rule.table}_(\d{{4}})_(\d{{2}})", partition)
    if found is None:
        raise RetentionError(f"{partition} is no monthly partition of {rule.table}; detach it by hand")
    year, month = int(found[1]), int(found[2])
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


@contextmanager
def _alone(engine: Engine, table: str) -> Iterator[bool]:
    """Hold the right to clean a table, on a connection of its own; tells whether the table exists."""
    with engine.connect() as connection:
        lock = {"name": f"retention {table}"}
        free = connection.execute(text("SELECT pg_try_advisory_lock(hashtext(:name))"), lock).scalar_one()
        connection.commit()  # the lock is the session's; no transaction lies open meanwhile
        if not free:
            raise RetentionError(f"another run is cleaning {table}; this one leaves it alone")
        try:
            exists = _exists(connection, table)
            connection.commit()
            yield exists
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtext(:name))"), lock)
            connection.commit()


def _exists(connection: Connection, table: str) -> bool:
    return connection.execute(text("SELECT to_regclass(:table)"), {"table": table}).scalar() is not None
