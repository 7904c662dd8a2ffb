"""Objects in an S3-compatible store: AWS, and whatever speaks its protocol at an address of its own.

boto3 is imported when a store is first used. Large objects go up in parts of equal size (some stores insist),
a few at once; the store checks each part on arrival: by SHA-256, or by MD5 where `when_required` says that it
knows no newer checksums.
"""

import base64
import hashlib
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import chain
from typing import Any

from include.storage.storage import READ_BYTES, NotStoredError, StorageError, Stored, bounded, check_key
from include.storage.streams import HashedStream, cut_chunks
from include.telemetry import redact

logger = logging.getLogger(__name__)

PART_BYTES = 16 << 20
MOST_PARTS = 10_000  # S3's own limit
PARTS_AT_ONCE = 3
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 10, 60, 4
JOIN_SECONDS = 600  # until a store has joined the parts of one upload
GONE = ("404", "NoSuchKey", "NotFound")
WRONG_KEY = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed", "InvalidToken",
    "ExpiredToken",
)  # fmt: skip


@dataclass(frozen=True)
class S3Access:
    """How to reach an object store.

    Without `endpoint_url` it is AWS; without keys boto3 looks for them itself (an instance's role, say).
    `when_required` leaves out the checksums that boto3 sends since 1.36, which some stores refuse.
    """

    endpoint_url: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    when_required: bool = False


