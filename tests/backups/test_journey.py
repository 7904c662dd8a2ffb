"""The life of backups from end to end: while others write, damaged, killed, without a catalogue, on S3."""

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from include.backups.catalogue import list_backups, rebuild_catalogue
from include.backups.create import create_backup
from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.postgres.facts import read_facts
from include.backups.postgres.snapshot import measure_database
from include.backups.postgres.tools import address, find_tools
from include.backups.read import open_backup, read_part
from include.backups.retention import RetentionRules, apply_retention
from include.backups.verify import verify_backup
from include.storage import open_storage
from tests.support.stores import moto_s3, rclone_folder, rclone_s3

__all__ = ["moto_s3", "rclone_folder", "rclone_s3"]  # fixtures

ROOT = Path(__file__).parents[2]
RULES = RetentionRules(last=3, daily=7, weekly=5, monthly=12, max_age=timedelta(days=400))


@pytest.fixture
def scratch(postgres_server, database_url):
    """URL of an empty database of the role tradeops."""
    name = f"{database_url.rpartition('/')[2]}_scratch"
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} OWNER tradeops").format(Identifier(name)))
        yield postgres_server.url(name)
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def writers(filled):
    """Inserts, updates, deletes and new partitions, until the test is over."""
    stop, failures = threading.Event(), []
    statements = [
        "INSERT INTO http_calls (service, called_at) VALUES ('writer', clock_timestamp())",
        "UPDATE market_candles SET volume = volume + 1 WHERE timestamp < '2026-03-31 01:00Z'",
        "INSERT INTO market_candles SELECT 'ETH', '1m', '2026-04-01Z'::timestamptz + n * interval '1 s', "
        "1, 1, 1, 1, 1, 'archive' FROM (SELECT coalesce(max(id), 0) AS n FROM http_calls) AS last",
        "DELETE FROM http_calls WHERE id % 3 = 0",
        "SELECT ensure_candle_partitions('2026-03-30Z', now())",
    ]

    def write():
        try:
            while not stop.is_set():
                for statement in statements:
                    with filled.begin() as connection:
                        connection.exec_driver_sql(statement.replace("%", "%%"))
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    stop.set()
    thread.join()
    assert failures == []


def restore(storage, manifest, url, part="platform.dump.zst") -> None:
    access = address(url)
    tools = find_tools(18, ["pg_restore"])
    raw = b"".join(read_part(storage, manifest, manifest.part(part)))
    subprocess.run(
        [tools.path("pg_restore"), f"--dbname={access.dsn}", "--exit-on-error", "--no-owner"],
        input=raw, env=access.environment, check=True,
    )  # fmt: skip


