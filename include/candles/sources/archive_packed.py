"""CSV packed with gzip or zip, as exchanges deliver it: unpacked in memory, up to a limit."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from include.candles.sources.archive_name import BadFileError

PACKED_SUFFIXES = {".gz", ".zip"}
MOST_BYTES = 512 * 1024**2  # of a file once unpacked
_CSV = {".csv", ".tsv"}


def inner_path(path: Path) -> PurePath:
    """Give the name of the CSV in a packed file, or the path of one that is none. Raises BadFileError."""
    match path.suffix.lower():
        case ".gz":
            return path.with_suffix("")
        case ".zip":
            with _unpacking(), zipfile.ZipFile(path) as archive:
                return PurePath(_only(archive).filename)
        case _:
            return path


def holds_csv(path: Path) -> bool:
    """Say whether a packed file is one that may hold a CSV: any zip, and `.csv.gz`."""
    return path.suffix.lower() == ".zip" or path.with_suffix("").suffix.lower() in _CSV


def unpack(path: Path) -> bytes:
    """Unpack the one CSV in a packed file. Raises BadFileError."""
    with _unpacking():
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as file:
                content = file.read(MOST_BYTES + 1)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(_only(archive)) as member:
                content = member.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise BadFileError(f"it unpacks to more than {MOST_BYTES // 1024**2} MiB: unpack it yourself")
    return content


@contextmanager
def _unpacking() -> Iterator[None]:
    # RuntimeError: it has a password; NotImplementedError, its subclass: an unknown way of packing
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError) as error:
        raise BadFileError(f"the file cannot be unpacked: {error}") from error


def _only(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and not PurePath(info.filename).name.startswith(".")
    ]
    texts = [info for info in members if PurePath(info.filename).suffix.lower() in _CSV]
    if len(texts) != 1:
        held = "no CSV" if not texts else f"{len(texts)} CSV files"
        raise BadFileError(f"the zip holds {held}, and is read if it holds one: unpack it")
    return texts[0]
