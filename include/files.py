"""Files and disks: a file written whole or not at all, and how much room a disk has."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, chunks: Iterable[bytes], *, unfinished: Path, mode: int = 0o666) -> None:
    """Write a file so that a reader sees the former one or the whole new one, also after a crash.

    The content goes to `unfinished` first, is brought to the disk, and is renamed. When anything fails, the
    chunks too, nothing has changed; a process that is killed leaves `unfinished` behind.

    Args:
        path: the file; it replaces a former one.
        chunks: its content.
        unfinished: a name on the same disk that nobody else uses at this time.
        mode: the file's permissions, less the umask.

    Raises:
        OSError: the disk is full, `unfinished` is there already, or a folder cannot be written.
    """
    file = os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
    try:
        with file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)  # a file's new name is on disk when its folder is
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def free_bytes(folder: Path) -> int:
    """Count the free bytes of the disk that a folder is on, or will be on once it is made."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(there).free


def free_bytes_of_volume(volume: Path | None) -> int | None:
    """Count what is free on the database's disk, named by the setting database_volume; None: it names none.

    Raises:
        FileNotFoundError: there is no such folder on this machine.
    """
    if volume is None:
        return None
    if not volume.exists():
        raise FileNotFoundError(f"database_volume {volume} is not on this machine: correct the setting")
    return free_bytes(volume)
