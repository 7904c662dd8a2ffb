"""What only an object store can do wrong: keys, endpoints, pages, unfinished uploads, checksums."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from include.storage import StorageError, open_storage
from tests.support.stores import BUCKET, moto_s3, rclone_folder, rclone_s3, unused_url

__all__ = ["moto_s3", "rclone_folder", "rclone_s3"]  # fixtures


PART_BYTES = 5 << 20  # the least that S3 takes


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("include.storage.s3.PART_BYTES", PART_BYTES)


def client_of(access):
    return boto3.client(
        "s3", endpoint_url=access.endpoint_url, region_name=access.region,
        aws_access_key_id=access.access_key, aws_secret_access_key=access.secret_key,
    )  # fmt: skip


def test_a_wrong_key_is_said_in_words_without_the_secret(rclone_s3):
    storage = open_storage(f"s3://{BUCKET}/x", replace(rclone_s3, secret_key="hush-and-wrong"))
    for act in (
        lambda: storage.write("a", [b"x"]),
        lambda: storage.read("a"),
        lambda: list(storage.list()),
        lambda: storage.stat("a"),
    ):
        with pytest.raises(StorageError, match="check login and password") as refused:
            act()
        assert "hush" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_bucket_that_is_missing_is_said(moto_s3, rclone_s3):
    for access in (moto_s3, rclone_s3):
        with pytest.raises(StorageError, match="no bucket nowhere"):
            open_storage("s3://nowhere/x", access).write("a", [b"x"])


def test_an_endpoint_that_does_not_answer_is_said(monkeypatch, moto_s3):
    monkeypatch.setattr("include.storage.s3.ATTEMPTS", 1)
    storage = open_storage(f"s3://{BUCKET}", replace(moto_s3, endpoint_url=unused_url()))
    with pytest.raises(StorageError, match="cannot be reached"):
        storage.write("a", [b"x"])


def test_an_endpoint_that_is_no_address_is_said(moto_s3):
    storage = open_storage(f"s3://{BUCKET}", replace(moto_s3, endpoint_url="not an address"))
    with pytest.raises(StorageError, match="Invalid endpoint"):
        storage.write("a", [b"x"])


def test_more_objects_than_a_page_holds_are_all_listed(moto_s3, rclone_s3, rclone_folder):
    from moto.s3.models import s3_backends

    names = [f"{number:04}" for number in range(1005)]
    regions = [region for account in s3_backends.values() for region in account.values()]
    bucket = next(region for region in regions if BUCKET in region.buckets)
    (rclone_folder / BUCKET / "many").mkdir()
    for name in names:
        bucket.put_object(BUCKET, f"many/{name}", b"")
        (rclone_folder / BUCKET / "many" / name).touch()
    for access in (moto_s3, rclone_s3):
        assert [stored.key for stored in open_storage(f"s3://{BUCKET}/many", access).list()] == names
        assert len(list(open_storage(f"s3://{BUCKET}/many", access).list("000"))) == 10


def test_uploads_whose_writer_died_are_aborted_after_a_while(rclone_s3):
    client, storage = client_of(rclone_s3), open_storage(f"s3://{BUCKET}/died", rclone_s3)
    for key in ("died/a", "died/b", "elsewhere/c"):
        client.create_multipart_upload(Bucket=BUCKET, Key=key)
    assert storage.abort_unfinished(timedelta(hours=1)) == 0, "they may still be at work"
    assert list(storage.list()) == []
    assert storage.abort_unfinished(timedelta(hours=-1)) == 2
    left = client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [upload["Key"] for upload in left] == ["elsewhere/c"]


def test_the_store_is_given_checksums_and_equal_parts(moto_s3, monkeypatch):
    storage = open_storage(f"s3://{BUCKET}/sums", moto_s3)
    sent = []
    client = storage._client
    real = client.upload_part
    monkeypatch.setattr(client, "upload_part", lambda **named: sent.append(named) or real(**named))
    storage.write("one", [b"x"])
    storage.write("many", [b"x" * (PART_BYTES - 1)] * 3)
    attributes = client_of(moto_s3).head_object(Bucket=BUCKET, Key="sums/one", ChecksumMode="ENABLED")
    assert attributes["ChecksumSHA256"]
    assert sorted(len(part["Body"]) for part in sent) == [PART_BYTES - 3, PART_BYTES, PART_BYTES]
    assert {part["ChecksumAlgorithm"] for part in sent} == {"SHA256"}


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_bytes_that_change_on_the_way_are_refused_by_the_store(rclone_s3, monkeypatch, size):
    """With the old checksums too: the store compares the MD5 of what arrived."""
    storage = open_storage(f"s3://{BUCKET}/changed", rclone_s3)
    storage._client.meta.events.register("before-sign.s3", change)
    with pytest.raises(StorageError, match="BadDigest"):
        storage.write("a", [b"x" * size])
    assert list(storage.list()) == []


def change(request, operation_name, **_):
    if operation_name in ("PutObject", "UploadPart"):
        request.data = b"y" + request.data.read()[1:]


def test_an_answer_that_breaks_off_is_said(moto_s3):
    storage = open_storage(f"s3://{BUCKET}/breaks", moto_s3)
    storage.write("a", [b"x" * 5_000_000])
    pieces = storage.read("a")
    next(pieces)
    pieces.gi_frame.f_locals["body"]._raw_stream._fp.fp.close()
    with pytest.raises(StorageError, match="breaks/a"):
        for _ in pieces:
            pass


def test_what_the_store_holds_is_compared_with_what_was_sent(moto_s3, monkeypatch):
    storage = open_storage(f"s3://{BUCKET}/cut", moto_s3)
    monkeypatch.setattr(
        storage._client, "head_object",
        lambda **_: {"ContentLength": 3, "LastModified": datetime.now(UTC)},
    )  # fmt: skip
    with pytest.raises(StorageError, match="4 bytes were sent, but the store holds 3"):
        storage.write("a", [b"four"])


@pytest.mark.parametrize("tries", [1, 2])
def test_an_upload_is_whole_though_the_answer_to_its_last_request_was_lost(rclone_s3, monkeypatch, tries):
    """The client asks again, and the store, which has forgotten the finished upload, says NoSuchUpload."""
    storage = open_storage(f"s3://{BUCKET}/lost{tries}", rclone_s3)
    real = storage._joining_client.complete_multipart_upload

    def lose(**named):
        for _ in range(tries):
            real(**named)
        raise ReadTimeoutError(endpoint_url=rclone_s3.endpoint_url)

    monkeypatch.setattr(storage._joining_client, "complete_multipart_upload", lose)
    body = [b"x" * PART_BYTES, b"the end"]
    assert storage.write("a", body).size == PART_BYTES + 7
    assert b"".join(storage.read("a")) == b"".join(body)


def test_a_join_that_never_happened_is_a_failure_also_where_an_older_object_is(rclone_s3, monkeypatch):
    storage = open_storage(f"s3://{BUCKET}/never", rclone_s3)
    storage.write("a", [b"y" * (PART_BYTES + 7)])

    def never(**_):
        raise ReadTimeoutError(endpoint_url=rclone_s3.endpoint_url)

    monkeypatch.setattr(storage._joining_client, "complete_multipart_upload", never)
    with pytest.raises(StorageError, match="went silent"):
        storage.write("a", [b"x" * PART_BYTES, b"the end"])
    assert next(storage.read("a")).startswith(b"y")
    assert "Uploads" not in client_of(rclone_s3).list_multipart_uploads(Bucket=BUCKET, Prefix="never/")


def test_a_store_has_minutes_to_join_the_parts(rclone_s3):
    storage = open_storage(f"s3://{BUCKET}/slow", rclone_s3)
    assert storage._joining_client.meta.config.read_timeout >= 600
