"""Starting, finding again and ending background processes."""

import json
import os
import subprocess
import sys
import time

import pytest

from local import processes
from local.processes import Component
from local.state import State

SLEEP = "import time; time.sleep(60)"
# A parent whose child, in a session of its own, outlives it.
WITH_CHILD = (
    "import subprocess, sys, time;"
    f"subprocess.Popen([sys.executable, '-c', '{SLEEP}'], start_new_session=True); time.sleep(60)"
)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True);"


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "stack")
    state.prepare()
    yield state
    processes.stop_marked(state)


def component(script=SLEEP, **environment):
    return Component("sleeper", [sys.executable, "-c", script], environment)


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_process_is_found_again_by_its_record(state):
    started = processes.start(state, component())
    assert processes.find(state, "sleeper") == started
    assert processes.find(state, "another") is None


def test_it_has_a_session_of_its_own(state):
    pid = processes.start(state, component()).pid
    assert os.getsid(pid) == pid != os.getsid(0)


def test_its_output_goes_to_the_log_and_the_run_before_is_kept(state):
    for word in ("first", "second"):
        processes.start(state, component(f"print('{word}')")).wait(10)
    assert state.log("sleeper").read_text() == "second\n"
    assert state.log("sleeper").with_suffix(".log.1").read_text() == "first\n"


def test_a_dead_process_is_not_found(state):
    started = processes.start(state, component())
    started.kill()
    wait_until(lambda: processes.find(state, "sleeper") is None)


def test_a_pid_that_is_anothers_now_is_not_taken_for_ours(state):
    started = processes.start(state, component())
    record = json.loads(state.record("sleeper").read_text())
    record["created"] -= 3600
    state.record("sleeper").write_text(json.dumps(record))
    assert processes.find(state, "sleeper") is None
    assert started.is_running()


def test_a_record_of_a_pid_that_is_gone_is_no_process(state):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    state.record("sleeper").write_text(json.dumps({"pid": child.pid, "created": 0.0, "digest": ""}))
    assert processes.find(state, "sleeper") is None


def test_a_change_of_command_or_settings_shows(state):
    now = component(LEVEL="1")
    processes.start(state, now)
    assert processes.find(state, "sleeper", now.digest)
    assert not processes.find(state, "sleeper", component(LEVEL="2").digest)
    assert not processes.find(state, "sleeper", component("pass", LEVEL="1").digest)


def test_what_a_killed_process_leaves_behind_is_found_by_its_mark(state):
    parent = processes.start(state, component(WITH_CHILD))
    wait_until(lambda: len(processes.find_marked(state)) == 2)
    (child,) = (process for process in processes.find_marked(state) if process != parent)
    assert parent.pid in processes.ancestors(child)
    parent.kill()
    wait_until(lambda: processes.find(state, "sleeper") is None)
    assert [process.pid for process in processes.find_marked(state)] == [child.pid]
    processes.stop(processes.find_marked(state))
    assert not child.is_running()


def test_the_mark_survives_a_new_process_title(state):
    title = "from setproctitle import setproctitle; setproctitle('x' * 3000);"
    processes.start(state, component(title + "print('named', flush=True);" + SLEEP))
    wait_until(lambda: state.log("sleeper").read_text() == "named\n")
    assert len(processes.find_marked(state)) == 1


def test_another_stacks_processes_are_none_of_ours(state, tmp_path):
    other = State(tmp_path / "stack-two")
    other.prepare()
    started = processes.start(other, component())
    assert processes.find_marked(state) == []
    processes.stop([started])


def test_who_does_not_end_when_asked_is_killed(state):
    stubborn = processes.start(state, component(STUBBORN + SLEEP))
    wait_until(lambda: state.log("sleeper").read_text() == "ready\n")
    processes.stop([stubborn], patience=0.2)
    assert not stubborn.is_running()


def test_everything_of_the_stack_ends_and_nothing_else(state, tmp_path):
    other = State(tmp_path / "stack-two")
    other.prepare()
    stranger = processes.start(other, component())
    processes.start(state, component(WITH_CHILD))
    wait_until(lambda: len(processes.find_marked(state)) == 2)
    assert processes.stop_marked(state)
    assert processes.find_marked(state) == []
    assert stranger.is_running()
    assert not processes.stop_marked(state), "there was nothing left"
    processes.stop([stranger])


def test_stopping_what_has_ended_is_no_error(state):
    ended = processes.start(state, component("pass"))
    ended.wait(10)
    processes.stop([ended])


def test_the_terminals_airflow_python_and_libpq_settings_stay_outside(monkeypatch):
    for name in ("AIRFLOW_HOME", "AIRFLOW__CORE__EXECUTOR", "PYTHONPATH", "PGHOST", "MAKEFLAGS"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("AIRFLOW_CONN_LLM", "http://real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("NO_PROXY", "intranet")
    inherited = processes.inherited_environment()
    assert "elsewhere" not in inherited.values()
    assert inherited["AIRFLOW_CONN_LLM"] == "http://real"
    assert inherited["HTTPS_PROXY"] == "http://proxy"
    assert inherited["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert inherited["PATH"] == os.environ["PATH"]
