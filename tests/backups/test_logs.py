"""Backups of logs: what changed, redacted, readable again."""

import gzip
import os
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO, StringIO

import pytest

import include.backups.files.logs as logs_module
from include.backups.create import create_backup
from include.backups.files.logs import BLOCK_LENGTH, redacted_blocks
from include.backups.manifest import BackupError
from include.backups.read import read_part

KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 20
    + "-----END PRIVATE KEY-----\n"
)


def taken(storage, manifest) -> dict[str, str]:
    raw = b"".join(read_part(storage, manifest, manifest.part("logs.tar.zst")))
    with tarfile.open(fileobj=BytesIO(raw)) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive}


def test_logs_are_redacted_and_otherwise_as_they_were(database, storage, only, settings):
    folder = only.log_folders[0]
    (folder / "lines.log").write_bytes(b"first\r\nsecond with postgresql://ops:hunter2x@db/x\nno end")
    (folder / "old.log.zst").write_bytes(b"\x28\xb5\x2f\xfd123")
    (folder / "core").write_bytes(b"a\0b")
    (folder / "link.log").symlink_to("/etc/passwd")
    manifest = create_backup(database, storage, "logs", only, settings)
    files = taken(storage, manifest)
    assert files["0-logs/lines.log"].startswith("first\r\nsecond with postgresql://")
    assert files["0-logs/lines.log"].endswith("@db/x\nno end")
    assert set(files) == {"0-logs/lines.log", "0-logs/dag_id=settle/attempt=1.log"}
    assert not [text for text in files.values() if "hunter2" in text]
    assert manifest.left_out == (
        "log 0-logs/core: no text, so it cannot be redacted",
        "log 0-logs/old.log.zst: packed, so it cannot be redacted",
    )


def test_what_was_compressed_by_a_rotation_is_taken_and_redacted(
    database, storage, only, settings, monkeypatch
):
    folder = only.log_folders[0]
    (folder / "app.log.1").write_text("newer\n")
    (folder / "app.log.1.gz").write_bytes(gzip.compress(b"claimed 3 trades\r\npassword=hunter2secret\n"))
    (folder / "cut.log.gz").write_bytes(gzip.compress(b"lines\n" * 1000)[:-20])
    (folder / "none.log.gz").write_bytes(b"plain text")
    (folder / "core.gz").write_bytes(gzip.compress(b"a\0b"))
    (folder / "bomb.log.gz").write_bytes(gzip.compress(b"0 " * 1_000_000))
    monkeypatch.setattr(logs_module, "MAX_UNPACKED_SIZE", 1 << 20)
    manifest = create_backup(database, storage, "logs", only, settings)
    files = taken(storage, manifest)
    assert files["0-logs/app.log.1.gz.txt"].startswith("claimed 3 trades\r\npassword=")
    assert "hunter2secret" not in files["0-logs/app.log.1.gz.txt"]
    assert files["0-logs/app.log.1"] == "newer\n"
    assert not [
        name for name in files if name.endswith(("cut.log.gz.txt", "none.log.gz.txt", "bomb.log.gz.txt"))
    ]
    assert [words.split(": ")[:2] for words in manifest.left_out] == [
        ["log 0-logs/bomb.log.gz", "it cannot be unpacked"],
        ["log 0-logs/core.gz", "no text, so it cannot be redacted"],
        ["log 0-logs/cut.log.gz", "it cannot be unpacked"],
        ["log 0-logs/none.log.gz", "it cannot be unpacked"],
    ]


def test_the_next_one_takes_what_was_written_to_since_and_a_full_one_takes_all(
    database, storage, only, settings
):
    folder = only.log_folders[0]
    old = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    (folder / "quiet.log").write_text("quiet")
    os.utime(folder / "quiet.log", (old, old))
    assert "0-logs/quiet.log" in taken(storage, create_backup(database, storage, "logs", only, settings))
    (folder / "busy.log").write_text("busy")
    second = taken(storage, create_backup(database, storage, "logs", only, settings))
    assert "0-logs/busy.log" in second and "0-logs/quiet.log" not in second
    full = taken(storage, create_backup(database, storage, "full", only, settings))
    assert "0-logs/quiet.log" in full


def test_a_folder_that_is_not_there_is_no_empty_backup(database, storage, only, settings, tmp_path):
    with pytest.raises(BackupError, match=f"no folder of logs {tmp_path}/nowhere"):
        create_backup(database, storage, "logs", replace(only, log_folders=(tmp_path / "nowhere",)), settings)


@pytest.mark.parametrize("before", [0, BLOCK_LENGTH - 100, BLOCK_LENGTH - 300, BLOCK_LENGTH - 700])
def test_a_private_key_over_two_blocks_is_seen(before):
    text = "x" * 79 + "\n"
    log = text * (before // 80) + KEY + text * 10
    cleaned = "".join(redacted_blocks(StringIO(log)))
    assert "MIIEvQ" not in cleaned
    assert cleaned.count(text) >= before // 80 + 9


def test_no_log_at_all_is_a_backup_of_none(database, storage, only, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    manifest = create_backup(
        database, storage, "logs", replace(only, log_folders=(tmp_path / "empty",)), settings
    )
    assert taken(storage, manifest) == {}


def test_names_that_are_no_utf_8_are_kept_in_a_form_that_can_be_written(database, storage, only, settings):
    folder = os.fsencode(only.log_folders[0])
    for name, content in ((b"caf\xe9.log", b"lines\n"), (b"caf\xe9.bin", b"\0\1"), (b"caf\xe9.zip", b"PK")):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123 - the name is bytes
            file.write(content)
    manifest = create_backup(database, storage, "logs", only, settings)
    assert taken(storage, manifest)["0-logs/caf\\xe9.log"] == "lines\n"
    assert [line.split(":")[0] for line in manifest.left_out] == [
        "log 0-logs/caf\\xe9.bin",
        "log 0-logs/caf\\xe9.zip",
    ]


def test_a_folder_that_may_not_be_read_is_named(database, storage, only, settings, monkeypatch):
    """Tests run as root, whom no folder refuses: the refusal is played."""
    closed = only.log_folders[0] / "closed"
    closed.mkdir()
    (closed / "a.log").write_text("x\n")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: closed != path and allowed(path, mode))
    manifest = create_backup(database, storage, "logs", only, settings)
    assert set(taken(storage, manifest)) == {"0-logs/dag_id=settle/attempt=1.log"}
    assert manifest.left_out == (f"log folder {closed}: this user may not read it",)


def test_a_file_of_before_1970_is_a_file(database, storage, only, settings):
    old = only.log_folders[0] / "old.log"
    old.write_text("x\n")
    os.utime(old, (-1, -1))
    assert "0-logs/old.log" in taken(storage, create_backup(database, storage, "logs", only, settings))
