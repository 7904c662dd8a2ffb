"""From a location to a store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from include.storage.folder import FolderStorage
from include.storage.s3 import S3Access, S3Storage
from include.storage.storage import Storage, StorageError, check_key


def open_storage(location: str, access: S3Access | None = None) -> Storage:
    """Open the store at a location: `/abs/path`, `file:///abs/path` or `s3://bucket/prefix`.

    Nothing is contacted or created before the first use. `access` is needed for `s3://` only.

    Raises:
        StorageError: the location is none of these, or `access` is missing.
    """
    if "://" not in location:
        return FolderStorage(_absolute(location))
    url = urlsplit(location)
    if url.query or url.fragment or "@" in url.netloc:
        # it may hold a key, so it is not repeated
        raise StorageError(
            "A location holds no login, query or fragment: give keys in the connection object_store"
        )
    if url.scheme == "file" and url.netloc in ("", "localhost"):
        return FolderStorage(_absolute(unquote(url.path)))
    if url.scheme == "s3" and url.netloc:
        if access is None:
            raise StorageError(f"{location} needs access to an object store: see the connection object_store")
        prefix = url.path.strip("/")
        if prefix:
            check_key(prefix)
        return S3Storage(url.netloc, prefix, access)
    raise StorageError(
        f"{location!r} is no location: expected /abs/path, file:///abs/path or s3://bucket/prefix"
    )


def _absolute(path: str) -> Path:
    if not path.startswith("/") or "\0" in path or ".." in Path(path).parts:
        raise StorageError(f"{path!r} is no absolute path without '..'")
    return Path(path)
