"""What a stack keeps in its folder."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import stack
from local.state import CHECKOUT, StackError, State, find_state, read_json, write_json


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "stack")
    state.prepare()
    return state


def test_secrets_are_made_once_and_read_by_the_owner_only(state):
    first = state.secrets()
    assert state.secrets() == first
    assert len(set(first.values())) == len(first) == 6
    assert stat.S_IMODE((state.folder / "secrets.json").stat().st_mode) == 0o600


def test_a_file_of_an_older_version_keeps_its_secrets_and_gets_the_new_ones(state):
    write_json(state.folder / "secrets.json", {"fernet_key": "kept", "admin_password": "kept too"})
    made = state.secrets()
    assert (made["fernet_key"], made["admin_password"]) == ("kept", "kept too")
    assert len(made["scrape_secret"]) > 30
    assert state.secrets() == made


def test_two_stacks_have_different_secrets(tmp_path):
    one, other = State(tmp_path / "one"), State(tmp_path / "other")
    for state in (one, other):
        state.prepare()
    assert not set(one.secrets().values()) & set(other.secrets().values())


def test_airflow_finds_the_admins_password_and_nobody_else_does(state):
    assert json.loads(state.passwords_file.read_text()) == {"admin": state.secrets()["admin_password"]}
    assert stat.S_IMODE(state.passwords_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.airflow_home.stat().st_mode) == 0o700


def test_ports_are_remembered(state):
    assert state.ports() == {}
    state.keep_ports({"airflow": 8080})
    assert State(state.folder).ports() == {"airflow": 8080}


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "ports.json"
    path.write_text(text)
    with pytest.raises(StackError, match=r"ports\.json is damaged"):
        read_json(path)


def test_what_a_killed_writer_left_does_not_matter(tmp_path):
    path = tmp_path / "ports.json"
    path.with_suffix(".new").write_text("{half")
    write_json(path, {"airflow": 1})
    assert read_json(path) == {"airflow": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["ports.json"]


def test_the_folder_is_the_checkouts_unless_the_environment_names_another(monkeypatch, tmp_path):
    monkeypatch.delenv("TRADEOPS_STACK", raising=False)
    assert find_state().folder == CHECKOUT / ".stack"
    monkeypatch.setenv("TRADEOPS_STACK", str(tmp_path / "other"))
    assert find_state().folder == tmp_path / "other"


def test_a_second_command_waits_for_the_first_and_says_so(state, capsys):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from local.state import State\n"
            "with State(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(0.8)",
            str(state.folder),
        ],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with state.locked():
            assert holder.wait(5) == 0, "we got the lock while the other still held it"
    assert "waiting for it" in capsys.readouterr().out


def test_waiting_for_the_lock_has_an_end(state, monkeypatch):
    monkeypatch.setattr("local.state.LOCK_TIMEOUT", 0.2)
    with state.locked(), pytest.raises(StackError, match="fuser"), State(Path(state.folder)).locked():
        pass


def test_logs_are_bounded(state, monkeypatch):
    monkeypatch.setattr(stack, "LARGEST_LOG", 10)
    old, new = state.airflow_home / "logs" / "old", state.airflow_home / "logs" / "new"
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "attempt=1.log").write_text("said")
    (old / "latest").symlink_to("nowhere")
    long_ago = time.time() - 8 * 86400
    for path in (*old.iterdir(), old):
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    state.log("scheduler").write_text("x" * 11)
    state.log("triggerer").write_text("x" * 10)
    stack._bound_logs(state)
    assert [path.name for path in old.iterdir()] == []
    assert (new / "attempt=1.log").exists()
    assert state.log("scheduler").read_text() == ""
    assert state.log("triggerer").read_text() == "x" * 10
    os.utime(old, (long_ago, long_ago))
    stack._bound_logs(state)
    assert not old.exists() and new.exists()