def damage(path: Path) -> None:
    """Flip one bit in the middle."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_the_manifest_is_that_of_the_dump_while_others_write(
    filled, writers, storage, sources, settings, scratch
):
    manifests = [create_backup(filled, storage, "database", sources, settings) for _ in range(2)]
    assert verify_backup(filled, storage, manifests[1].id).depth == "decoded"
    counts = [read_facts(manifest, "platform").tables["public.http_calls"].rows for manifest in manifests]
    assert counts[0] != counts[1], "the writers were at work"
    restore(storage, manifests[1], scratch)
    assert measure_database(scratch).tables == read_facts(manifests[1], "platform").tables


def test_one_flipped_byte_is_found(filled, storage, sources, settings, tmp_path):
    good, flipped = (create_backup(filled, storage, "database", sources, settings) for _ in range(2))
    damage(tmp_path / "store" / flipped.id / "platform.dump.zst")
    verdict = verify_backup(filled, storage, flipped.id)
    assert verdict.depth == "bad" and "platform.dump.zst" in verdict.reason
    assert verify_backup(filled, storage, good.id).depth == "decoded"
    assert {one.id: one.verified for one in list_backups(filled, storage.location)} == {
        good.id: "decoded",
        flipped.id: "bad",
    }
    with pytest.raises(BackupDamagedError):
        list(read_part(storage, flipped, flipped.parts[0]))


HANGING = """#!/bin/sh
[ "$1" = --version ] && { echo "pg_dump (PostgreSQL) 18.99"; exit; }
exec cat /dev/urandom
"""


def test_a_backup_that_is_killed_half_way_is_never_listed(
    filled, storage, sources, settings, database_url, tmp_path
):
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text(HANGING)
        (tmp_path / name).chmod(0o755)
    program = (
        "import sys\n"
        "from include.backups.create import create_backup\n"
        "from include.database import connect\n"
        "from include.settings import Settings\n"
        "from include.storage import open_storage\n"
        "from tests.backups.sources import Sources\n"
        "url = sys.stdin.readline().strip()\n"
        "sources = Sources({'platform': url})\n"
        f"storage = open_storage({storage.location!r})\n"
        "create_backup(connect(url, application='killed'), storage, 'full', sources, Settings())\n"
    )
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=ROOT, env=environment, text=True
    )
    unfinished = Path(storage.location) / ".unfinished"
    with child:
        child.stdin.write(f"{database_url}\n")
        child.stdin.flush()
        while not any(path.stat().st_size > 20_000_000 for path in unfinished.glob("*")):
            assert child.poll() is None, "it ended before it could be killed"
        child.kill()
    assert list_backups(filled, storage.location) == []
    rebuilt = rebuild_catalogue(filled, storage)
    assert (rebuilt.listed, rebuilt.strays) == ([], {})
    with filled.begin() as connection:
        connection.execute(text("UPDATE backups SET started_at = started_at - interval '2 days'"))
    whole = create_backup(filled, storage, "database", sources, settings)
    verify_backup(filled, storage, whole.id)
    apply_retention(filled, storage, RULES)
    with filled.connect() as connection:
        rows = connection.execute(text("SELECT status, reason FROM backups ORDER BY started_at")).all()
    assert [tuple(row) for row in rows] == [("failed", "its process died"), ("complete", None)]


def test_a_lost_catalogue_is_rebuilt_from_the_manifests_alone(filled, storage, only, settings, tmp_path):
    kept = [create_backup(filled, storage, "configuration", only, settings, run_url="u") for _ in range(3)]
    verify_backup(filled, storage, kept[0].id)
    before = list_backups(filled, storage.location)
    store = tmp_path / "store"
    (store / "20260101T000000Z-database-aaaaaa").mkdir()
    (store / "20260101T000000Z-database-aaaaaa" / "platform.dump.zst").write_bytes(b"x" * 10)
    (store / "notes.txt").write_text("not ours")
    damage(store / kept[2].id / "configuration.tar.zst")
    (store / kept[1].id / "manifest.json").write_text('{"format": 1}')
    (store / kept[1].id / "verified.json").write_text("garbage")
    with filled.begin() as connection:
        connection.execute(text("TRUNCATE backups"))
    rebuilt = rebuild_catalogue(filled, storage)
    assert sorted(rebuilt.listed) == sorted(rebuilt.added) == sorted([kept[0].id, kept[2].id])
    assert list(rebuilt.damaged) == [kept[1].id]
    assert "cannot be read: id: Field required" in rebuilt.damaged[kept[1].id]
    assert rebuilt.strays == {"20260101T000000Z-database-aaaaaa": 10, "notes.txt": 8}
    assert "no backup, for there is no manifest: notes.txt (8 bytes)" in rebuilt.summary()
    again = list_backups(filled, storage.location)
    assert again == [row for row in before if row.id != kept[1].id], "with the last verdict, too"
    assert verify_backup(filled, storage, kept[2].id).depth == "bad"
    assert rebuild_catalogue(filled, storage).added == []


def test_what_has_vanished_is_lost_and_said(database, storage, only, settings, tmp_path):
    gone, shorter = (create_backup(database, storage, "configuration", only, settings) for _ in range(2))
    (tmp_path / "store" / gone.id / "manifest.json").unlink()
    part = tmp_path / "store" / shorter.id / "configuration.tar.zst"
    part.write_bytes(part.read_bytes()[:-1])
    rebuilt = rebuild_catalogue(database, storage)
    assert sorted(rebuilt.lost) == sorted([gone.id, shorter.id])
    assert "bytes instead of" in rebuilt.damaged[shorter.id]
    assert list_backups(database, storage.location) == []
    with pytest.raises(BackupError, match="has no manifest"):
        open_backup(storage, gone.id)


@pytest.mark.parametrize("store", ["moto_s3", "rclone_s3"])
def test_on_s3(store, request, filled, sources, encrypting, identity, tmp_path):
    storage = open_storage(f"s3://tradeops/backups-{store}", request.getfixturevalue(store))
    with pytest.raises(BackupError, match="raise backup_size_limit_gb"):
        limited = encrypting.model_copy(update={"backup_size_limit_gb": 1e-6})
        create_backup(filled, storage, "full", sources, limited)
    assert list(storage.list("")) == []
    first, second = (create_backup(filled, storage, "full", sources, encrypting) for _ in range(2))
    assert verify_backup(filled, storage, first.id, identity).depth == "decoded"
    key = second.key(second.parts[0])
    raw = bytearray(b"".join(storage.read(key)))
    raw[len(raw) // 2] ^= 1
    storage.write(key, [bytes(raw)])
    assert verify_backup(filled, storage, second.id).depth == "bad"
    with filled.begin() as connection:
        connection.execute(text("TRUNCATE backups"))
    assert sorted(rebuild_catalogue(filled, storage).listed) == sorted([first.id, second.id])
    third = create_backup(filled, storage, "full", replace(sources, databases={}), encrypting)
    verify_backup(filled, storage, third.id)
    applied = apply_retention(filled, storage, replace(RULES, last=1, daily=0, weekly=0, monthly=0))
    assert list(applied.deleted) == [second.id], "the last one that was decoded stays"
    assert (applied.notes == []) == (store == "moto_s3"), "rclone does not list unfinished uploads"
    assert {found.key.split("/")[0] for found in storage.list("")} == {first.id, third.id}
