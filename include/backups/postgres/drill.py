"""The drill: the newest backup is restored into a scratch database and verified, and the time is taken."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from include.backups.catalogue import list_backups
from include.backups.manifest import BackupError
from include.backups.postgres.compare import compare_database, in_short
from include.backups.postgres.facts import DUMPS, find_dump
from include.backups.postgres.restore import restore_into
from include.backups.postgres.server import (
    administer,
    database_of,
    derived_name,
    drop,
    is_derived,
    list_databases,
)
from include.backups.read import open_backup
from include.backups.streams import BYTES_PER_GIB
from include.database import SQL, connect, sql
from include.humanize import count_text
from include.storage import Storage

logger = logging.getLogger(__name__)

ACCEPTANCE_QUERIES = SQL / "acceptance.sql"
QUERY_TIMEOUT = timedelta(minutes=10)
ROWS_AT_ONCE = 1_000  # of an answer in memory at once


@dataclass(frozen=True)
class DrillResult:
    """How a drill went; times are seconds. `findings` is empty when the restored database is the same."""

    backup_id: str
    restore_seconds: float
    total_seconds: float
    size: int  # bytes of the restored database
    tables: int
    rows: int
    queries: int
    findings: tuple[str, ...]

    def summary(self) -> str:
        """One line for people."""
        if self.findings:
            return f"{self.backup_id} does not restore to what it was: {in_short(list(self.findings))}"
        tables, rows = count_text(self.tables, "table"), count_text(self.rows, "row")
        return (
            f"{self.backup_id} is verified by a restore: {tables} with {rows} equal the manifest, "
            f"{count_text(self.queries, 'query', 'queries')} ran; restored in {self.restore_seconds:.1f} s, "
            f"{self.total_seconds:.1f} s in all"
        )


def drill_restore(
    engine: Engine,
    storage: Storage,
    target_url: str,
    admin_url: str,
    *,
    identity: str | None = None,
    backup_id: str = "",
    run_url: str = "",
    acceptance: Path = ACCEPTANCE_QUERIES,
    more_findings: tuple[str, ...] = (),
) -> DrillResult:
    """Restore a backup of the platform's database into a scratch database, compare, and drop that again.

    Args:
        engine: the platform's database, for the catalogue and the record of the drill.
        storage: where the backups are.
        target_url: the platform's database, whose role will own the scratch.
        admin_url: a login that may create databases on that server.
        identity: the private age key, for encrypted backups.
        backup_id: which; empty: the newest one that holds a dump of the platform's database.
        run_url: opens the run that drills.
        acceptance: a file with the queries that must run on the restored database.
        more_findings: what failed besides, of the graph for one: the drill failed then.

    Raises:
        BackupError: there is no backup to drill, or it cannot be restored at all; this is recorded too.
        StorageError, DatabaseError: one of them cannot be reached.
    """
    chosen = backup_id or _newest(engine, storage)
    started, clock = datetime.now(UTC), monotonic()
    scratch = derived_name(database_of(target_url), "drill", started)
    try:
        drop_scratches(admin_url, database_of(target_url))
        manifest = open_backup(storage, chosen)
        part, facts = find_dump(manifest, "platform")
        url = restore_into(storage, manifest, part, scratch, target_url, admin_url, identity=identity)
        restored = monotonic() - clock
        logger.info("%s: restored in %.1f s, comparing", chosen, restored)
        findings = compare_database(url, facts)
        queries, failed = run_acceptance(url, acceptance)
        with administer(admin_url) as connection:
            size = list_databases(connection)[scratch].size
        done = DrillResult(
            chosen,
            round(restored, 3),
            round(monotonic() - clock, 3),
            size,
            len(facts.tables),
            sum(table.rows for table in facts.tables.values()),
            queries,
            (*findings, *failed, *more_findings),
        )
    except BackupError as error:
        _record(engine, chosen, started, run_url, {"findings": [str(error), *more_findings]})
        raise
    finally:
        with administer(admin_url) as connection:
            drop(connection, scratch)
    _record(engine, chosen, started, run_url, {**vars(done), "findings": list(done.findings)})
    return done


def run_acceptance(url: str, queries: Path = ACCEPTANCE_QUERIES) -> tuple[int, list[str]]:
    """Run the operators' queries of `sql/acceptance.sql` in a transaction that is rolled back.

    Gives how many there are, and those that failed, in words.
    """
    engine = connect(url, application="tradeops:drill", statement_timeout=QUERY_TIMEOUT, pool_size=0)
    failed = []
    statements = [part.strip() for part in queries.read_text().split(";\n") if part.strip()]
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            for number, statement in enumerate(statements, 1):
                try:
                    with connection.begin_nested():
                        # By a cursor of the server: some of these queries give every trade there is.
                        answer = connection.execute(
                            text(statement.replace(":", r"\:")), execution_options={"yield_per": ROWS_AT_ONCE}
                        )
                        for _ in answer.partitions():  # to the end: the last row may be what fails
                            pass
                except DBAPIError as error:
                    failed.append(f"query {number} of acceptance.sql: {str(error.orig).strip()[:200]}")
            transaction.rollback()
    finally:
        engine.dispose()
    return len(statements), failed


def drop_scratches(admin_url: str, original: str) -> None:
    """Drop the scratch databases of drills and of rehearsals that died."""
    with administer(admin_url) as connection:
        for name in list_databases(connection):
            if is_derived(name, original, "drill") or is_derived(name, original, "plan"):
                logger.warning("dropping %s, which a drill or a plan left behind", name)
                drop(connection, name)


def read_speed(engine: Engine) -> float | None:
    """Seconds that the newest good drill took to restore a GiB; None: there was none."""
    with engine.connect() as connection:
        row = connection.execute(sql("backups/read_last_drill")).one_or_none()
    return None if row is None else float(row.restore_seconds) / max(row.bytes, 1) * BYTES_PER_GIB


def _newest(engine: Engine, storage: Storage) -> str:
    for backup in list_backups(engine, storage.location):
        if backup.kind in ("database", "full") and backup.method in ("stream", "directory", "physical"):
            manifest = open_backup(storage, backup.id)
            if any(part.of == "platform" and part.content in DUMPS for part in manifest.parts):
                return backup.id
    raise BackupError(
        f"There is no backup of the platform's database in {storage.location} to drill: is back_up_database "
        "running?"
    )


def _record(engine: Engine, backup_id: str, started: datetime, run_url: str, done: dict[str, object]) -> None:
    with engine.begin() as connection:
        connection.execute(
            sql("backups/record_drill"),
            {
                "backup_id": backup_id,
                "started": started,
                "restore_seconds": done.get("restore_seconds"),
                "total_seconds": done.get("total_seconds"),
                "bytes": done.get("size"),
                "rows": done.get("rows"),
                "queries": done.get("queries"),
                "success": not done["findings"],
                "findings": json.dumps(done["findings"]),
                "run_url": run_url,
            },
        )
