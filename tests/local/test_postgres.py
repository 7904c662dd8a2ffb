"""The embedded server: how it is made, found, protected, and started again after every kind of end."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from local import cluster, postgres
from local.postgres import PostgresError, Server

ROOT = Path(__file__).parents[2]

START = (
    "import sys; from pathlib import Path; from local import postgres; "
    "print(postgres.start(Path(sys.argv[1]), durable=False).pid)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder whose name needs quoting, below a folder that only its owner may enter."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    folder = closed / "it's a state"
    yield folder
    postgres.stop(folder)


@pytest.fixture
def server(folder: Path) -> Server:
    return postgres.start(folder, durable=False)


def query(server: Server, statement: str, database: str = "tradeops", role: str = "tradeops") -> tuple:
    with psycopg.connect(server.url(database, role)) as connection:
        return connection.execute(statement).fetchone()


def starter(folder: Path) -> subprocess.Popen[str]:
    """Another process that starts the server and ends."""
    return subprocess.Popen(
        [sys.executable, "-c", START, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_speaks_utc_and_utf8_and_asks_for_a_password(server):
    settings = "SELECT current_setting('timezone'), current_setting('server_encoding'), version()"
    timezone, encoding, version = query(server, settings)
    assert (timezone, encoding) == ("UTC", "UTF8")
    assert version.startswith("PostgreSQL 18.")
    wrong = server.url().replace(server.passwords["tradeops"], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    with psycopg.connect(server.url("postgres", "postgres")) as connection:
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert methods == [("scram-sha-256",)]


@pytest.mark.parametrize(
    ("role", "database"),
    [
        (role, name)
        for role in ("tradeops", "airflow")
        for name in ("tradeops", "airflow", "postgres", "template1")
    ],
)
def test_a_role_reaches_its_own_database_only(server, role, database):
    if role == database:
        assert query(server, "SELECT current_database()", database, role) == (database,)
        return
    with pytest.raises(psycopg.OperationalError, match=f'permission denied for database "{database}"'):
        query(server, "SELECT 1", database, role)


def test_it_listens_on_loopback_only(server):
    postmaster = psutil.Process(server.pid)
    listening = [c for c in postmaster.net_connections("all") if c.status == psutil.CONN_LISTEN]
    assert [tuple(connection.laddr) for connection in listening] == [("127.0.0.1", server.port)]
    assert postmaster.net_connections("unix") == []


@pytest.mark.parametrize("name", ["tradeops", "airflow"])
def test_each_role_owns_its_database_and_is_no_superuser(server, name):
    role = query(
        server,
        "SELECT current_user::text, rolsuper, rolcreatedb, rolcreaterole, pg_get_userbyid(datdba)::text "
        "FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()",
        name,
        name,
    )
    assert role == (name, False, False, False, name)


def test_passwords_stay_in_their_file(server):
    kept = server.folder / "passwords.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(set(server.passwords.values())) == len(server.passwords) == 3
    arguments = " ".join(
        argument
        for process in psutil.process_iter()
        if postgres._serves(process, server.folder)
        for argument in process.cmdline()
    )
    files = [path for path in server.folder.iterdir() if path.is_file() and path != kept]
    shown = repr(server) + arguments + "".join(path.read_text() for path in files)
    assert "server.log" in [path.name for path in files]
    for password in server.passwords.values():
        assert password in kept.read_text()
        assert password not in shown


def test_programs_of_the_wheel_get_the_password_from_the_environment(server):
    done = subprocess.run(
        [server.binary("psql"), "-Atc", "SELECT current_user"],
        env=server.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "tradeops\n"
    with pytest.raises(PostgresError, match="no program 'mysql'"):
        server.binary("mysql")
    with pytest.raises(PostgresError, match="No role 'nobody' here; there are postgres, tradeops, airflow"):
        server.url(role="nobody")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another system user")
def test_root_hands_it_to_another_user_and_lets_that_one_pass(server):
    assert psutil.Process(server.pid).username() == cluster.SYSTEM_USER
    assert psutil.Process(server.pid).gids().real != 0
    assert stat.S_IMODE(server.folder.parent.stat().st_mode) == 0o701  # passable, not readable


def test_a_running_server_is_found_again(server, folder):
    assert postgres.start(folder) == server
    assert postgres.find(folder) == server


def test_two_callers_at_once_get_the_same_server_and_it_outlives_them(tmp_path):
    try:
        callers = [starter(tmp_path / "state") for _ in range(2)]
        pids = {caller.communicate(timeout=60)[0] for caller in callers}
        assert len(pids) == 1
        found = postgres.find(tmp_path / "state")
        assert found is not None
        assert pids == {f"{found.pid}\n"}
        assert query(found, "SELECT 1") == (1,)
        assert os.getsid(found.pid) != os.getsid(0)
    finally:
        postgres.stop(tmp_path / "state")


def test_stop_ends_it_and_the_next_start_keeps_port_data_and_passwords(server, folder):
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS a")
    assert postgres.stop(folder) is True
    assert postgres.stop(folder) is False
    assert postgres.find(folder) is None
    again = postgres.start(folder, durable=False)
    assert (again.url(), again.pid != server.pid) == (server.url(), True)
    assert query(again, "SELECT a FROM kept") == (1,)


def test_it_recovers_from_kill_9_with_a_backend_at_work(server, folder):
    postgres.stop(folder)
    server = postgres.start(folder)  # durable: what is committed must be there again
    with psycopg.connect(server.url(), autocommit=True) as writer:
        writer.execute("CREATE TABLE committed AS SELECT 42 AS a")
    # A backend in the middle of a computation does not notice for long that its postmaster is gone.
    busy = subprocess.Popen(
        [server.binary("psql"), "-c", "SELECT count(*) FROM generate_series(1, 10000000000)"],
        env=server.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    working = (
        "SELECT pid FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()"
    )
    while (row := query(server, working)) is None:
        time.sleep(0.05)
    os.kill(server.pid, signal.SIGKILL)
    again = postgres.start(folder, durable=False)
    busy.wait(timeout=10)
    assert again.pid != server.pid
    assert query(again, "SELECT a FROM committed") == (42,)
    wait_until_gone(row[0])


def test_a_pid_file_that_names_a_living_stranger_is_survived(server, folder):
    pid_file = folder / "data" / "postmaster.pid"
    recorded = pid_file.read_text().splitlines()
    assert postgres.stop(folder)
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    stranger = subprocess.Popen(sleep, cwd=folder / "data")  # like a shell that somebody left there
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *recorded[1:]]) + "\n")
        assert postgres.find(folder) is None
        assert postgres.stop(folder) is False
        again = postgres.start(folder, durable=False)
        assert again.pid != stranger.pid
        assert query(again, "SELECT 1") == (1,)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_that_names_nobody_is_survived(server, folder):
    os.kill(server.pid, signal.SIGKILL)
    wait_until_gone(server.pid)
    assert (folder / "data" / "postmaster.pid").exists()
    assert postgres.find(folder) is None
    assert query(postgres.start(folder, durable=False), "SELECT 1") == (1,)


def test_a_taken_port_is_named_with_its_holder(server, folder):
    postgres.stop(folder)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PostgresError, match=rf"Port {taken} is taken by .+ \(process {os.getpid()}\)"):
            postgres.start(folder, port=taken, durable=False)
    assert postgres.start(folder, port=taken, durable=False).port == taken


def test_the_last_port_is_left_to_whoever_took_it_meanwhile(server, folder):
    postgres.stop(folder)
    with socket.create_server(("127.0.0.1", server.port)):
        moved = postgres.start(folder, durable=False)
        assert moved.port != server.port
        assert query(moved, "SELECT 1") == (1,)


def test_a_lost_password_file_is_said_and_nothing_is_overwritten(server, folder):
    kept = folder / "passwords.json"
    content = kept.read_text()
    kept.rename(folder / "aside")
    try:
        with pytest.raises(PostgresError, match=r"passwords\.json is gone.*Put the file back"):
            postgres.start(folder, durable=False)
        assert not kept.exists()
        kept.write_text("{")
        with pytest.raises(PostgresError, match="damaged"):
            postgres.find(folder)
    finally:
        (folder / "aside").rename(kept)
    assert kept.read_text() == content


def test_a_cluster_of_another_version_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(PostgresError, match=r"passwords\.json is gone"):
        postgres.start(tmp_path)
    (tmp_path / "passwords.json").write_text("{}")
    with pytest.raises(PostgresError, match="no PostgreSQL cluster"):
        cluster.check_version(tmp_path)
    (tmp_path / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresError, match=r"written by PostgreSQL 16, the wheel brings 18"):
        cluster.check_version(tmp_path)


def test_a_killed_initdb_leaves_nothing_in_the_way(tmp_path):
    half = tmp_path / "state" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    try:
        assert query(postgres.start(tmp_path / "state", durable=False), "SELECT 1") == (1,)
    finally:
        postgres.stop(tmp_path / "state")


def test_a_file_in_place_of_the_folder_is_said_plainly(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(PostgresError, match="cannot be used"):
        postgres.start(tmp_path / "state")


def test_a_folder_without_permission_is_said_plainly(tmp_path):
    with (
        pytest.raises(PostgresError, match="must belong to the user who starts it"),
        cluster.said_plainly(tmp_path),
    ):
        raise PermissionError(13, "Permission denied", str(tmp_path / "lock"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_said_plainly(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        with pytest.raises(PostgresError, match=r"The disk that holds .* is full"):
            postgres.start(tmp_path, durable=False)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
