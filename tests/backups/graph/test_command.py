"""neo4j-admin by a fake: what it is asked, and what comes of it when it fails, stops halfway or is missing.

No real Neo4j has confirmed this; the beginnings of dumps are those that others have seen.
"""

import gzip
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from include.backups.create import create_backup
from include.backups.graph.command import AdminProgram, check_dump
from include.backups.graph.content import find_graph
from include.backups.graph.engine import GraphEngine
from include.backups.graph.restore import complete_graph, drill_graph, plan_graph, restore_graph
from include.backups.graph.server import GraphLogin
from include.backups.manifest import BackupDamagedError, BackupError, RestoreRefusedError
from include.backups.verify import verify_backup

LOGIN = GraphLogin(
    "bolt://127.0.0.1:1", "trades", "neo4j", "secret-of-graphs"
)  # nobody is there: it is stopped
CONTENT = b"store file " * 5_000 + bytes(2_000_000)
DUMP = b"DZV1" + zstandard.compress(CONTENT)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Makes a fake that writes down its arguments, environment and input, and then does as told."""
    (tmp_path / "dump").write_bytes(DUMP)

    def make(does: str) -> Path:
        path = tmp_path / "neo4j-admin"
        path.write_text(
            f"#!/bin/sh\ncd {shlex.quote(str(tmp_path))}\n"
            'if [ "$1" = --version ]; then echo 5.26.0; exit; fi\n'
            f'echo "$@" >> asked\nenv > environment\n{does}\n'
        )
        path.chmod(0o755)
        return path

    return make


def test_a_stopped_database_is_dumped_verified_and_loaded(
    program, database, storage, only, settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("NEO4J_HOME", "/opt/neo4j")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "of-all-fernets")
    fake = program('if [ "$2" = dump ]; then cat dump; else cat > loaded; fi')
    settings = settings.model_copy(update={"neo4j_admin": fake})
    manifest = create_backup(database, storage, "full", [*only, GraphEngine(LOGIN)], settings)
    part, facts = find_graph(manifest)
    assert (part.name, part.version, part.raw_size) == ("graph.dump", "5.26.0", len(DUMP))
    assert (facts.server, facts.database, facts.snapshot) == ("neo4j-admin", "trades", True)
    environment = (tmp_path / "environment").read_text()
    assert "NEO4J_HOME=/opt/neo4j" in environment and f"PATH={os.environ['PATH']}" in environment
    assert "of-all-fernets" not in environment and LOGIN.password not in environment
    assert verify_backup(database, storage, manifest.id).depth == "decoded"
    planned = plan_graph(storage, settings, LOGIN, manifest.id)
    assert "neo4j-admin 5.26.0" in planned["words"] and not planned["occupied"]
    restore_graph(storage, settings, LOGIN, planned)
    assert (tmp_path / "loaded").read_bytes() == DUMP
    assert "start it" in complete_graph(storage, LOGIN, planned)
    restore_graph(storage, settings, LOGIN, plan_graph(storage, settings, LOGIN, manifest.id, "trades"))
    assert (tmp_path / "asked").read_text().splitlines() == [
        "database dump trades --to-stdout",
        "database load trades --from-stdin",
        "database load trades --from-stdin --overwrite-destination=true",
    ]
    drilled = drill_graph(database, storage, LOGIN, LOGIN.__class__("bolt://x", "y"), backup_id=manifest.id)
    assert "holds no export" in drilled.words and drilled.findings == ()
    with pytest.raises(RestoreRefusedError, match="name the program in the setting neo4j_admin"):
        plan_graph(storage, settings.model_copy(update={"neo4j_admin": None}), LOGIN, manifest.id)


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("echo 'The database is in use. Stop database trades' >&2; exit 1", "exit code 1.*is in use"),
        ("head -c 100 dump; kill -9 $$", "exit code -9"),
    ],
)
def test_a_program_that_fails_fails_the_backup(does, words, program, database, storage, only, settings):
    settings = settings.model_copy(update={"neo4j_admin": program(does)})
    with pytest.raises(BackupError, match=words):
        create_backup(database, storage, "full", [*only, GraphEngine(LOGIN)], settings)
    assert list(storage.list("")) == []
    fake = program("cat > /dev/null; echo 'Database already exists: trades' >&2; exit 1")
    with pytest.raises(BackupError, match="already exists"):
        AdminProgram(fake).load("trades", [DUMP], replace=False)


def test_half_a_dump_that_is_called_whole_is_found(program, database, storage, only, settings):
    settings = settings.model_copy(update={"neo4j_admin": program(f"head -c {len(DUMP) // 2} dump")})
    manifest = create_backup(database, storage, "full", [*only, GraphEngine(LOGIN)], settings)
    verdict = verify_backup(database, storage, manifest.id)
    assert verdict.depth == "bad" and "ends too early" in verdict.reason


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BackupError, match=r"neo4j_admin names .*/none, which does not start"):
        AdminProgram(tmp_path / "none").version()


def test_a_dump_that_hangs_ends_with_its_reader(program):
    stream = AdminProgram(program("echo $$ > pid; head -c 1048576 /dev/zero; sleep 600")).dump("trades")
    assert next(stream)
    stream.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((Path(program("")).parent / "pid").read_text()), 0)


def test_every_known_beginning_is_decoded_to_its_end():
    flipped = bytearray(DUMP)
    flipped[len(DUMP) // 2] ^= 1
    twice = zstandard.compress(b"a" * 3_000) + zstandard.compress(b"b" * 3_000)
    for whole in (DUMP, b"DGV1" + gzip.compress(CONTENT), gzip.compress(CONTENT), b"DZV1" + twice):
        check_dump([whole])
        check_dump([whole[:1], whole[1:]])
        with pytest.raises(BackupDamagedError, match=r"ends too early|cannot be decompressed"):
            check_dump([whole[:-2]])
    with pytest.raises(BackupDamagedError, match="is empty"):
        check_dump([])
    with pytest.raises(BackupError, match="does not know") as caught:
        check_dump([b"NEW2" + DUMP])
    assert not isinstance(caught.value, BackupDamagedError), "nobody can say that it is bad"
