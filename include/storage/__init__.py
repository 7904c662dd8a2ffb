"""Files of any size in a local folder or in an S3-compatible store, through one interface.

`open_storage(location, access)` gives a `Storage`; the location says which kind: `/abs/path`, `file:///abs/path`
or `s3://bucket/prefix`. An object is visible only when it is whole. What fails is a `StorageError` in words.
"""

from include.storage.location import open_storage
from include.storage.s3 import S3Access
from include.storage.storage import NotStoredError, Storage, StorageError, Stored, TooLargeError, check_key
from include.storage.streams import CountedStream, HashedStream, Outbox, cut_chunks, join_chunks

__all__ = [
    "CountedStream",
    "HashedStream",
    "NotStoredError",
    "Outbox",
    "S3Access",
    "Storage",
    "StorageError",
    "Stored",
    "TooLargeError",
    "check_key",
    "cut_chunks",
    "join_chunks",
    "open_storage",
]
