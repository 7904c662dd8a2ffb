"""A whole stack, really started: up, repair, down. One stack for the module; the tests run in this order."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import psutil
import pytest

from local import processes
from local.demo_access import MINT
from local.ports import free_port
from local.stack import find_stack
from local.state import CHECKOUT, State
from local.supervisor import NAME as SUPERVISOR
from tests.support.running_stack import new_environment, run_local

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

DAG = """
import pendulum
from airflow.sdk import dag, task

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"))
def settle_trades():
    @task
    def wait(seconds=600):
        import time
        time.sleep(seconds)
    wait()

settle_trades()
"""
AIRFLOW = ("api-server", "dag-processor", "triggerer", "scheduler")


class Commands:
    """The stack's commands in a folder of their own."""

    def __init__(self, folder, dags):
        self.state = State(folder)
        self.environment = new_environment(folder) | {"TRADEOPS_DAGS": str(dags)}

    def run(self, command, **environment):
        return run_local(self.environment | environment, command)

    def up(self, **environment):
        done = self.run("up", **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pids(self):
        return {name: processes.find(self.state, name).pid for name in ("sandbox", *AIRFLOW)}

    def api(self):
        return contextlib.closing(find_stack(self.state).api())


@pytest.fixture(scope="module")
def commands():
    # Not in pytest's own folder: started by root, PostgreSQL runs as another user, who may not pass that.
    folder = CHECKOUT / ".stack" / "tests" / f"lifecycle-{os.getpid()}"
    (folder / "dags").mkdir(parents=True)
    (folder / "dags" / "settle_trades.py").write_text(DAG)
    commands = Commands(folder / "stack", folder / "dags")
    yield commands
    done = commands.run("down")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder)


def test_a_main_dag_that_cannot_be_imported_is_said_in_one_line_and_mended_by_mending_it(commands):
    """At the very first start: the parts run from then on, and `up` finds them."""
    file = commands.state.folder.parent / "dags" / "settle_trades.py"
    file.write_text(DAG + "\n1 / 0\n")
    done = commands.run("up")
    assert done.returncode == 1
    assert done.stderr == f"{file} cannot be imported: ZeroDivisionError: division by zero\n"
    assert f"started {AIRFLOW[-1]}\n" in done.stdout and "all is healthy" not in done.stdout
    file.write_text(DAG)
    assert "all is healthy" in commands.up()
    with commands.api() as api:
        assert api("GET", "/importErrors")["total_entries"] == 0


def test_everything_runs_and_is_healthy_then(commands):
    status = commands.run("status").stdout
    assert [line.split()[:2] for line in status.splitlines()[1:7]] == [
        ["postgres", "running"],
        *([name, "healthy"] for name in ("sandbox", *AIRFLOW)),
    ]
    assert commands.state.secrets()["admin_password"] in status
    with commands.api() as api:
        assert api("GET", "/dags/settle_trades")["is_paused"] is False


def test_the_settings_file_is_loaded_with_the_stacks_own_addresses(commands):
    with commands.api() as api:
        connections = {
            entry["connection_id"]: entry for entry in api("GET", "/connections?limit=100")["connections"]
        }
        port = int(commands.environment["TRADEOPS_PORT_SANDBOX"])
        assert connections["llm"]["host"] == f"http://127.0.0.1:{port}/llm/v1"
        database = connections["tradeops_db"]
        assert (database["host"], database["port"], database["schema"]) == (
            "127.0.0.1",
            int(commands.environment["TRADEOPS_PORT_POSTGRES"]),
            "tradeops",
        )
        assert api("GET", "/pools/llm")["slots"] == 8
        assert json.loads(api("GET", "/variables/tradeops_settings")["value"]) == {
            "candle_sources": ["sandbox"],
            "access_mint": MINT,
        }


def test_nothing_listens_beyond_this_machine(commands):
    ports = set(commands.state.ports().values())
    listening = [
        connection.laddr
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports
    ]
    assert {address.port for address in listening} == ports
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_nobody_gets_in_without_the_password(commands):
    import httpx

    url = find_stack(commands.state).airflow_url
    assert httpx.get(f"{url}/api/v2/dags", trust_env=False).status_code == 401
    wrong = {"username": "admin", "password": "admin"}
    assert httpx.post(f"{url}/auth/token", json=wrong, trust_env=False).status_code == 401


def test_a_second_up_changes_nothing_and_is_quick(commands):
    before, began = commands.pids(), time.monotonic()
    commands.up()
    assert time.monotonic() - began < 60  # about 3 s; the bound leaves room for a busy machine
    assert commands.pids() == before


def test_two_ups_at_once_are_one(commands):
    before = commands.pids()
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "local", "up"],
            cwd=CHECKOUT,
            env=commands.environment,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [process.wait(300) for process in both] == [0, 0]
    assert commands.pids() == before


