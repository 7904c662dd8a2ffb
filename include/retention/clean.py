"""Cleaning a table by its rule: row by row in batches, or by whole partitions; and what is due."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from include.database import sql
from include.humanize import count_text
from include.retention.archive import (
    Cleaned,
    CleaningLimits,
    RetentionError,
    RowArchive,
    TableInUseError,
    short_wait,
)
from include.retention.rules import Rule
from include.storage import Storage

logger = logging.getLogger(__name__)

DETACHED_PREFIX = "archiving_"  # in front of the name of a partition that is on its way into the archive


@dataclass(frozen=True)
class Due:
    """What a dry run reports: how many rows of a table would go."""

    table: str
    rows: int
    oldest: datetime | None
    cutoff: datetime


@dataclass(frozen=True)
class Month:
    """A partition that is to go, and how far it has come."""

    name: str
    state: str  # one of MONTH_STATES
    end: datetime | None  # None: it is no month, by its name


# A month that is in the archive in part goes first: its name must be free before a late candle's new
# partition of the same month follows it. PostgreSQL allows one pending detachment a table.
MONTH_STATES = ("archiving", "detached", "detaching", "attached")


def count_due(engine: Engine, rule: Rule, now: datetime) -> Due | None:
    """Count the rows that `clean_table` would take; None when the table does not exist.

    By partition: those of whole months, and of months that are detached but not yet dropped.
    """
    cutoff = now - rule.keep
    with engine.connect() as connection:
        if not _exists(connection, rule.table):
            return None
        due = f"SELECT {rule.time_column} AS at FROM {{}} WHERE {rule.time_column} < :cutoff"
        parts = [due.format(rule.table)]
        if rule.by_partition:
            parts = [
                due.format(month.name)
                if month.state == "attached"
                else f"SELECT {rule.time_column} AS at FROM {month.name}"
                for month in _months(connection, rule, cutoff)
            ]
        if not parts:
            return Due(rule.table, 0, None, cutoff)
        counted = text(f"SELECT count(*), min(at) FROM ({' UNION ALL '.join(parts)}) AS due")
        rows, oldest = connection.execute(counted, {"cutoff": cutoff}).one()
    return Due(rule.table, rows, oldest, cutoff)


def clean_table(
    engine: Engine,
    storage: Storage,
    rule: Rule,
    now: datetime,
    *,
    run_url: str,
    time_limit: timedelta,
    limits: CleaningLimits = CleaningLimits(),  # noqa: B008 - frozen
    sleep: Callable[[float], None] = time.sleep,
) -> Cleaned | None:
    """Archive and delete the rows of a table that are over their time; None when there is no such table.

    Finishes first what an earlier call left. Stops after `time_limit`, between two batches; a later call goes
    on. A month that somebody reads, as a backup does, is tried again until then.

    Args:
        engine: the platform's database.
        storage: where the archive is.
        rule: the table and its time.
        now: with a time zone; rows older than `now - rule.keep` are over their time.
        run_url: opens the run that does it.
        time_limit: how long the call may take, about.
        limits: how much is done at once.
        sleep: waits for so many seconds.

    Raises:
        RetentionError: another call is at this table, or an archive does not equal its rows.
        StorageError: the archive cannot be written or read.
    """
    end = time.monotonic() + time_limit.total_seconds()
    with _alone(engine, rule.table) as exists:
        if not exists:
            return None
        done = Cleaned(rule.table)
        with engine.begin() as connection:  # the newest batch says where a month goes on
            connection.execute(text("SELECT set_back_future_rows(ARRAY['archived_batches'], now())"))
        cutoff = now - rule.keep

        def archive_of(table: str) -> RowArchive:
            return RowArchive(engine, storage, rule, table, run_url, limits)

        if not rule.by_partition:
            _archive_rows(archive_of(rule.table), cutoff, done, end)
            return done
        while not done.left:
            try:
                partition = _next_partition(engine, rule, cutoff, limits.lock_wait)
                if partition is None:
                    return done
                _archive_partition(archive_of(partition), done, end)
            except TableInUseError as error:
                pause = limits.pause.total_seconds()
                done.left = time.monotonic() + pause > end
                logger.warning("%s; %s", error, "left for the next run" if done.left else "trying again soon")
                if not done.left:
                    sleep(pause)
    return done


def _archive_rows(archive: RowArchive, cutoff: datetime, done: Cleaned, end: float) -> None:
    for id in archive.forget_unfinished():
        archive.delete(id, archive.read(id), done)
    while not done.left and (rows := archive.next_rows(cutoff)) is not None:
        archive.delete(archive.write(rows, done), rows, done)
        logger.info("%s: %s archived and deleted so far", done.table, count_text(done.deleted, "row"))
        done.left = time.monotonic() > end


def _archive_partition(archive: RowArchive, done: Cleaned, end: float) -> None:
    """Archive a detached partition, which nobody writes to any more, and drop it when all of it is there."""
    archive.forget_unfinished()
    after = archive.last_key()
    while (rows := archive.next_rows(datetime.max.replace(tzinfo=UTC), after)) is not None:
        if done.left or time.monotonic() > end:
            done.left = True
            return
        archive.write(rows, done)
        after = archive.last_key()
        logger.info("%s: %s archived so far", archive.table, count_text(done.archived, "row"))
    done.deleted += archive.drop_table()


def _next_partition(engine: Engine, rule: Rule, cutoff: datetime, wait: timedelta) -> str | None:
    """Give the name of the next partition that ends before `cutoff`, detached by now; None at the end.

    CONCURRENTLY lets readers and writers of the other partitions go on; it needs to be outside a transaction.
    A detached partition gets another name, so that a late candle of its month may have a new one.
    """
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        short_wait(connection, f"a month of {rule.table}", wait),
    ):
        months = _months(connection, rule, cutoff)
        if not months:
            return None
        month = months[0]
        if month.state == "archiving":
            return month.name
        if month.end is None:
            raise RetentionError(f"{month.name} is no monthly partition of {rule.table}; detach it by hand")
        if month.state != "detached":
            how = "FINALIZE" if month.state == "detaching" else "CONCURRENTLY"
            connection.execute(text(f"ALTER TABLE {rule.table} DETACH PARTITION {month.name} {how}"))
        name = DETACHED_PREFIX + month.name.split(".")[-1]
        connection.execute(text(f"ALTER TABLE {month.name} RENAME TO {name}"))
    return name


def _months(connection: Connection, rule: Rule, cutoff: datetime) -> list[Month]:
    """The partitions that are to go, in the order in which they do; at the end those that are no months."""
    found = connection.execute(
        sql("retention/list_partitions"),
        {
            "table": rule.table, "detached": DETACHED_PREFIX,
            "pattern": rf"^({DETACHED_PREFIX})?{rule.table}_\d{{4}}_\d{{2}}\Z",
        },
    )  # fmt: skip
    months = [Month(name, state, _month_end(rule, name)) for name, state in found]
    begun = ("archiving", "detaching")  # they go, even if the setting keeps more by now
    return sorted(
        (month for month in months if month.state in begun or (month.end or cutoff) <= cutoff),
        key=lambda month: (
            MONTH_STATES.index(month.state),
            month.end or cutoff,
            month.end is None,
            month.name,
        ),
    )


def _month_end(rule: Rule, partition: str) -> datetime | None:
    """The end of the month in a partition's name, in UTC; None for another name."""
    found = re.fullmatch(rf"(?:.*\.)?(?:{DETACHED_PREFIX})?{rule.table}_(\d{{4}})_(\d{{2}})", partition)
    if found is None:
        return None
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
