"""For all tests: a real PostgreSQL with one database a test worker, and no way out of this machine.

The server starts when the first test asks for it; tests of pure logic never start it. Each run of pytest has
a server of its own, so that two runs in one checkout do not meet; the process that controls the run stops it.
"""

import gc
import ipaddress
import os
import shutil
import socket
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from hypothesis import settings
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, text
from xdist.scheduler import LoadScopeScheduling

from include.database import connect, migrate
from local import postgres
from local.postgres import Server
from tests.support.plans import large
from tests.support.sandbox import fresh_sandbox, sandbox

__all__ = ["fresh_sandbox", "large", "sandbox"]  # fixtures

STACK = Path(__file__).parents[1] / ".stack"
RUN = "PYTEST_POSTGRES_RUN"  # the variable that names the run's folder, which bears its process's number

# Half of what it costs to make, fill and drop a database goes to the files of its tables. So servers lie in
# memory where the machine has some to spare, else on the disk; to a server it is the same.
ON_DISK = STACK / "test-postgres"
IN_MEMORY = Path(f"/dev/shm/tradeops-test-postgres-{os.getuid()}")
ROOM = 3 * 2**30  # bytes that must be free: a run takes a fifth

# Airflow, where a test imports it, must neither find nor make a home in the user's folder.
os.environ["AIRFLOW_HOME"] = str(STACK / "test-airflow")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
TEMPLATE = "tradeops_template"

# Empties the tables that hold rows, and says nothing of the others. Rows are deleted, with triggers and
# foreign keys asleep, for a fifth of the cost of a TRUNCATE. A table that has grown by it or was analysed
# is truncated: what is deleted must not pile up, and a test of plans begins without statistics.
EMPTY_TABLES = """
DO $$
DECLARE
  candidate record;
  holds_rows boolean;
  grown text[] := '{}';
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  FOR candidate IN
    SELECT oid, oid::regclass::text AS name, size, reltuples >= 0 AS analysed
    FROM pg_class, LATERAL (
      SELECT CASE relkind
        WHEN 'r' THEN pg_relation_size(oid)
        ELSE (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(oid))
      END
    ) AS sizes (size)
    WHERE relnamespace = 'public'::regnamespace AND size > 0
      AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE 'tradeops_schema_%'
  LOOP
    IF candidate.size > 65536 OR candidate.analysed THEN
      grown := grown || candidate.name;
      CONTINUE;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', candidate.name) INTO holds_rows;
    IF holds_rows THEN
      EXECUTE format('DELETE FROM %s', candidate.name);
      PERFORM setval(objid::regclass, 1, false)
      FROM pg_depend JOIN pg_class ON pg_class.oid = objid
      WHERE refobjid = candidate.oid AND deptype IN ('a', 'i') AND relkind = 'S';
    END IF;
  END LOOP;
  IF grown <> '{}' THEN
    EXECUTE 'TRUNCATE ' || array_to_string(grown, ', ') || ' RESTART IDENTITY CASCADE';
  END IF;
END
$$
"""


# The same examples in every run, and no clock: a slow machine is no failure.
settings.register_profile("tradeops", derandomize=True, deadline=None)
settings.load_profile("tradeops")


def pytest_configure(config: pytest.Config) -> None:
    """Name the run after the controlling process; the workers of pytest-xdist inherit the name."""
    if not hasattr(config, "workerinput"):
        for servers in (ON_DISK, IN_MEMORY):
            for folder in servers.glob("*"):
                if not psutil.pid_exists(int(folder.name)):  # a run that was killed
                    remove_server(folder)
        servers = IN_MEMORY if has_room(IN_MEMORY.parent) else ON_DISK
        servers.mkdir(parents=True, exist_ok=True)
        os.environ[RUN] = str(servers / str(os.getpid()))


def has_room(memory: Path) -> bool:
    """Whether this is a file system in memory that holds a run's servers, and the machine has the memory."""
    if not os.access(memory, os.W_OK | os.X_OK):
        return False
    return min(shutil.disk_usage(memory).free, psutil.virtual_memory().available) > ROOM


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are read: what is imported stays, and looking takes a third of it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# Files whose tests go to one worker, in order: one has a stack of its own; one has trades and a browser that
# all need, one a demo that two tests need, and both the first runs of all DAGs.
TOGETHER = {"test_lifecycle.py": "own", "test_desk.py": "on schedule", "test_stack_demo.py": "on schedule"}