class S3Storage:
    """A prefix of a bucket; see `Storage`. The bucket must exist."""

    def __init__(self, bucket: str, prefix: str, access: S3Access) -> None:
        self._bucket, self._access = bucket, access
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def location(self) -> str:
        """The bucket and the prefix as a URL."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def write(self, key: str, chunks: Iterable[bytes], *, size_limit: int | None = None) -> Stored:
        """Store in one piece, or in parts that become visible when the last has come."""
        name = self._name(key)
        content = HashedStream(bounded(chunks, key, size_limit))
        part_bytes = max(PART_BYTES, math.ceil((size_limit or 0) / MOST_PARTS))
        parts = cut_chunks(content, part_bytes)
        first, second = next(parts, b""), next(parts, None)
        if second is None:
            with self._in_words(key):
                self._client.put_object(**name, Body=first, **self._checksum(first))
        else:
            self._write_parts(key, chain((first, second), parts))
        stored = self.stat(key)
        if stored is None or stored.size != content.size:
            held = "nothing" if stored is None else f"{stored.size} bytes"
            raise StorageError(
                f"{self.location}/{key}: {content.size} bytes were sent, but the store holds {held}; "
                "write it again"
            )
        return Stored(key, stored.size, stored.modified, content.sha256)

    def read(self, key: str) -> Iterator[bytes]:
        """Open the object and give it piece by piece; a connection that breaks is a StorageError."""
        name = self._name(key)
        with self._in_words(key):
            body = self._client.get_object(**name)["Body"]
        return self._pieces(key, body)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """List page by page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with self._in_words(prefix):
            for page in pages:
                for item in page.get("Contents", []):
                    key = item["Key"].removeprefix(self._prefix)
                    if key and not key.endswith("/"):  # what consoles make to show a folder
                        yield Stored(key, item["Size"], item["LastModified"].astimezone(UTC))

    def stat(self, key: str) -> Stored | None:
        """Ask for the object's head."""
        name = self._name(key)
        try:
            with self._in_words(key):
                head = self._client.head_object(**name)
        except NotStoredError:
            return None
        return Stored(key, head["ContentLength"], head["LastModified"].astimezone(UTC))

    def delete(self, key: str) -> None:
        """Delete one object: some stores deny deletes in bulk."""
        name = self._name(key)
        with suppress(NotStoredError), self._in_words(key):
            self._client.delete_object(**name)

    def free_bytes(self) -> int | None:
        """Give None: a bucket has no end that it tells."""
        return None

    def abort_unfinished(self, older_than: timedelta) -> int:
        """Abort uploads in parts whose writers died; the store bills their parts until then."""
        before = datetime.now(UTC) - older_than
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        with self._in_words(""):
            old = [
                {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                for page in pages
                for upload in page.get("Uploads", [])
                if upload["Initiated"] < before
            ]
            for upload in old:
                self._client.abort_multipart_upload(Bucket=self._bucket, **upload)
        return len(old)

    @cached_property
    def _client(self) -> Any:
        return self._connect(READ_SECONDS)

    @cached_property
    def _joining_client(self) -> Any:
        """One that waits longer: a store may take minutes to join thousands of parts."""
        return self._connect(JOIN_SECONDS)

    def _connect(self, read_seconds: int) -> Any:
        from botocore.config import Config

        checksums = "when_required" if self._access.when_required else "when_supported"
        with self._in_words(""):
            return _session().client(
                "s3",
                endpoint_url=self._access.endpoint_url,
                aws_access_key_id=self._access.access_key,
                aws_secret_access_key=self._access.secret_key,
                region_name=self._access.region,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=read_seconds,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    s3={"addressing_style": "path" if self._access.endpoint_url else "auto"},
                    request_checksum_calculation=checksums,
                    response_checksum_validation=checksums,
                ),
            )

    def _name(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _checksum(self, body: bytes) -> dict[str, str]:
        if self._access.when_required:
            digest = hashlib.md5(body, usedforsecurity=False).digest()
            return {"ContentMD5": base64.b64encode(digest).decode()}
        return {"ChecksumAlgorithm": "SHA256"}

    def _write_parts(self, key: str, parts: Iterable[bytes]) -> None:
        kind = {} if self._access.when_required else {"ChecksumAlgorithm": "SHA256"}
        with self._in_words(key):
            upload = self._client.create_multipart_upload(**self._name(key), **kind)["UploadId"]
        name = {**self._name(key), "UploadId": upload}
        sent: list[dict[str, Any]] = []
        size = 0
        try:
            with ThreadPoolExecutor(PARTS_AT_ONCE) as senders:
                under_way: list[Future[dict[str, Any]]] = []
                for number, part in enumerate(parts, 1):
                    if number > MOST_PARTS:
                        raise StorageError(
                            f"{key} has more than {MOST_PARTS} parts of {PART_BYTES} bytes: "
                            "give a size_limit for larger parts"
                        )
                    if len(under_way) == PARTS_AT_ONCE:
                        sent.append(under_way.pop(0).result())
                    under_way.append(senders.submit(self._send_part, key, name, number, part))
                    size += len(part)
                sent += [future.result() for future in under_way]
            self._complete(key, name, sent, size)
        except BaseException:
            try:
                with self._in_words(key):
                    self._client.abort_multipart_upload(**name)
            except StorageError as error:
                # what stopped the upload is what the caller must hear of
                logger.warning("an unfinished upload is left for abort_unfinished: %s", error)
            raise

    def _complete(self, key: str, name: dict[str, str], parts: Sequence[dict[str, Any]], size: int) -> None:
        """Join the parts; where the answer is lost, the object itself says what became of it.

        A store forgets an upload that it has completed, and says NoSuchUpload to the client's second try.
        """
        before = self.stat(key)
        try:
            with self._in_words(key):
                self._joining_client.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
        except StorageError:
            found = self.stat(key)
            if found is None or found.size != size or found == before:
                raise
            logger.info("%s is whole; the answer to its last request was lost", key)

    def _send_part(self, key: str, name: dict[str, str], number: int, part: bytes) -> dict[str, Any]:
        with self._in_words(key):
            answer = self._client.upload_part(**name, PartNumber=number, Body=part, **self._checksum(part))
        checksum = {"ChecksumSHA256": answer["ChecksumSHA256"]} if "ChecksumSHA256" in answer else {}
        return {"PartNumber": number, "ETag": answer["ETag"], **checksum}

    def _pieces(self, key: str, body: Any) -> Iterator[bytes]:
        with body:
            while True:
                with self._in_words(key):
                    piece: bytes = body.read(READ_BYTES)
                if not piece:
                    return
                yield piece

    @contextmanager
    def _in_words(self, key: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, SSLError
        from urllib3.exceptions import HTTPError

        place = self._access.endpoint_url or "AWS"
        what = f"{self.location}/{key}" if key else self.location
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            said = redact(str(error), self._access.secret_key)
            if code == "NoSuchBucket":
                raise StorageError(f"There is no bucket {self._bucket} at {place}: create it first") from None
            if code in GONE:
                raise NotStoredError(f"There is no {what} at {place}") from None
            if code in ("403", "AccessDenied", *WRONG_KEY):
                raise StorageError(
                    f"{place} does not let the key do this with {what}: check login and password of the "
                    f"connection, and the key's rights. It said: {said}"
                ) from None
            raise StorageError(f"{place} refused {what}: {said}") from None
        except SSLError as error:
            raise StorageError(f"The certificate of {place} is not trusted: {redact(str(error))}") from None
        except (ConnectionError, HTTPClientError) as error:
            said = redact(str(error), self._access.secret_key)
            raise StorageError(f"{place} cannot be reached, or went silent, over {what}: {said}") from None
        except (BotoCoreError, HTTPError, ValueError) as error:
            raise StorageError(f"{what}: {redact(str(error), self._access.secret_key)}") from None


@cache
def _session() -> Any:
    """One session a process: it reads the service's description, which takes 0.4 s, once."""
    import boto3

    return boto3.session.Session()
