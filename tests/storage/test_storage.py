"""One interface, three stores: a local folder, and two implementations of S3 on loopback."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from include.storage import NotStoredError, Storage, StorageError, TooLargeError, open_storage
from tests.support.stores import BUCKET, moto_s3, rclone_folder, rclone_s3

__all__ = ["moto_s3", "rclone_folder", "rclone_s3"]  # fixtures

MEBIBYTE = bytes(range(256)) * 4096
PART_BYTES = 5 << 20  # the least that S3 takes
numbers = itertools.count()


@pytest.fixture(params=["folder", "moto", "rclone"])
def storage(request, tmp_path, monkeypatch) -> Storage:
    """An empty place in each store in turn."""
    monkeypatch.setattr("include.storage.s3.PART_BYTES", PART_BYTES)
    if request.param == "folder":
        return open_storage(str(tmp_path / "made" / "when needed"))
    access = request.getfixturevalue(f"{request.param}_s3")
    return open_storage(f"s3://{BUCKET}/test {next(numbers)}/below", access)


def content(storage: Storage, key: str) -> bytes:
    return b"".join(storage.read(key))


def keys(storage: Storage, prefix: str = "") -> list[str]:
    return [stored.key for stored in storage.list(prefix)]


def test_what_is_written_is_read_listed_described_and_deleted(storage):
    before = datetime.now(UTC) - timedelta(seconds=2)  # stores may tell whole seconds
    written = storage.write("2026/11/a.csv", iter([b"one,", b"", b"two"]))
    storage.write("2026/12/b c+ü.csv", [b"three"])
    assert (written.key, written.size) == ("2026/11/a.csv", 7)
    assert written.sha256 == hashlib.sha256(b"one,two").hexdigest()
    assert content(storage, "2026/11/a.csv") == b"one,two"
    assert content(storage, "2026/12/b c+ü.csv") == b"three"
    assert keys(storage) == ["2026/11/a.csv", "2026/12/b c+ü.csv"]
    assert keys(storage, "2026/12") == ["2026/12/b c+ü.csv"]
    assert keys(storage, "2027") == []
    stat = storage.stat("2026/11/a.csv")
    assert stat.size == 7
    assert before <= stat.modified <= datetime.now(UTC) + timedelta(seconds=1)
    for _ in "twice":
        storage.delete("2026/11/a.csv")
    assert storage.stat("2026/11/a.csv") is None
    assert keys(storage) == ["2026/12/b c+ü.csv"]


def test_an_object_of_many_parts_comes_back_whole(storage):
    chunks = [MEBIBYTE] * 12  # three parts, the last one short
    written = storage.write("large", chunks)
    digest = hashlib.sha256()
    for piece in storage.read("large"):
        digest.update(piece)
    assert written.size == storage.stat("large").size == len(MEBIBYTE) * 12 > 2 * PART_BYTES
    assert digest.hexdigest() == written.sha256


def test_an_empty_object_is_one(storage):
    written = storage.write("empty", [])
    assert (written.size, written.sha256) == (0, hashlib.sha256().hexdigest())
    assert storage.stat("empty").size == 0
    assert content(storage, "empty") == b""


def test_the_last_writer_wins_and_a_failing_one_changes_nothing(storage):
    storage.write("a", [b"first"])
    storage.write("a", [b"second, longer"])
    with pytest.raises(ZeroDivisionError):
        storage.write("a", fail_after(3))
    assert content(storage, "a") == b"second, longer"
    assert keys(storage) == ["a"]


def test_a_writer_that_fails_in_the_middle_of_the_parts_leaves_nothing(storage):
    with pytest.raises(ZeroDivisionError):
        storage.write("large", fail_after(2 * PART_BYTES // len(MEBIBYTE) + 1))
    assert keys(storage) == []
    assert storage.stat("large") is None
    assert storage.abort_unfinished(timedelta(0)) == 0, "it cleared up after itself"


def fail_after(mebibytes: int):
    for _ in range(mebibytes):
        yield MEBIBYTE
    raise ZeroDivisionError


@pytest.mark.parametrize("mebibytes", [1, 2 * PART_BYTES // len(MEBIBYTE)])
def test_more_than_the_limit_is_refused_and_nothing_stored(storage, mebibytes):
    limit = mebibytes * len(MEBIBYTE)
    assert storage.write("fits", [MEBIBYTE] * mebibytes, size_limit=limit).size == limit
    with pytest.raises(TooLargeError, match=f"limit of {limit} bytes"):
        storage.write("too large", [MEBIBYTE] * mebibytes + [b"!"], size_limit=limit)
    assert keys(storage) == ["fits"]


def test_what_is_not_there_is_said_at_once(storage):
    with pytest.raises(NotStoredError, match="nothing/here"):
        storage.read("nothing/here")


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../up", "a/../../up", "a//b", "a/", "./a", "a/.hidden", "a\\b", "a\nb", "a\0b",
     "a\u202eb", "x" * 1025, "x" * 256],
)  # fmt: skip
def test_a_key_that_leads_elsewhere_is_refused(tmp_path, moto_s3, key):
    for storage in (open_storage(str(tmp_path)), open_storage(f"s3://{BUCKET}/x", moto_s3)):
        for act in (
            storage.read,
            storage.stat,
            storage.delete,
            lambda key, to=storage: to.write(key, [b"x"]),
        ):
            with pytest.raises(StorageError, match="is no key"):
                act(key)


@pytest.mark.parametrize(
    "location", ["exports", "", "ftp://host/x", "s3://", "file://elsewhere/x", "/a/../b"]
)
def test_a_location_of_no_known_kind_is_refused(location):
    with pytest.raises(StorageError, match="is no "):
        open_storage(location)


def test_a_location_with_a_login_is_refused_without_repeating_it(moto_s3):
    with pytest.raises(StorageError, match="no login") as refused:
        open_storage("s3://key:hush@bucket/x", moto_s3)
    assert "hush" not in str(refused.value)


def test_an_object_store_needs_access():
    with pytest.raises(StorageError, match="object_store"):
        open_storage("s3://bucket/x")


def test_a_location_is_told_in_the_form_that_opens_it(tmp_path, moto_s3):
    for location in (str(tmp_path), "s3://bucket", "s3://bucket/a/b"):
        assert open_storage(location, moto_s3).location == location
    assert open_storage(f"file://{tmp_path}").location == str(tmp_path)
