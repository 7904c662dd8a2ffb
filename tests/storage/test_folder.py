"""The local folder: killed writers, links, odd entries, free bytes."""

import os
import resource
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from include.storage import StorageError, open_storage

KILLED = """
import os, signal, sys
from include.storage import open_storage

def chunks():
    yield b"half of it"
    os.kill(os.getpid(), signal.SIGKILL)

open_storage(sys.argv[1]).write("a", chunks())
"""


def test_a_killed_writer_leaves_nothing_to_see_and_what_it_left_is_cleared_away_later(tmp_path):
    storage = open_storage(str(tmp_path))
    storage.write("a", [b"former"])
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=Path(__file__).parents[2], timeout=60)
    assert done.returncode == -9
    assert b"".join(storage.read("a")) == b"former"
    assert [stored.key for stored in storage.list()] == ["a"]
    assert storage.abort_unfinished(timedelta(hours=1)) == 0, "it may still be at work"
    (left,) = (tmp_path / ".unfinished").iterdir()
    os.utime(left, (0, 0))
    assert storage.abort_unfinished(timedelta(hours=1)) == 1
    assert not left.exists()


def test_links_lead_nowhere(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "secret").write_text("secret")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    storage = open_storage(str(root))
    assert list(storage.list()) == []
    for key in ("folder/secret", "file"):
        for act in (storage.read, storage.stat, storage.delete, lambda key: storage.write(key, [b"x"])):
            with pytest.raises(StorageError, match="over a link"):
                act(key)
    assert (outside / "secret").read_text() == "secret"


def test_a_root_that_is_a_link_itself_works(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    storage = open_storage(str(tmp_path / "root"))
    storage.write("a/b", [b"x"])
    assert [stored.key for stored in storage.list()] == ["a/b"]


def test_a_file_in_the_way_and_a_folder_in_the_way_are_said(tmp_path):
    storage = open_storage(str(tmp_path))
    storage.write("a/b", [b"x"])
    with pytest.raises(StorageError, match="a/b/c"):
        storage.write("a/b/c", [b"x"])
    with pytest.raises(StorageError, match="directory"):
        storage.write("a", [b"x"])
    assert [stored.key for stored in storage.list()] == ["a/b"]
    assert list((tmp_path / ".unfinished").iterdir()) == []


def test_free_bytes_are_those_of_the_disk_also_before_the_folder_is_made(tmp_path):
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    told = open_storage(str(tmp_path / "not" / "yet")).free_bytes()
    assert told == pytest.approx(free, rel=0.2)


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left(tmp_path):
    storage = open_storage(str(tmp_path))
    storage.write("a", [b"former"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the kernel refuses a longer file
    try:
        with pytest.raises(StorageError, match="File too large"):
            storage.write("a", [bytes(60_000)] * 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert b"".join(storage.read("a")) == b"former"
    assert list((tmp_path / ".unfinished").iterdir()) == []
