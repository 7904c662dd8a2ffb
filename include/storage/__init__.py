"""Files of any size in a local folder or in an S3-compatible store, through one interface.

`open_storage(location, access)` gives a `Storage`; the location says which kind: `/abs/path`, `file:///abs/path`
or `s3://bucket/prefix`. An object is visible only when it is whole. What fails is a `StorageError` in words.
"""

from include.storage.location import open_storage
from include.storage.s3 import S3Access
from include.storage.storage import NotStoredError, Storage, StorageError, Stored, TooLargeError, check_key

__all__ = [
    "NotStoredError",
    "S3Access",
    "Storage",
    "StorageError",
    "Stored",
    "TooLargeError",
    "check_key",
    "open_storage",
]