class _ByGroup(LoadScopeScheduling):
    """Test by test to whoever is free; those of some files together, and first."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return TOGETHER.get(file.rpartition("/")[2], nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What `--dist loadgroup` is meant to do: pytest-xdist 3.8 loses the groups under pytest 9."""
    return _ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controlling process stops the server when all workers are done."""
    if not hasattr(config, "workerinput"):
        remove_server(Path(os.environ[RUN]))


def remove_server(folder: Path) -> None:
    if folder.exists():
        postgres.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)  # another run may be tidying up as well


@pytest.fixture(scope="session")
def postgres_server() -> Server:
    """The run's PostgreSQL, shared by its workers. It is quick and forgets everything in a crash."""
    return postgres.start(Path(os.environ[RUN]), durable=False)


@pytest.fixture(scope="session")
def template(postgres_server: Server) -> str:
    """A migrated, empty database, made once a run; others are cloned from it."""
    fresh = f"{TEMPLATE}_new"
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('template'))")  # until the connection ends
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(fresh)))
            connection.execute(SQL("CREATE DATABASE {} OWNER tradeops").format(Identifier(fresh)))
            migrate(postgres_server.url(fresh))
            rename = SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(Identifier(fresh), Identifier(TEMPLATE)))
    return TEMPLATE


@pytest.fixture(scope="session")
def database_url(postgres_server: Server, template: str) -> str:
    """URL of this worker's own database, migrated; the role is its owner and no superuser."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('template'))")
        clone = SQL("CREATE DATABASE {} OWNER tradeops TEMPLATE {} STRATEGY file_copy")
        connection.execute(clone.format(Identifier(name), Identifier(template)))
    return postgres_server.url(name)


@pytest.fixture(scope="session")
def worker_engine(database_url: str) -> Iterator[Engine]:
    """The engine behind `database`; ask for that one."""
    engine = connect(database_url, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def housekeeper(postgres_server: Server, worker_engine: Engine) -> Iterator[Engine]:
    """The superuser's engine on this worker's database, for emptying it."""
    url = postgres_server.url(str(worker_engine.url.database), "postgres")
    engine = connect(url, application="housekeeper")
    yield engine
    engine.dispose()


@pytest.fixture
def database(worker_engine: Engine, housekeeper: Engine) -> Engine:
    """This worker's database, empty at the start of the test."""
    with housekeeper.begin() as connection:
        connection.execute(text(EMPTY_TABLES))
    return worker_engine


@pytest.fixture
def foreign_database(database: Engine, database_url: str) -> Iterator[Engine]:
    """The same database as a server of somebody else would show it: without the local stack's mark."""
    engine = connect(f"{database_url}?options=-c tradeops.local_stack=off", application="tests")
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def own_spool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a spool of its own: what one leaves behind is not another's to deliver."""
    folder = STACK / "test-spools" / str(uuid.uuid4())  # made by whoever spools
    monkeypatch.setenv("TRADEOPS_SPOOL", str(folder))
    yield
    if folder.exists():
        shutil.rmtree(folder)


class OutsideConnectionError(RuntimeError):
    """A test reached for an address outside of this machine. No OSError: nobody may take it for an outage."""


def allow_loopback_only() -> None:
    """Make Python's sockets refuse to look up or connect to any other machine.

    Programs that a test starts are not touched, nor is libpq, whose sockets are its own.
    """
    look_up = socket.getaddrinfo
    real = {"connect": socket.socket.connect, "connect_ex": socket.socket.connect_ex}

    def guarded_look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        try:
            ipaddress.ip_address(host or "127.0.0.1")  # a number needs no looking up
        except ValueError:
            if host not in ("localhost", b"localhost"):
                raise OutsideConnectionError(f"a test tried to look up {host!r}") from None
        return look_up(host, *arguments, **named)

    def guarded(name: str) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                host = "127.0.0.1" if address[0] == "localhost" else address[0]
                if not ipaddress.ip_address(host).is_loopback:
                    self.close()  # as the standard library does for an OSError
                    raise OutsideConnectionError(f"a test tried to connect to {address[0]}:{address[1]}")
            return real[name](self, address)

        return connect

    socket.getaddrinfo = guarded_look_up
    for name in real:
        setattr(socket.socket, name, guarded(name))


allow_loopback_only()
