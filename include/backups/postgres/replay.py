"""Filling a fresh database from a dump: extensions first, then what pg_restore makes, then the privileges.

A rehearsal does the same without the rows. So the plan of a restore has tried what the restore will do.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from include.backups.manifest import BackupError, BackupPart, Manifest
from include.backups.postgres.archive import DumpArchive, Entry, open_archive
from include.backups.postgres.facts import DatabaseFacts, read_facts
from include.backups.postgres.meaning import tokens
from include.backups.postgres.privileges import give, missing, refused
from include.backups.postgres.server import (
    administer,
    check_same_server,
    connection_limit,
    connection_role,
    create_beside,
    database_of,
    drop,
    host_of,
    limit_connections,
    list_databases,
    server_major,
    with_database,
)
from include.backups.postgres.tools import address
from include.database import DatabaseError
from include.storage import Storage

Connection = psycopg.Connection[Any]

# What pg_restore does not make: what belongs to the database itself, what comes before and after it, and what
# a restored database must not have. A subscription would compete with that of the old one.
OF_DATABASE = ("DATABASE", "ACL - DATABASE", "COMMENT - DATABASE", "SECURITY LABEL - DATABASE")
EXTENSIONS = ("EXTENSION", "COMMENT - EXTENSION")
PRIVILEGES = ("ACL", "DEFAULT ACL")
SUBSCRIPTIONS = ("SUBSCRIPTION", "COMMENT - SUBSCRIPTION")
WRAPPERS = ("ACL - FOREIGN DATA WRAPPER",)  # needed by the servers that pg_restore makes
NAMING_ROLES = ("POLICY", "USER MAPPING")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DumpReplay:
    """Where a dump goes: a database beside the target, made by one login and owned by another."""

    archive: DumpArchive
    facts: DatabaseFacts
    fresh: str
    target_url: str
    admin_url: str
    server: int  # its major version
    schema_only: bool

    @property
    def owner_url(self) -> str:
        """The owner's login to the fresh database."""
        return with_database(self.target_url, self.fresh)

    @contextmanager
    def enter(self) -> Iterator[tuple[Connection, Connection, set[str]]]:
        """The owner's and the administrator's sessions in the fresh database, and the roles of the server.

        They are short: an idle one may be cut off while pg_restore works for hours.
        """
        with ExitStack() as stack:
            owner, admin = (
                stack.enter_context(administer(url)).connection.driver_connection
                for url in (self.owner_url, with_database(self.admin_url, self.fresh))
            )
            assert isinstance(owner, psycopg.Connection) and isinstance(admin, psycopg.Connection)  # noqa: S101
            yield owner, admin, {row[0] for row in admin.execute("SELECT rolname FROM pg_roles")}

    def fill(self) -> list[str]:
        """Make and load everything; give what is otherwise than it was, in lines for people."""
        entries = self.archive.contents()
        own = [entry for entry in entries if not entry.is_a(*OF_DATABASE)]
        early = [entry for entry in own if entry.is_a(*WRAPPERS)]
        late = [entry for entry in own if entry.is_a(*PRIVILEGES) and entry not in early]
        with self.enter() as (owner, admin, roles):
            self._check_roles(own, roles)
            notes, schemas = self._make_extensions(own, owner, admin)
            notes += give(self.archive.sql(early), owner, admin, roles)
        aside = {*early, *late, *schemas}
        plain = [e for e in own if e not in aside and not e.is_a(*EXTENSIONS, *SUBSCRIPTIONS)]
        self.archive.restore(plain, address(self.owner_url), self.server, schema_only=self.schema_only)
        with self.enter() as (owner, admin, roles):
            notes += give(self.archive.sql(late), owner, admin, roles)
        if any(entry.is_a(*SUBSCRIPTIONS) for entry in own):
            notes.append(
                "Subscriptions are left out: the old database has them, and only one may take the changes."
            )
        return notes

    def restore_settings(self) -> list[str]:
        """Give the fresh database the settings, grants and limits of the one that was backed up."""
        entries = self.archive.contents()
        wanted = [entry for entry in entries if entry.is_a("DATABASE PROPERTIES", "ACL - DATABASE")]
        with self.enter() as (owner, admin, roles):
            [(before, after)] = admin.execute(
                "SELECT 'DATABASE ' || quote_ident(%s) || ' ', 'DATABASE ' || quote_ident(%s) || ' '",
                [self.facts.database, self.fresh],
            ).fetchall()
            own = ("CREATE DATABASE ", f"ALTER {before}OWNER TO ")  # which pg_restore always adds
            made = [one for one in self.archive.sql(wanted, "--create") if not one.startswith(own)]
            return give([one.replace(before, after, 1) for one in made], owner, admin, roles)

    def _check_roles(self, entries: list[Entry], roles: set[str]) -> None:
        naming = [entry for entry in entries if entry.is_a(*NAMING_ROLES)]
        if lacking := missing(self.archive.sql(naming), roles):
            raise BackupError(
                f"policies or user mappings in the backup are for roles that the server lacks: "
                f"{', '.join(sorted(lacking))}. Make them there first (CREATE ROLE)."
            )

    def _make_extensions(
        self, entries: list[Entry], owner: Connection, admin: Connection
    ) -> tuple[list[str], list[Entry]]:
        """Create the extensions, as the owner where that suffices; give notes, and the schemas it took."""
        schemas: list[Entry] = []
        for statement in self.archive.sql([entry for entry in entries if entry.is_a("EXTENSION")]):
            name, schema = _extension(statement)
            found = admin.execute("SELECT FROM pg_available_extensions WHERE name = %s", [name]).fetchall()
            if not found:
                raise BackupError(
                    f"the backup holds the extension {name}, which is not available on this server: install "
                    "its package there first."
                )
            for entry in entries:
                if re.fullmatch(rf"SCHEMA - {re.escape(schema)} \S+", entry.words) and entry not in schemas:
                    if why := refused(owner, SQL("CREATE SCHEMA {}").format(Identifier(schema)).as_string()):
                        raise BackupError(f"the schema {schema} cannot be made: {why}")
                    schemas.append(entry)
            if refused(owner, statement) and (why := refused(admin, statement)):
                raise BackupError(
                    f"the backup holds the extension {name}, which the login of postgres_admin cannot "
                    f"create: {why}. Give postgres_admin a login that may: a superuser, or on a managed "
                    "server whoever may create extensions there."
                )
        versions = dict(admin.execute("SELECT extname, extversion FROM pg_extension").fetchall())
        notes = [
            f"The extension {name} comes in this server's version {versions[name]}; the backup has {was}."
            for name, was in sorted(self.facts.extensions.items())
            if name in versions and versions[name] != was
        ]
        return notes, schemas


