"""Physical backups of a server of our own: full, incremental, combined, started; and what is wrong."""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from include.backups.catalogue import list_backups
from include.backups.create import create_backup
from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.postgres.base_backup import check_base_backup
from include.backups.postgres.tools import find_tools
from include.backups.read import read_part
from include.backups.retention import RetentionRules, choose_deletions, delete_backup
from include.backups.tar import read_tar, unpack
from include.backups.verify import verify_backup
from local import postgres


@pytest.fixture(scope="module")
def own_folder(postgres_server):
    """A folder that the server's user may pass; pytest shuts its own ones whenever another run begins."""
    with tempfile.TemporaryDirectory(prefix="physical-", dir=postgres_server.folder) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def own_server(own_folder):
    """A server with WAL, which the one of the other tests does without."""
    folder = own_folder / "postgres"
    server = postgres.start(folder, durable=True)
    try:
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET summarize_wal = on")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE TABLE counted AS SELECT generate_series(1, 1000) AS n")
        yield server
    finally:
        postgres.stop(folder)


@pytest.fixture
def cluster(sources, own_server):
    return replace(sources, databases={}, cluster=own_server.url("postgres", "postgres"))


@pytest.fixture
def physical(settings):
    return settings.model_copy(update={"backup_method": "physical"})


@pytest.fixture(scope="module")
def tar(own_server) -> bytes:
    """A base backup as pg_basebackup writes it."""
    tools = find_tools(18, ["pg_basebackup"])
    return subprocess.run(
        [tools.path("pg_basebackup"), "-Ft", "-D", "-", "-X", "fetch", "-c", "fast"],
        env=own_server.environment("postgres", "postgres"), capture_output=True, check=True,
    ).stdout  # fmt: skip


def insert(server, first, last) -> None:
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("INSERT INTO counted SELECT generate_series(%s::int, %s::int)", [first, last])


def test_a_chain_of_incremental_backups_starts_again(
    database, storage, cluster, physical, encrypting, identity, own_server, tmp_path
):
    encrypted = physical.model_copy(update={"backup_recipient": encrypting.backup_recipient})
    first = create_backup(database, storage, "database", cluster, encrypted)
    assert first.parent is None and [part.encrypted for part in first.parts] == [True, False]
    insert(own_server, 1001, 1500)
    second = create_backup(database, storage, "database", cluster, encrypted)
    insert(own_server, 1501, 1600)
    third = create_backup(database, storage, "database", cluster, encrypted)
    assert (second.parent, third.parent) == (first.id, second.id)
    assert third.size < first.size / 3
    for manifest in (first, second, third):
        assert verify_backup(database, storage, manifest.id, identity).depth == "decoded"
    with pytest.raises(BackupError, match=f"{second.id} builds on it"):
        delete_backup(database, storage, first.id)
    listed = list_backups(database, storage.location)
    assert (
        choose_deletions(listed, RetentionRules(1, 0, 0, 0, physical.backup_max_age), third.finished_at) == {}
    )
    tools = find_tools(18, ["pg_combinebackup"])
    folders = []
    for manifest in (first, second, third):
        folders.append(tmp_path / manifest.id)
        unpack(read_part(storage, manifest, manifest.parts[0], identity), folders[-1])
    subprocess.run([tools.path("pg_combinebackup"), *folders, "-o", tmp_path / "combined"], check=True)
    assert (tmp_path / "combined" / "PG_VERSION").read_text() == "18\n"
    assert counted_after_recovery(tmp_path / "combined", own_server) == 1600


