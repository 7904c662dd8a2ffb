"""Client programs: which are taken, what is said when none fits, and that none outlives its reader."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.postgres.tools import Address, address, find_tools
from include.backups.programs import feed, own_folder, read_output

NOWHERE = Address("", {"PATH": os.defpath}, None)


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def installed(folder: Path, version: str, *, tls: bool = True) -> Path:
    program(folder, "pg_dump", f'echo "pg_dump (PostgreSQL) {version} (Debian {version}-1)"')
    program(folder, "pg_config", f"echo \"'--prefix=/usr' {'--with-ssl=openssl' if tls else ''}\"")
    return folder


@pytest.fixture
def alone(monkeypatch):
    """Only the folders of the PATH are looked into."""
    monkeypatch.setattr("include.backups.postgres.tools.INSTALLED", ())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    def look_into(*folders: Path) -> None:
        monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))

    return look_into


def test_the_version_nearest_to_the_server_is_taken(tmp_path, alone):
    alone(*(installed(tmp_path / version, version) for version in ("15.9", "19.1", "18.4", "17.2")))
    assert find_tools(18, ["pg_dump"]).version == "18.4"
    assert find_tools(16, ["pg_dump"]).version == "17.2"
    assert find_tools(19, ["pg_dump"]).major == 19


def test_none_that_fits_is_said_with_what_was_found(tmp_path, alone):
    alone(installed(tmp_path / "old", "15.18"), installed(tmp_path / "plain", "18.4", tls=False))
    with pytest.raises(BackupError) as refused:
        find_tools(18, ["pg_dump"], tls=True)
    assert "needed is version 18 or newer with TLS" in str(refused.value)
    assert f"15.18 in {tmp_path}/old, 18.4 in {tmp_path}/plain (without TLS)" in str(refused.value)
    assert "postgresql-client-18" in str(refused.value)


def test_an_empty_machine_and_a_broken_program_are_no_crash(tmp_path, alone):
    program(tmp_path, "pg_dump", "exit 1")
    alone(tmp_path)
    with pytest.raises(BackupError, match="found: none"):
        find_tools(18, ["pg_dump"])


def test_a_folder_that_lacks_one_of_the_programs_does_not_fit(tmp_path, alone):
    alone(installed(tmp_path, "18.4"))
    with pytest.raises(BackupError, match="No pg_dump and pg_restore fits"):
        find_tools(18, ["pg_dump", "pg_restore"])


def test_the_embedded_postgresql_is_found():
    assert find_tools(18, ["pg_dump", "pg_restore", "pg_basebackup", "pg_combinebackup"]).major == 18


def test_no_password_is_an_argument(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of-somebody-else")
    access = address("postgresql://ops:p%40ss%20w%27rd@db.example:6543/tradeops?sslmode=require")
    assert "p@ss" not in access.dsn + repr(access)
    assert access.environment["PGPASSWORD"] == "p@ss w'rd"
    assert "host=db.example" in access.dsn and "sslmode=require" in access.dsn and access.tls
    assert "PGPASSWORD" not in address("postgresql://ops@db.example/tradeops").environment


def test_a_url_that_cannot_be_used_is_refused_without_its_secret():
    with pytest.raises(BackupError, match="cannot be read") as refused:
        address("postgresql://ops:hunter2@[/db")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(BackupError, match="sslpassword"):
        address("postgresql://ops@db/tradeops?sslpassword=hunter2")


def test_a_failure_after_the_last_byte_is_a_failure(tmp_path):
    failing = program(
        tmp_path, "pg_dump", "printf whole; echo 'lost with password=hunter2secret' >&2; exit 3"
    )
    stream = read_output([failing], NOWHERE)
    assert next(stream) == b"whole"
    with pytest.raises(BackupError, match=r"pg_dump failed \(exit code 3\): lost with") as failed:
        next(stream)
    assert "hunter2secret" not in str(failed.value)


def test_a_killed_program_is_a_failure(tmp_path):
    with pytest.raises(BackupError, match=r"exit code -9\): it said nothing"):
        list(read_output([program(tmp_path, "pg_dump", "printf some; kill -9 $$")], NOWHERE))


def test_much_that_is_said_does_not_block(tmp_path):
    loud = program(
        tmp_path, "pg_dump", "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo 'the end' >&2; exit 1"
    )
    with pytest.raises(BackupError, match="the end") as failed:
        list(read_output([loud], NOWHERE))
    assert len(str(failed.value)) < 2200


def test_closing_the_stream_ends_the_program_and_its_children(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; head -c 2000000 /dev/zero; wait"
    stream = read_output([program(tmp_path, "pg_dump", script)], NOWHERE)
    assert len(next(stream)) == 1 << 20
    stream.close()
    wait_until_gone(int(pid) for pid in pids.read_text().split())


def test_the_program_dies_when_its_reader_is_killed(tmp_path):
    pids = tmp_path / "pids"
    script = f"echo $$ > {pids}; exec yes"
    program(tmp_path, "pg_dump", script)
    code = (
        "from include.backups.postgres.tools import Address\n"
        "from include.backups.programs import read_output\n"
        f"stream = read_output(['{tmp_path}/pg_dump'], Address('', {{'PATH': '/bin:/usr/bin'}}, None))\n"
        "next(stream); print('reading', flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as reader:  # fmt: skip
        assert reader.stdout.readline() == b"reading\n"
        reader.send_signal(signal.SIGKILL)
    wait_until_gone([int(pids.read_text())])


def wait_until_gone(pids) -> None:
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_a_reader_that_stops_reading_says_why(tmp_path):
    refusing = program(tmp_path, "pg_restore", "head -c 10 > /dev/null; echo 'not an archive' >&2; exit 1")
    with pytest.raises(BackupDamagedError, match="not an archive"):
        feed([refusing], (bytes(1 << 20) for _ in range(50)))


def test_room_is_asked_for_and_the_dead_leave_none_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BackupError, match="point TMPDIR to a larger disk"):
        own_folder(1 << 60)
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / f"tradeops-backup-{dead.pid}-x").mkdir()
    (tmp_path / f"tradeops-backup-{os.getpid()}-y").mkdir()
    with own_folder(1) as folder:
        assert Path(folder).parent == tmp_path
        assert not (tmp_path / f"tradeops-backup-{dead.pid}-x").exists()
        assert (tmp_path / f"tradeops-backup-{os.getpid()}-y").exists()
