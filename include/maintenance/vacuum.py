"""Analyze and vacuum where it pays, one table after the other, without standing in anybody's way."""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from include.database import sql

logger = logging.getLogger(__name__)

# Rows changed since the last ANALYZE, and dead ones, from which it pays: a share and a number. Autovacuum has
# the same shares and 50 rows; small tables are left to it.
CHANGED = 0.1
DEAD = 0.2
WORTH_IT = 1_000  # rows
SHORTEST = timedelta(minutes=1)  # that a statement is given


@dataclass(frozen=True)
class VacuumedTable:
    """What was done to one table."""

    table: str
    what: str  # `analyze`, `vacuum`, or why nothing could be done
    seconds: float


def vacuum_tables(engine: Engine, *, time_limit: timedelta) -> list[VacuumedTable]:
    """Vacuum tables with many dead rows, analyze those that have changed; stop after `time_limit`.

    A table that somebody has locked is left out (SKIP_LOCKED). Only VACUUM and ANALYZE: neither keeps readers
    or writers waiting.
    """
    end = time.monotonic() + time_limit.total_seconds()
    done = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # VACUUM of a large table takes long; the task's own time_limit bounds it.
        limit = int(max(time_limit, SHORTEST).total_seconds() * 1000)
        connection.execute(text(f"SET statement_timeout = {limit}"))
        try:
            for table in connection.execute(sql("maintenance/find_tables_to_vacuum")).all():
                dead = table.dead > max(WORTH_IT, DEAD * table.live)
                changed = table.changed > max(WORTH_IT, CHANGED * table.live)
                if not (dead or changed):
                    continue
                if time.monotonic() > end:
                    done.append(VacuumedTable(table.name, "left for the next run: no time", 0.0))
                    continue
                if not table.owned:
                    done.append(VacuumedTable(table.name, "not done: another role owns it", 0.0))
                    continue
                command = "VACUUM (ANALYZE, SKIP_LOCKED)" if dead else "ANALYZE (SKIP_LOCKED)"
                started = time.monotonic()
                try:
                    connection.execute(text(f"{command} {table.name}"))
                    what = "vacuum, analyze" if dead else "analyze"
                except DBAPIError as error:
                    what = f"failed: {str(error.orig).strip()[:200]}"
                    logger.warning("%s of %s %s", command, table.name, what)
                done.append(VacuumedTable(table.name, what, round(time.monotonic() - started, 1)))
                logger.info("%s: %s", table.name, what)
        finally:
            connection.execute(text("RESET statement_timeout"))
    return done


def note_table_sizes(engine: Engine) -> int:
    """Write down how large each table is today; give their number."""
    with engine.begin() as connection:
        return connection.execute(sql("maintenance/note_table_sizes")).rowcount