def counted_after_recovery(data: Path, origin) -> int:
    """Start the server of this folder, by the machinery of the stack, and count."""
    folder = origin.folder.parent / "recovered"
    folder.mkdir()
    shutil.move(data, folder / "data")
    (folder / "passwords.json").write_text((origin.folder / "passwords.json").read_text())
    if (origin.folder / "data").stat().st_uid:
        owner = (origin.folder / "data").stat()
        for path in (folder / "data", *(folder / "data").rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
    (folder / "data").chmod(0o700)
    server = postgres.start(folder)
    try:
        with psycopg.connect(server.url("postgres", "postgres")) as connection:
            return connection.execute("SELECT count(*) FROM counted").fetchone()[0]
    finally:
        postgres.stop(folder)


def test_a_full_backup_begins_a_chain_and_holds_dumps_besides(
    database, storage, cluster, physical, database_url
):
    manifest = create_backup(
        database, storage, "full", replace(cluster, databases={"platform": database_url}), physical
    )
    assert [part.of for part in manifest.parts] == ["cluster", "cluster", "platform", "configuration", "logs"]
    assert verify_backup(database, storage, manifest.id).depth == "decoded"
    assert create_backup(database, storage, "database", cluster, physical).parent == manifest.id
    with database.begin() as connection:
        connection.execute(text("UPDATE backups SET started_at = started_at - interval '9 days'"))
    assert create_backup(database, storage, "database", cluster, physical).parent is None, (
        "the chain is too long"
    )


def test_a_bad_parent_is_not_built_on_and_a_missing_one_is_found(
    database, storage, cluster, physical, tmp_path
):
    first = create_backup(database, storage, "database", cluster, physical)
    second = create_backup(database, storage, "database", cluster, physical)
    path = tmp_path / "store" / first.id / "base.tar.zst"
    path.write_bytes(path.read_bytes()[:-1000])
    assert verify_backup(database, storage, first.id).depth == "bad"
    (tmp_path / "store" / first.id / "manifest.json").unlink()
    verdict = verify_backup(database, storage, second.id)
    assert verdict.depth == "bad" and f"{first.id}, on which it builds, is gone" in verdict.reason
    third = create_backup(database, storage, "database", cluster, physical)
    assert third.parent is None


def test_a_parent_that_only_the_catalogue_knows_is_passed_over(
    database, storage, cluster, physical, tmp_path
):
    first = create_backup(database, storage, "full", cluster, physical)
    second = create_backup(database, storage, "database", cluster, physical)
    (tmp_path / "store" / second.id / "manifest.json").unlink()
    assert create_backup(database, storage, "database", cluster, physical).parent == first.id


def test_without_the_connection_it_says_what_is_needed(database, storage, sources, physical):
    with pytest.raises(BackupError, match="needs the connection postgres_replication"):
        create_backup(database, storage, "database", sources, physical)


def test_a_role_without_replication_is_said_in_postgresqls_words(
    database, storage, sources, physical, own_server
):
    poor = replace(sources, databases={}, cluster=own_server.url("tradeops", "tradeops"))
    with pytest.raises(BackupError, match=r"(?s)pg_basebackup failed .* REPLICATION attribute"):
        create_backup(database, storage, "database", poor, physical)
    assert list(storage.list("")) == []


def members(tar: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return [
            (member, archive.extractfile(member).read() if member.isfile() else b"") for member in archive
        ]


def rewritten(tar: bytes, change) -> bytes:
    """The tar with each (name, content) as `change` gives it; None leaves it out."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for member, content in members(tar):
            changed = change(member.name, content)
            if changed is not None:
                member.size = len(changed)
                archive.addfile(member, io.BytesIO(changed))
    return target.getvalue()


def check(tar: bytes) -> None:
    check_base_backup(tar[start : start + 100_003] for start in range(0, len(tar), 100_003))


def test_a_whole_base_backup_passes_and_both_readers_agree(tar):
    index = check_base_backup([tar])
    assert index.files == {name: size for name, size in read_tar([tar]).items() if name in index.files}
    assert len(index.files) > 900
    check(tar)
    check(rewritten(tar, lambda name, content: content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n, c: None if n == "global/pg_control" else c, "global/pg_control is missing"),
        (lambda n, c: c[:-8192] if n.startswith("base/1/") and len(c) > 8192 else c, "bytes instead of"),
        (lambda n, c: None if n.startswith("pg_wal/0") else c, "the write-ahead log 00000001"),
        (lambda n, c: None if n == "backup_manifest" else c, "is missing or cut"),
        (lambda n, c: c[:-50] if n == "backup_manifest" else c, "is missing or cut"),
        (
            lambda n, c: c.replace(b'"Size": 3,', b'"Size": 4,') if n == "backup_manifest" else c,
            "was changed",
        ),
    ],
)
def test_what_is_missing_or_changed_is_found(change, words, tar):
    with pytest.raises(BackupDamagedError, match=words):
        check(rewritten(tar, change))


@pytest.mark.parametrize("share", [0, 0.3, 0.52, 0.98])
def test_a_cut_is_found(share, tar):
    with pytest.raises(BackupDamagedError):
        check(tar[: int(len(tar) * share)])


def test_garbage_is_no_tar():
    with pytest.raises(BackupDamagedError, match="no tar"):
        check(b"no tar at all" * 1000)
