"""Restoring a database: everything is checked before anything is touched, and the old one is kept.

`plan_restore` reads the backup to its end and refuses what cannot go well. `restore_into` fills a fresh
database beside the old one, `compare_database` (the module `compare`) compares it with the manifest, and only
then do the two swap names (the module `swap`).
"""

import ipaddress
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from include.backups.manifest import BackupError, BackupPart, Manifest, RestoreRefusedError
from include.backups.postgres.archive import find_reader
from include.backups.postgres.dump import check_directory, check_dump
from include.backups.postgres.facts import DatabaseFacts, find_dump
from include.backups.postgres.rehearsal import rehearse
from include.backups.postgres.replay import replay
from include.backups.postgres.server import (
    administer,
    check_same_server,
    database_of,
    derived_name,
    host_of,
    identity_of,
    list_databases,
    may_create,
    server_major,
    with_database,
)
from include.backups.postgres.sessions import RIGHTS_ADVICE, ends_others, is_superuser, list_sessions
from include.backups.postgres.snapshot import measure_database
from include.backups.read import check_hash, open_backup, read_part
from include.backups.streams import BYTES_PER_GIB
from include.database import DatabaseError
from include.storage import Storage
from include.telemetry import error_in_words

logger = logging.getLogger(__name__)

SIZE_HEADROOM = 1.2  # what a restored database may take, times its size when it was dumped


@dataclass(frozen=True)
class RestorePlan:
    """What a restore would do. Sizes are bytes, times UTC."""

    backup_id: str
    part: str
    database: str  # its name in the backup: platform or airflow
    target: str  # the name of the database that would be replaced
    fresh: str
    kept: str
    taken_at: datetime
    size: int  # of the database when it was dumped
    seconds: float | None  # how long it may take; None: no drill has measured it yet
    current: int | None  # size of what is there now; None: nothing
    # table: in the backup, now (None: no such table). None: they could not be counted
    rows: Mapping[str, tuple[int, int | None]] | None = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """The plan for people, in Markdown."""
        now = "there is none now" if self.current is None else f"{self.current / BYTES_PER_GIB:.2f} GiB now"
        took = "no drill has measured it yet" if self.seconds is None else f"about {self.seconds:.0f} s"
        lines = [
            f"Restore **{self.target}** ({now}) from the backup **{self.backup_id}**, taken "
            f"{self.taken_at:%Y-%m-%d %H:%M} UTC, {self.size / BYTES_PER_GIB:.2f} GiB.",
            "",
            f"- How long: {took}.",
            f"- It is restored into `{self.fresh}`, checked, and then takes the name `{self.target}`.",
            f"- What is there now is kept as `{self.kept}` until somebody drops it.",
            *(f"- {note}" for note in self.notes),
        ]
        changed = {name: rows for name, rows in (self.rows or {}).items() if rows[0] != rows[1]}
        if self.rows is None:
            lines += [
                "",
                "What was written since the backup is not in it, and how much that is, is not known.",
            ]
        elif changed:
            lines += ["", "| table | rows in the backup | rows now |", "|---|---|---|"]
            lines += [
                f"| {name} | {then} | {'no such table' if now is None else now} |"
                for name, (then, now) in sorted(changed.items())
            ]
            lines += ["", "What was written since the backup is not in it."]
        elif self.current is not None:
            lines += ["", "Every table has as many rows now as in the backup."]
        return "\n".join(lines)


def plan_restore(
    storage: Storage,
    backup_id: str,
    database: str,
    target_url: str,
    admin_url: str,
    at: datetime,
    *,
    identity: str | None = None,
    free_bytes: int | None = None,
    confirmed: str = "",
    production_names: Iterable[str] = (),
    seconds_a_gib: float | None = None,
) -> RestorePlan:
    """Check everything that a restore needs, and say what it would do.

    The schema is rehearsed in a scratch database, which is dropped again. Nothing else is touched.

    Args:
        storage: where the backup is.
        backup_id: which.
        database: its name in the backup, `platform` or `airflow`.
        target_url: the database to replace; the restored one belongs to this role.
        admin_url: a login that may create and rename databases on the same server.
        at: now; the names of the fresh and of the kept database hold it.
        identity: the private age key, for an encrypted backup.
        free_bytes: what is free on the server's disk; None: not known.
        confirmed: the name of the target once more, for one that looks like production.
        production_names: words in a host's or database's name that make it look like production.
        seconds_a_gib: what the last drill took.

    Raises:
        RestoreRefusedError: it cannot go well, or a confirmation is missing; the words say which.
        StorageError, DatabaseError: one of them cannot be reached.
    """
    target = database_of(target_url)
    try:
        manifest = open_backup(storage, backup_id)
        part, facts = find_dump(manifest, database)
        with administer(admin_url) as connection:
            check_same_server(connection, target_url)
            there = list_databases(connection)
            notes = _say_whose(manifest, identity_of(connection), target if database == "platform" else None)
            notes += _check_server(facts, server_major(connection), may_create(connection), free_bytes)
            if database == "platform" and target in there:  # Airflow's own is swapped by hand
                notes += _check_sessions(connection, target)
        _check_target(target_url, confirmed, production_names)
        read_to_its_end(storage, manifest, part, identity)
        scratch = derived_name(target, "plan", at)
        notes += rehearse(storage, manifest, part, scratch, target_url, admin_url, identity=identity)
    except RestoreRefusedError:
        raise
    except BackupError as error:
        raise RestoreRefusedError(f"Refused, nothing was touched: {error}") from error
    current = there.get(target)
    rows: dict[str, tuple[int, int | None]] | None = {}
    if current is not None:
        try:
            now = measure_database(target_url, checksums=False).tables
            rows = {
                name: (table.rows, now[name].rows if name in now else None)
                for name, table in facts.tables.items()
            }
        except (BackupError, DatabaseError, SQLAlchemyError) as error:
            rows = None  # no reason to refuse: a damaged database is what one restores
            notes.append(f"The rows of {target} could not be counted: {error_in_words(error)}")
    else:
        notes.append(f"There is no database {target} to keep, and no backup of it is made first.")
    return RestorePlan(
        backup_id,
        part.name,
        database,
        target,
        derived_name(target, "restore", at),
        derived_name(target, "before", at),
        manifest.finished_at,
        facts.size,
        None if seconds_a_gib is None else max(1.0, seconds_a_gib * facts.size / BYTES_PER_GIB),
        current.size if current else None,
        rows,
        tuple(notes),
    )