def test_a_crashed_scheduler_is_restarted_with_its_workers_and_nothing_else(commands):
    """By the supervisor; and by `up` when that one has died as well."""
    before = commands.pids()
    scheduler = psutil.Process(before["scheduler"])
    workers = scheduler.children(recursive=True)
    assert workers
    scheduler.kill()
    wait_until(lambda: (found := processes.find(commands.state, "scheduler")) and found != scheduler, 120)
    restarted = commands.pids()
    assert {name for name, pid in restarted.items() if pid != before[name]} == {"scheduler"}
    assert not [worker for worker in workers if worker.is_running()]
    lines = [line.split() for line in commands.run("status").stdout.splitlines()[1:8]]
    shown = {name: (state, restarts) for name, state, restarts, *_ in lines}
    assert shown["scheduler"][1] == "1"
    assert (shown["triggerer"], shown["supervisor"]) == (("healthy", "0"), ("running", "-"))
    watcher = processes.find(commands.state, SUPERVISOR)
    watcher.kill()
    wait_until(lambda: processes.find(commands.state, SUPERVISOR) is None)
    psutil.Process(restarted["scheduler"]).kill()
    wait_until(lambda: processes.find(commands.state, "scheduler") is None)
    assert "supervisor     stopped" in commands.run("status").stdout
    assert "started scheduler\n" in commands.up()
    after = commands.pids()
    assert {name for name, pid in after.items() if pid != restarted[name]} == {"scheduler"}
    assert processes.find(commands.state, SUPERVISOR) not in (None, watcher)


def test_a_pid_file_that_names_a_strangers_process_is_not_believed(commands):
    before = commands.pids()["triggerer"]
    record = json.loads(commands.state.record("triggerer").read_text())
    psutil.Process(before).kill()
    record["pid"] = os.getpid()  # as if the number had come round to us
    commands.state.record("triggerer").write_text(json.dumps(record))
    wait_until(lambda: processes.find(commands.state, "triggerer"), 120)
    commands.up()
    assert commands.pids()["triggerer"] not in (before, os.getpid())
    assert psutil.pid_exists(os.getpid())


def test_what_an_operator_changed_stays_and_what_is_the_stacks_own_follows(commands):
    with commands.api() as api:
        for name in ("slack_alerts", "llm"):
            entry = api("GET", f"/connections/{name}")
            if name == "slack_alerts":
                entry |= {"host": "https://hooks.slack.com/services", "password": "real"}
            entry.pop("team_name", None)
            api("PATCH", f"/connections/{name}", {**entry, "description": "looked at by an operator"})
        api("PATCH", "/pools/llm", {"pool": "llm", "slots": 3, "include_deferred": False})
    commands.environment["TRADEOPS_PORT_SANDBOX"] = str(free_port())
    commands.up()
    with commands.api() as api:
        moved = api("GET", "/connections/llm")
        assert moved["host"] == f"http://127.0.0.1:{commands.environment['TRADEOPS_PORT_SANDBOX']}/llm/v1"
        assert moved["description"] == "looked at by an operator"
        assert api("GET", "/connections/slack_alerts")["host"] == "https://hooks.slack.com/services"
        assert api("GET", "/pools/llm")["slots"] == 3


def test_down_leaves_nothing_even_with_a_task_under_way_and_no_pid_files(commands):
    with commands.api() as api:
        api("POST", "/dags/settle_trades/dagRuns", {"logical_date": None})
        wait_until(
            lambda: (
                api("GET", "/dags/settle_trades/dagRuns/~/taskInstances")["task_instances"][0]["state"]
                == "running"
            )
        )
    psutil.Process(commands.pids()["scheduler"]).kill()
    for name in AIRFLOW:
        commands.state.record(name).unlink()
    assert "stopped" in commands.run("down").stdout
    assert processes.find(commands.state, SUPERVISOR) is None
    folder = str(commands.state.folder)
    assert processes.find_marked(commands.state) == []
    assert [
        process.info for process in psutil.process_iter(["cmdline"]) if folder in str(process.info["cmdline"])
    ] == []
    assert commands.run("down").stdout == "The local stack was not running.\n"
    assert commands.run("env").returncode == 1


def test_a_taken_port_that_was_fixed_stops_up_and_its_holder_is_named(commands):
    with socket.create_server(("127.0.0.1", int(commands.environment["TRADEOPS_PORT_AIRFLOW"]))):
        done = commands.run("up")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"(process {os.getpid()})" in done.stderr and "TRADEOPS_PORT_AIRFLOW" in done.stderr
    assert commands.run("down").returncode == 0


def wait_until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
