"""Logical backups: pg_dump as one stream without a temporary file, or as a directory by parallel workers."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from include.backups.engine import PartStream
from include.backups.manifest import BackupDamagedError
from include.backups.postgres.facts import DatabaseFacts
from include.backups.postgres.snapshot import DatabaseSnapshot, hold_snapshot
from include.backups.postgres.tools import Tools, address, find_tools
from include.backups.programs import feed, own_folder, read_output, run
from include.backups.tar import tar_folder, unpack

DUMP_WORKERS = 2  # of the directory format: four gain nothing more on four cores
LOCK_WAIT = "60s"

Store = Callable[[PartStream], None]


def dump_database(
    name: str, url: str, method: str, store: Store, *, checksums: bool, tools: Tools | None = None
) -> DatabaseFacts:
    """Dump a database through `store` and say what it held.

    Rows are counted beside the dump in the same snapshot. `stream` stores `<name>.dump`, one archive in
    pg_dump's custom format; `directory` a tar of its directory format, dumped by parallel workers into a
    temporary folder first.

    Raises:
        BackupError: no fitting client program, pg_dump failed, the role would not see all rows, no room.
        DatabaseError: the database cannot be reached.
    """
    access = address(url)
    with hold_snapshot(url) as snapshot, _counting(snapshot, checksums) as facts:
        tools = tools or find_tools(snapshot.server_major, ["pg_dump", "pg_restore"], tls=access.tls)
        common: list[str | Path] = [
            tools.path("pg_dump"),
            f"--dbname={access.dsn}",
            f"--snapshot={snapshot.id}",
            f"--lock-wait-timeout={LOCK_WAIT}",
            "--no-password",
        ]
        if method == "stream":
            chunks = read_output([*common, "-Fc", "-Z0"], access)
            store(PartStream(f"{name}.dump", "pg_dump", name, chunks, version=tools.version))
        else:
            with own_folder(snapshot.database_size) as folder:
                target = Path(folder) / name
                run([*common, "-Fd", f"-j{DUMP_WORKERS}", "-Z1", "--no-sync", f"--file={target}"], access)
                store(
                    PartStream(
                        f"{name}.tar",
                        "pg_dump directory",
                        name,
                        tar_folder(target),
                        compress=False,  # it is, file by file
                        version=tools.version,
                    )
                )
        return facts()


@contextmanager
def _counting(snapshot: DatabaseSnapshot, checksums: bool) -> Iterator[Callable[[], DatabaseFacts]]:
    """Describe the snapshot in a thread; an error in the block ends the counting."""
    with ThreadPoolExecutor(1, "count") as pool:
        counting = pool.submit(snapshot.describe, checksums=checksums)
        try:
            yield counting.result
        except BaseException:
            snapshot.cancel()
            raise


def check_dump(chunks: Iterable[bytes], tools: Tools) -> None:
    """Read an archive in the custom format to its end, as a restore would.

    Raises:
        BackupDamagedError: pg_restore cannot read it whole.
    """
    feed([tools.path("pg_restore"), "--file=/dev/null"], chunks)


def check_directory(chunks: Iterable[bytes], size: int, tools: Tools) -> None:
    """The same for a tar of the directory format, which is unpacked into a temporary folder."""
    with unpacked(chunks, size) as folder:
        feed([tools.path("pg_restore"), "-Fd", "--file=/dev/null", folder], [])


@contextmanager
def unpacked(chunks: Iterable[bytes], size: int) -> Iterator[Path]:
    """The directory format in a temporary folder, from its tar.

    Raises:
        BackupDamagedError: it is no tar of one folder.
        BackupError: there is no room.
    """
    with own_folder(size) as folder:
        unpack(chunks, Path(folder))
        inside = [entry for entry in Path(folder).iterdir() if entry.is_dir()]
        if len(inside) != 1:
            raise BackupDamagedError("the tar holds no single folder")
        yield inside[0]