def replay(
    storage: Storage,
    manifest: Manifest,
    part: BackupPart,
    fresh: str,
    target_url: str,
    admin_url: str,
    *,
    identity: str | None,
    schema_only: bool,
) -> list[str]:
    """Make the database `fresh` and fill it from a dump; give what is otherwise than it was, in words.

    One that an earlier try left under this name is dropped first; after a failure none is left.

    Raises:
        BackupError: it cannot be made on this server, or what is read is not what was written.
        DatabaseError: the server cannot be reached.
    """
    facts, target = read_facts(manifest, part.of), database_of(target_url)
    owner = connection_role(target_url)
    with administer(admin_url) as server:
        check_same_server(server, target_url)
        drop(server, fresh)
        there, major = target in list_databases(server), server_major(server)
    try:
        with administer(admin_url) as server:
            create_beside(server, fresh, owner, target if there else None, facts.shape)
            limit = connection_limit(server, fresh)
            limit_connections(server, fresh, -1)  # workers of pg_restore, and the sessions here
        _check_entrance(with_database(target_url, fresh))
        tls = address(target_url).tls
        with open_archive(storage, manifest, part, identity, major, tls=tls) as archive:
            work = DumpReplay(archive, facts, fresh, target_url, admin_url, major, schema_only)
            notes = work.fill()
            if there:
                with administer(admin_url) as server:
                    limit_connections(server, fresh, limit)
            else:
                notes += work.restore_settings()
            others = sorted(name for name in archive.owners() - {owner} if not name.startswith("pg_"))
            if schema_only and others:
                notes.append(f"What belonged to {', '.join(others)} will belong to {owner}.")
    except BaseException:
        with administer(admin_url) as server:
            drop(server, fresh)
        raise
    return notes


def _check_entrance(fresh_url: str) -> None:
    """The database that one login has made must be there for the other: two servers may look alike."""
    try:
        with administer(fresh_url):
            return
    except DatabaseError as error:
        raise BackupError(
            f"a database that postgres_admin makes cannot be entered over the connection of the database at "
            f"{host_of(fresh_url)}. Both must lead to the same server, straight or through a pooler that "
            f"knows every database. {error}"
        ) from error


def _extension(statement: str) -> tuple[str, str]:
    """Name and schema of `CREATE EXTENSION IF NOT EXISTS name WITH SCHEMA schema`."""
    words = list(tokens(statement))
    name, schema = (
        word[1:-1].replace('""', '"') if word.startswith('"') else word for word in (words[5], words[8])
    )
    return name, schema
