"""What one local stack keeps between commands: its folder, its secrets, its lock, its last ports.

lock             held while the stack is started or stopped
secrets.json     generated once: keys of Airflow, password of its admin, secrets of programs that call the API
ports.json       the ports of the last start
deaths.json      what died since the last start (local.deaths)
processes/       one record a component: pid, creation time, how it was started
logs/            what each component says; *.log.1 is the run before
airflow/         AIRFLOW_HOME: task logs
postgres/        the embedded server (see local.postgres)
"""

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from include.files import write_atomically

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER_VARIABLE = "TRADEOPS_STACK"
LOCK_TIMEOUT = 300.0  # seconds; a first start takes about one minute
ADMIN = "admin"


class StackError(RuntimeError):
    """The local stack cannot do what was asked; the message says why and what to do."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class State:
    """The folder of one stack. Two stacks with different folders never touch each other."""

    folder: Path

    @property
    def airflow_home(self) -> Path:
        """Airflow's own folder; task logs are in `logs/` below it."""
        return self.folder / "airflow"

    @property
    def passwords_file(self) -> Path:
        """User to password, in the form that Airflow's simple auth manager reads."""
        return self.airflow_home / "passwords.json"

    @property
    def postgres(self) -> Path:
        """State folder of the embedded server."""
        return self.folder / "postgres"

    def log(self, component: str) -> Path:
        """Where a component's output goes."""
        return self.folder / "logs" / f"{component}.log"

    @property
    def deaths_file(self) -> Path:
        """What died since the last start (see local.deaths)."""
        return self.folder / "deaths.json"

    def record(self, component: str) -> Path:
        """Where it is written down which process a component is."""
        return self.folder / "processes" / f"{component}.json"

    def prepare(self) -> None:
        """Make the folders. Only their owner may read them, save what PostgreSQL's system user must pass."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.airflow_home, self.folder / "logs", self.folder / "processes"):
            folder.mkdir(mode=0o700, exist_ok=True)
        write_json(self.passwords_file, {ADMIN: self.secrets()["admin_password"]})

    def secrets(self) -> dict[str, str]:
        """The generated secrets: Airflow's keys, its admin's password, and what programs present to the API.

        A file of an older version lacks some: they are made when they are first asked for.
        """
        path = self.folder / "secrets.json"
        kept = {str(name): str(value) for name, value in read_json(path).items()} if path.exists() else {}
        made = {
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "api_secret_key": secrets.token_urlsafe(32),
            "admin_password": secrets.token_urlsafe(12),
            "scrape_secret": secrets.token_urlsafe(32),
            "cron_secret": secrets.token_urlsafe(32),
        } | kept
        if made != kept:
            write_json(path, made)
        return made

    def ports(self) -> dict[str, int]:
        """The ports of the last start, by component; empty before the first."""
        path = self.folder / "ports.json"
        return {str(name): int(port) for name, port in read_json(path).items()} if path.exists() else {}

    def keep_ports(self, ports: dict[str, int]) -> None:
        """Remember the ports, so that addresses given out stay true."""
        write_json(self.folder / "ports.json", ports)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let one command at a time start or stop this stack; a dead holder lets go by dying.

        Raises:
            StackError: the other one has not finished after five minutes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock", preserve_lock_file=True)
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            print("Another command is starting or stopping this stack; waiting for it.", flush=True)
            try:
                held = lock.acquire(timeout=LOCK_TIMEOUT, poll_interval=0.1)
            except Timeout:
                raise StackError(
                    f"Another command has held {lock.lock_file} for {LOCK_TIMEOUT:.0f} s. "
                    f"Look for it with: fuser {lock.lock_file}"
                ) from None
        with held:
            yield

    @contextlib.contextmanager
    def locked_if_free(self) -> Iterator[bool]:
        """Hold the same lock, if nobody else does; whether it is held. Waits for nobody."""
        lock = FileLock(self.folder / "lock", preserve_lock_file=True)
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        with held:
            yield True


def find_state() -> State:
    """The stack of this checkout, or the one whose folder TRADEOPS_STACK names."""
    return State(Path(os.environ.get(FOLDER_VARIABLE) or CHECKOUT / ".stack").resolve())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StackError: the file is damaged.
    """
    try:
        read = json.loads(path.read_text())
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise StackError(
            f"{path} is damaged: it should be a JSON object. Stop the stack and remove the file."
        )
    return read


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object whole or not at all, readable by its owner only."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)  # of a command that was killed
    body = json.dumps(content, indent=1).encode()
    write_atomically(path, [body], unfinished=unfinished, mode=0o600)
