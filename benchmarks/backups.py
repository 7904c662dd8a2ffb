"""Backups beside the bare tools on the same database: seconds, size, and the share of the bare tool's speed.

On a PostgreSQL of its own in `.stack/bench-backups`, with fsync on. Ours count the rows, hash, keep
the catalogue, and encrypt or sum up checksums where the line says so; a bare tool writes a file.
"""

import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pyrage
from sqlalchemy import text

from include.backups.create import create_backup
from include.backups.manifest import Manifest
from include.backups.postgres.compare import compare_database
from include.backups.postgres.engine import PostgresEngine
from include.backups.postgres.facts import find_dump
from include.backups.postgres.restore import restore_into
from include.backups.postgres.server import with_database
from include.backups.postgres.tools import find_tools
from include.backups.verify import verify_backup
from include.database import connect, migrate
from include.settings import Settings
from include.storage import open_storage
from local import postgres
from local.postgres import Server

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-backups"
ROWS = 3_000_000  # candles: about 400 MB
ROUNDS = 5


def main() -> None:
    """Print the table; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        _fill(server)
        _compare(server)
        _restore(server)
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _fill(server: Server) -> None:
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET summarize_wal = on")
        connection.execute("SELECT pg_reload_conf()")
    engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=10))
    with engine.begin() as connection:
        connection.execute(text("SELECT ensure_candle_partitions('2025-01-01Z', '2025-12-31Z')"))
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(
            text(
                "INSERT INTO market_candles SELECT 'C' || n % 10, '1m', '2025-01-01Z'::timestamptz + "
                "n / 10 * interval '1 minute', p, p * 1.001, p * 0.999, p * 1.0005, v, 'archive' "
                "FROM (SELECT n, round((100 + random() * 10)::numeric, 4) AS p, "
                "round((random() * 1000)::numeric, 3) AS v FROM generate_series(0, :rows - 1) AS n) AS made"
            ),
            {"rows": ROWS},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE market_candles"))
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    engine.dispose()
    print(f"{ROWS:,} candles, {size >> 20} MB; the best of {ROUNDS} rounds, bare and ours in turn")


def _compare(server: Server) -> None:
    url, cluster = server.url(), server.url("postgres", "postgres")
    tools = find_tools(18, ["pg_dump", "pg_basebackup"])
    dump, base = f"{tools.path('pg_dump')} -d {url}", f"{tools.path('pg_basebackup')} -d {cluster}"
    packed = "zstd -q -3 -T3" if shutil.which("zstd") else "cat"
    logical, physical = PostgresEngine({"platform": url}), PostgresEngine({}, cluster)
    stream = f"{dump} -Fc -Z0 | {packed} > $0"
    full = f"{base} -Ft -D - -X fetch -c fast | {packed} > $0"
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    engine = connect(url, application="bench")
    storage = open_storage(str(FOLDER / "store"))
    print(f"bare: pg_dump -Fc -Z0 | {packed}; pg_dump -Fd -j2 -Z1; pg_basebackup -Ft | {packed}")
    print(f"{'':<28}{'bare s':>8}{'ours s':>8}{'of its speed':>14}{'MB':>8}{'verify s':>10}")
    for name, command, kind, source, chosen in (
        ("stream", stream, "database", logical, {}),
        ("stream, with checksums", stream, "database", logical, {"backup_checksums": "always"}),
        ("stream, encrypted", stream, "database", logical, {"backup_recipient": recipient}),
        ("directory", f"{dump} -Fd -j2 -Z1 -f $0", "database", logical, {"backup_method": "directory"}),
        ("physical, full", full, "full", physical, {"backup_method": "physical"}),
        ("physical, incremental", full, "database", physical, {"backup_method": "physical"}),
    ):
        made: list[Manifest] = []
        settings = Settings(**chosen)
        bare_seconds, our_seconds = [], []
        for _ in range(ROUNDS):
            bare_seconds.append(_seconds(lambda: _run_bare(command)))  # noqa: B023
            our_seconds.append(
                _seconds(lambda: made.append(create_backup(engine, storage, kind, [source], settings)))  # noqa: B023
            )
        verify = _seconds(lambda: verify_backup(engine, storage, made[-1].id))  # noqa: B023
        bare, ours = min(bare_seconds), min(our_seconds)
        print(
            f"{name:<28}{bare:>8.2f}{ours:>8.2f}{bare / ours:>14.2f}"
            f"{made[-1].size / 1e6:>8.0f}{verify:>10.2f}",
            flush=True,
        )
    engine.dispose()


def _restore(server: Server) -> None:
    """Restore times: ours reads the storage, checks every hash, and compares with the manifest afterwards."""
    url, admin = server.url(), server.url("postgres", "postgres")
    dump = FOLDER / "bare.dump"
    tools = find_tools(18, ["pg_dump", "pg_restore"])
    subprocess.run([tools.path("pg_dump"), "-d", url, "-Fc", "-Z0", "-f", dump], check=True)
    storage = open_storage(str(FOLDER / "store"))
    engine = connect(url, application="bench")
    fresh = with_database(url, "bare_restore")
    bare = [tools.path("pg_restore"), "-d", fresh, "--no-owner", "--single-transaction", dump]
    print(f"{'restore':<28}{'bare s':>8}{'ours s':>8}{'of its speed':>14}{'compare s':>18}")
    for method in ("stream", "directory"):
        settings = Settings(backup_method=method, backup_checksums="always")
        made = create_backup(engine, storage, "database", [PostgresEngine({"platform": url})], settings)
        part, facts = find_dump(made, "platform")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS bare_restore")
            connection.execute("CREATE DATABASE bare_restore OWNER tradeops")
        bare_seconds = _seconds(lambda: subprocess.run(bare, check=True))
        our_seconds = _seconds(
            lambda: restore_into(storage, made, part, "our_restore", url, admin)  # noqa: B023
        )
        found: list[str] = []
        compare = _seconds(
            lambda: found.extend(compare_database(with_database(url, "our_restore"), facts))  # noqa: B023
        )
        assert not found, found
        print(
            f"{method:<28}{bare_seconds:>8.2f}{our_seconds:>8.2f}{bare_seconds / our_seconds:>14.2f}"
            f"{compare:>18.2f}",
            flush=True,
        )
    engine.dispose()


def _run_bare(command: str) -> None:
    target = FOLDER / "bare"
    target.unlink(missing_ok=True)
    subprocess.run(["/bin/bash", "-c", f"set -eo pipefail; {command}; sync $0", target], check=True)
    if target.is_dir():
        shutil.rmtree(target)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
