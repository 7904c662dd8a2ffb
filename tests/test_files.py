import os
from pathlib import Path

import pytest

from include.files import free_bytes, free_bytes_of_volume, write_atomically


def test_a_file_is_written_whole_and_replaces_the_former_one(tmp_path):
    path, unfinished = tmp_path / "ports.json", tmp_path / "ports.new"
    path.write_text("former")
    write_atomically(path, [b"ab", b"", b"c"], unfinished=unfinished, mode=0o600)
    assert path.read_text() == "abc"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_changes_nothing(tmp_path):
    def chunks():
        yield b"half"
        raise ConnectionError("cut")

    path, unfinished = tmp_path / "ports.json", tmp_path / "ports.new"
    path.write_text("former")
    with pytest.raises(ConnectionError, match="cut"):
        write_atomically(path, chunks(), unfinished=unfinished)
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_in_use_is_not_overwritten(tmp_path):
    unfinished = tmp_path / "other"
    unfinished.write_text("of another process")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", [b"x"], unfinished=unfinished)
    assert unfinished.read_text() == "of another process"


def test_free_bytes_are_those_of_the_disk_also_before_the_folder_is_made(tmp_path):
    disk = os.statvfs(tmp_path)
    counted = free_bytes(tmp_path / "not" / "yet")
    assert abs(counted - disk.f_bavail * disk.f_frsize) < 1 << 30


def test_free_bytes_of_the_databases_volume(tmp_path):
    assert free_bytes_of_volume(tmp_path) > 0
    assert free_bytes_of_volume(None) is None
    with pytest.raises(FileNotFoundError, match="database_volume"):
        free_bytes_of_volume(Path(tmp_path / "nowhere"))