def _say_whose(manifest: Manifest, server: str | None, target: str | None) -> list[str]:
    """A note for who approves the restore, where the backup is not this installation's own."""
    if manifest.installation is None:
        return ["The backup does not say which installation made it."]
    made_on, _, made_of = manifest.installation.partition("/")
    if made_on == server and target in (None, made_of):
        return []
    return [f"Another installation made it: {made_of} on the server {made_on}. Its trades come along."]


def read_to_its_end(storage: Storage, manifest: Manifest, part: BackupPart, identity: str | None) -> None:
    """Decrypt and decode a dump to its last byte, as a restore would, and compare its SHA-256.

    Raises:
        BackupError: it is damaged, incomplete, or this key does not open it.
    """
    check_hash(storage, manifest, part)  # first: a flipped byte is named as such, not as a wrong key
    chunks = read_part(storage, manifest, part, identity)
    tools = find_reader(manifest, part)
    if part.content == "pg_dump":
        check_dump(chunks, tools)
    else:
        check_directory(chunks, part.raw_size, tools)
    for _ in chunks:
        pass


def restore_into(
    storage: Storage,
    manifest: Manifest,
    part: BackupPart,
    fresh: str,
    target_url: str,
    admin_url: str,
    *,
    identity: str | None = None,
) -> str:
    """Make the database `fresh` and fill it from a dump, in one transaction; give its URL.

    One that an earlier try left under this name is dropped first. Its owner is the role of `target_url`, its
    encoding and sorting order are those of the backup, its settings and grants those of the target, or of the
    backup if there is no target. What the plan has noted, grants of missing roles among it, is logged.

    Raises:
        BackupError: a statement failed, or what is read is not what was written.
    """
    logger.info("restoring %s of %s into %s", part.name, manifest.id, fresh)
    for note in replay(
        storage, manifest, part, fresh, target_url, admin_url, identity=identity, schema_only=False
    ):
        logger.warning("%s: %s", fresh, note)
    return with_database(target_url, fresh)


def looks_like_production(url: str, names: Iterable[str]) -> bool:
    """Whether a database is on another machine, or its or its host's name holds one of the words."""
    host, database = host_of(url), database_of(url)
    words = f"{host} {database}".lower()
    return not _is_here(host) or any(name.lower() in words for name in names)


def _is_here(host: str) -> bool:
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_target(url: str, confirmed: str, names: Iterable[str]) -> None:
    name = database_of(url)
    if looks_like_production(url, names) and confirmed != name:
        raise RestoreRefusedError(
            f"Refused, nothing was touched: {name} at {host_of(url)} looks like production. If it is meant, "
            "write the name of the database into confirm_database."
        )


def _check_server(facts: DatabaseFacts, major: int, creates: bool, free_bytes: int | None) -> list[str]:
    """Refuse a server that cannot take the dump; give notes for the plan."""
    dumped = int(facts.server_version.split(".")[0])
    if major < dumped:
        raise BackupError(
            f"the backup is of PostgreSQL {dumped}, and this server is {major}: a dump goes into the same "
            "major version or a newer one."
        )
    if not creates:
        raise BackupError(
            "the role of the connection postgres_admin may not create databases: give it CREATEDB, and make "
            "it a member of the role that owns the platform's database."
        )
    needed = int(facts.size * SIZE_HEADROOM)
    if free_bytes is None:
        gib = needed / BYTES_PER_GIB
        return [f"The server's free space is not seen from here; about {gib:.2f} GiB are needed."]
    if free_bytes < needed:
        raise BackupError(
            f"the restored database needs about {needed >> 20} MiB beside the old one, and "
            f"{free_bytes >> 20} MiB are free."
        )
    return []


def _check_sessions(connection: Connection, target: str) -> list[str]:
    """Refuse when this login could not end the sessions of today; note whose it could not end tomorrow."""
    foreign = [str(session) for session in list_sessions(connection, [target]) if not session.endable]
    if foreign:
        raise BackupError(
            f"the login of postgres_admin may not end these sessions in {target}, and while they last no "
            f"other database takes its name: {', '.join(foreign)}. {RIGHTS_ADVICE}"
        )
    if is_superuser(connection):
        return []
    if ends_others(connection):
        return [
            f"A superuser's session in {target} would keep it from being replaced: postgres_admin is none."
        ]
    return [
        f"postgres_admin has no pg_signal_backend: a session in {target} of a role that it is no member of, "
        "or of a superuser, would keep it from being replaced."
    ]
