"""A dump of a backup as pg_restore reads it: its contents, SQL of some of it, and the restore itself."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from include.backups.manifest import BackupPart, Manifest
from include.backups.postgres.dump import DUMP_WORKERS, unpacked
from include.backups.postgres.meaning import statements
from include.backups.postgres.tools import Address, Tools, find_tools
from include.backups.programs import convert, feed, run
from include.backups.read import read_part
from include.storage import Storage

# pg_restore 17 and newer sends this setting to every server, and older ones do not know it.
TRANSACTION_TIMEOUT_SINCE = 17
TRANSACTION_TIMEOUT = b"\nSET transaction_timeout = 0;\n"
HEAD_LENGTH = 4096  # bytes of SQL that hold the settings at its beginning
SCRIPT_BEGINNING = re.compile(r"SET (?!SESSION AUTHORIZATION)|SELECT pg_catalog\.set_config\('search_path'")
OWNER_PATTERN = re.compile(
    r"^-- Name: .*; Type: (?!EXTENSION|ACL|DEFAULT ACL|COMMENT)[A-Z ]+; Schema: .*; Owner: (.+)$",
    re.MULTILINE,
)
ENCODING_PATTERN = re.compile(rb"^SET client_encoding = '(\w+)';$", re.MULTILINE)
ENTRY_PATTERN = re.compile(r"^\d+; \d+ \d+ (.+)$", re.MULTILINE)


def find_reader(manifest: Manifest, part: BackupPart, server: int = 0, *, tls: bool = False) -> Tools:
    """The programs that can read a dump, and may talk to a server of this major version.

    An older manifest has one version for all of its dumps, which may be another dump's: the newest programs
    read them all.

    Raises:
        BackupError: none fits; it names what is needed.
    """
    wrote = part.version or manifest.versions["pg_dump"]
    return find_tools(
        max(server, int(wrote.split(".")[0])), ["pg_restore", "psql"], tls=tls, newest=part.version is None
    )


@dataclass(frozen=True)
class Entry:
    """A line of the table of contents: `CHECK CONSTRAINT public trades positive tradeops`."""

    line: str
    words: str

    def is_a(self, *kinds: str) -> bool:
        """Whether it is of one of these kinds; they may hold the beginning of the name."""
        return self.words.startswith(tuple(f"{kind} " for kind in kinds))


@dataclass(frozen=True)
class DumpArchive:
    """A dump, which is read from its beginning as often as something is asked of it."""

    tools: Tools
    _read: Callable[[], Iterator[bytes]]
    _folder: Path | None  # of the directory format

    def contents(self) -> list[Entry]:
        """The table of contents, what belongs to the database itself (`-C`) included."""
        listed = _decode(b"".join(self._ask("--list", "--create")))
        return [Entry(found[0], found[1]) for found in ENTRY_PATTERN.finditer(listed)]

    def sql(self, entries: Iterable[Entry], *options: str) -> list[str]:
        """The statements that make these entries; those before and after them are left out."""
        with _list_of(entries) as (listing, empty):
            if empty:
                return []
            written = _decode(b"".join(self._ask("--file=-", f"--use-list={listing}", *options)))
        # What is meant for psql, and the beginning of every script, makes nothing.
        lines = [line for line in written.split("\n") if not line.startswith("\\")]
        return [one for one in statements("\n".join(lines)) if not SCRIPT_BEGINNING.match(one)]

    def owners(self) -> set[str]:
        """The roles that owned what is in it."""
        return set(OWNER_PATTERN.findall(_decode(b"".join(self._ask("--file=-", "--schema-only")))))

    def restore(self, entries: Iterable[Entry], access: Address, server: int, *, schema_only: bool) -> None:
        """Make these entries in a database, in their order, as the role that logs in; all or nothing.

        Raises:
            BackupError: a statement failed, or what is read is not what was written.
        """
        with _list_of(entries) as (listing, _):
            options = ["--no-owner", f"--use-list={listing}", *(["--schema-only"] if schema_only else [])]
            pg_restore: str | Path = self.tools.path("pg_restore")
            straight = [pg_restore, f"--dbname={access.dsn}", "--exit-on-error", "--no-password", *options]
            chunks = self._read() if self._folder is None else iter(())
            if self.tools.major >= TRANSACTION_TIMEOUT_SINCE > server:
                psql: list[str | Path] = [self.tools.path("psql"), "--no-psqlrc", "--quiet", "--no-password"]
                psql += [
                    f"--dbname={access.dsn}",
                    "--set=ON_ERROR_STOP=1",
                    "--single-transaction",
                    "--file=-",
                ]
                written = convert([pg_restore, "--file=-", *options, *self._where()], chunks)
                feed(psql, _without_timeout(written), access)
            elif self._folder is not None:
                run([*straight, f"--jobs={DUMP_WORKERS}", *self._where()], access)
            else:
                feed([*straight, "--single-transaction"], chunks, access)
            if not schema_only:
                for _ in chunks:  # whatever follows the archive, to the hash of the last byte
                    pass

    def _ask(self, *options: str) -> Iterator[bytes]:
        command = [self.tools.path("pg_restore"), *options, *self._where()]
        return convert(command, self._read() if self._folder is None else ())

    def _where(self) -> list[str | Path]:
        return ["--format=directory", self._folder] if self._folder is not None else []


@contextmanager
def open_archive(
    storage: Storage, manifest: Manifest, part: BackupPart, identity: str | None, server: int, *, tls: bool
) -> Iterator[DumpArchive]:
    """Open the dump of a backup for a server of this major version.

    Raises:
        BackupError: no program can read it, it is damaged, or there is no room to unpack it.
    """
    tools = find_reader(manifest, part, server, tls=tls)

    def read() -> Iterator[bytes]:
        return read_part(storage, manifest, part, identity)

    if part.content == "pg_dump":
        yield DumpArchive(tools, read, None)
    else:
        with unpacked(read(), part.raw_size) as folder:
            yield DumpArchive(tools, read, folder)


def _decode(written: bytes) -> str:
    """SQL of pg_restore, which is in the encoding of the database that was dumped."""
    found = ENCODING_PATTERN.search(written)
    name = found[1].decode().replace("WIN", "cp") if found else "utf-8"
    try:
        return written.decode(name, "replace")
    except LookupError:  # one that Python does not have, or SQL_ASCII, which is none
        return written.decode("utf-8", "replace")


def _without_timeout(written: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for chunk in written:
        head += chunk
        if len(head) >= HEAD_LENGTH:
            break
    yield head.replace(TRANSACTION_TIMEOUT, b"\n", 1)
    yield from written


@contextmanager
def _list_of(entries: Iterable[Entry]) -> Iterator[tuple[str, bool]]:
    lines = [entry.line for entry in entries]
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".list") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        yield file.name, not lines
