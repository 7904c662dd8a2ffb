"""Programs beside us as streams: run, fed, read, and in words when they fail.

No password is ever an argument: it goes through the environment of the child. A child never outlives the
stream that reads it.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.streams import CHUNK
from include.telemetry import redact

END_TIMEOUT = 60  # seconds between the end of a program's output and its own
SAID_LENGTH = 2000  # characters of what a program said that an error shows


class ProgramLogin(Protocol):
    """How a program reaches a database: an environment that holds the password."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Of the child."""

    @property
    def password(self) -> str | None:
        """What no message may show."""


def read_output(command: Sequence[str | Path], access: ProgramLogin) -> Iterator[bytes]:
    """Run a program and give what it writes, chunk by chunk; the end comes only when it ended well.

    Closing the iterator early ends the program and its children.

    Raises:
        BackupError: it failed; the message holds the end of what it said, redacted.
    """
    with tempfile.TemporaryFile() as said, _running(command, access.environment, said) as process:
        with contextlib.suppress(OSError):  # a larger pipe than this user may have: slower, no more
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, CHUNK)
        while chunk := process.stdout.read(CHUNK):
            yield chunk
        _check(command, process, said, access.password, BackupError)


def run(command: Sequence[str | Path], access: ProgramLogin) -> None:
    """Run a program to its end.

    Raises:
        BackupError: it failed.
    """
    for _ in read_output(command, access):
        pass


def feed(command: Sequence[str | Path], chunks: Iterable[bytes], access: ProgramLogin | None = None) -> None:
    """Run a program that reads the chunks; without `access` it contacts nobody.

    Raises:
        BackupDamagedError: the program did not like them; the message holds the end of what it said. With
            `access` a BackupError: the database may be at fault as well.
    """
    environment = _plain_environment() if access is None else access.environment
    with (
        tempfile.TemporaryFile() as said,
        _running(command, environment, said, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process,
    ):
        with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code says how
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        if access is None:
            _check(command, process, said, None, BackupDamagedError)
        else:
            _check(command, process, said, access.password, BackupError)


def convert(command: Sequence[str | Path], chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Run a program that contacts nobody, reads the chunks, and writes something else: give that.

    Not all of the chunks need be pulled: the program may have seen enough.

    Raises:
        BackupDamagedError: the program did not like them; the message holds the end of what it said.
    """
    failures: list[BaseException] = []

    def push(target: IO[bytes]) -> None:
        try:
            with contextlib.suppress(BrokenPipeError), target:
                for chunk in chunks:
                    target.write(chunk)
        except BaseException as error:
            failures.append(error)

    with (
        tempfile.TemporaryFile() as said,
        _running(command, _plain_environment(), said, stdin=subprocess.PIPE) as process,
    ):
        thread = threading.Thread(target=push, args=(process.stdin,), name="convert", daemon=True)
        thread.start()
        try:
            while chunk := process.stdout.read1(CHUNK):
                yield chunk
        except BaseException:
            process.kill()  # the thread's next write ends it
            raise
        finally:
            thread.join()
        if failures:
            raise failures[0]
        _check(command, process, said, None, BackupDamagedError)


def _plain_environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@contextlib.contextmanager
def _running(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    said: IO[bytes],
    **streams: int,
) -> Iterator[Any]:
    process = subprocess.Popen(
        command,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **streams},  # type: ignore[call-overload]
        stderr=said,
        env=environment,
        start_new_session=True,  # a group of its own: parallel workers end with it
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        process.wait()


def _check(
    command: Sequence[str | Path],
    process: Any,
    said: IO[bytes],
    password: str | None,
    error: type[BackupError],
) -> None:
    try:
        code = process.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise error(f"{Path(command[0]).name} gave all it had and did not end in {END_TIMEOUT} s.") from None
    if code:
        said.seek(max(0, said.seek(0, os.SEEK_END) - SAID_LENGTH))
        message = redact(said.read().decode("utf-8", "replace").strip(), password)
        raise error(f"{Path(command[0]).name} failed (exit code {code}): {message or 'it said nothing'}")


def own_folder(needed: int) -> "tempfile.TemporaryDirectory[str]":
    """Make a temporary folder that has room for so many bytes; those of dead processes are removed first.

    Raises:
        BackupError: there is not enough room.
    """
    import psutil

    prefix = "tradeops-backup-"
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{prefix}*"):
        pid = left.name.removeprefix(prefix).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)  # another user's, perhaps: not ours to complain of
    free = shutil.disk_usage(place).free
    if free < needed:
        raise BackupError(
            f"{place} has {free >> 20} MiB free, and this may need {needed >> 20} MiB. Free some space, or "
            "point TMPDIR to a larger disk."
        )
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-")
