"""How the stack's processes are described, and the Makefile in front of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.components import describe_components
from local.postgres import Server
from local.state import CHECKOUT, State

PORTS = {"postgres": 5001, "sandbox": 5002, "airflow": 5003}


def airflow_options(home):
    """Section to options, as the installed Airflow and its providers know them."""
    code = (
        "import json; from airflow.configuration import conf;"
        "from airflow.providers_manager import ProvidersManager;"
        "ProvidersManager().initialize_providers_configuration();"
        "print(json.dumps({section: list(said['options']) "
        "for section, said in conf.configuration_description.items()}))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AIRFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(asked.stdout.splitlines()[-1])


def unknown_options(environment, options):
    names = [name.lower().split("__")[1:] for name in environment if name.startswith("AIRFLOW__")]
    return [name for name in names if name[1] not in options.get(name[0], ())]


@pytest.fixture
def parts(tmp_path):
    state = State(tmp_path / "stack")
    state.prepare()
    server = Server(
        state.postgres, PORTS["postgres"], 1, {"airflow": "secret", "tradeops": "other", "postgres": "third"}
    )
    return {part.name: part for part in describe_components(state, server, PORTS)}


def test_the_parts_of_the_stack(parts):
    assert list(parts) == ["sandbox", "api-server", "dag-processor", "triggerer", "scheduler"]


def test_whatever_serves_or_forks_for_its_work_imports_first(parts):
    modules = {name: part.command[2] for name, part in parts.items()}
    assert modules == {
        "sandbox": "sandbox",
        "api-server": "local.preloaded",
        "dag-processor": "local.preloaded",
        "triggerer": "airflow",
        "scheduler": "local.preloaded",
    }
    assert parts["scheduler"].command[3:] == ["scheduler", "--skip-serve-logs"]


def test_every_option_that_is_set_exists(parts, tmp_path):
    options = airflow_options(tmp_path / "airflow")
    assert unknown_options({"AIRFLOW__CORE__NO_SUCH_OPTION": "1"}, options) == [["core", "no_such_option"]]
    assert unknown_options(parts["scheduler"].environment, options) == []


def test_the_login_is_asked_for(parts):
    environment = parts["api-server"].environment
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:admin"
    assert "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in environment


def test_it_binds_loopback_only(parts):
    assert parts["api-server"].environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert parts["api-server"].environment["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:5003"
    assert all("0.0.0.0" not in " ".join(part.command) for part in parts.values())  # noqa: S104


def test_no_secret_is_an_argument(parts, tmp_path):
    secrets = {*State(tmp_path / "stack").secrets().values(), "secret", "other"}
    for part in parts.values():
        assert not [word for word in part.command for secret in secrets if secret in word]


def test_no_process_carries_the_superusers_login(parts):
    for part in parts.values():
        assert not [name for name, value in part.environment.items() if "third" in value]


def test_only_the_api_server_knows_what_programs_present_to_it(parts, tmp_path):
    secrets = State(tmp_path / "stack").secrets()
    for name, part in parts.items():
        given = {key: value for key, value in part.environment.items() if key.startswith("AIRFLOW_CONN_")}
        if name == "api-server":
            assert json.loads(given.pop("AIRFLOW_CONN_API_SCRAPE"))["password"] == secrets["scrape_secret"]
            assert json.loads(given.pop("AIRFLOW_CONN_API_CRON"))["password"] == secrets["cron_secret"]
        assert given == {}
        if name != "api-server":
            assert not [key for key, value in part.environment.items() if secrets["scrape_secret"] in value]


def test_what_programs_present_may_be_given_by_the_terminal(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_CONN_API_SCRAPE", "generic://:mine@")
    state = State(tmp_path)
    state.prepare()
    server = Server(tmp_path, 1, 1, {"airflow": "a", "tradeops": "b", "postgres": "c"})
    assert (
        describe_components(state, server, PORTS)[1].environment["AIRFLOW_CONN_API_SCRAPE"]
        == "generic://:mine@"
    )


def test_settings_and_connections_of_the_terminal_reach_the_tasks(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADEOPS_BATCH_SIZE", "7")
    monkeypatch.setenv("AIRFLOW_CONN_LLM", "http://real")
    monkeypatch.setenv("TRADEOPS_STACK", str(tmp_path))
    state = State(tmp_path)
    state.prepare()
    server = Server(tmp_path, 1, 1, {"airflow": "a", "tradeops": "b", "postgres": "c"})
    scheduler = describe_components(state, server, PORTS)[-1]
    assert scheduler.environment["TRADEOPS_BATCH_SIZE"] == "7"
    assert scheduler.environment["AIRFLOW_CONN_LLM"] == "http://real"
    assert "TRADEOPS_STACK" not in scheduler.environment


# -- the Makefile --------------------------------------------------------------------------------------------


def make(*arguments, python=None, **environment):
    """Run make without the installation; `python` stands in for the virtual environment's."""
    installed = ["-o", ".venv/.installed", "-o", ".venv/.installed-dev"]
    return subprocess.run(
        ["make", "-s", *installed, *arguments, *([f"PY={python}"] if python else [])],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def echo(tmp_path):
    """A program that prints its arguments as JSON."""
    path = tmp_path / "echo"
    path.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('-c "select 1"', ["-c", "select 1"]),
        ("-v ON_ERROR_STOP=1 -q -f /path", ["-v", "ON_ERROR_STOP=1", "-q", "-f", "/path"]),
        (
            "-c \"select status, count(*), round(sum(net),2) from t where a = 'b' group by 1\"",
            [
                "-c",
                "select status, count(*), round(sum(net),2) from t where a = 'b' group by 1",
            ],
        ),
        ("-Atc 'select $$a$$, 1 # 2'", ["-Atc", "select $$a$$, 1 # 2"]),
        ('-c "select 1;\nselect 2"', ["-c", "select 1;\nselect 2"]),
        ("", []),
    ],
)
def test_psql_gets_its_arguments_as_they_were_typed(echo, typed, words):
    done = make("psql", f"ARGS={typed}", python=echo)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["-m", "local", "psql", *words]


@pytest.mark.parametrize("path", ["candles", "/a folder/with spaces", "it's $HOME"])
def test_demo_gets_the_path_as_it_was_typed(echo, path):
    done = make("demo", f"CANDLES={path}", python=echo)
    assert json.loads(done.stdout) == ["-m", "local", "demo", "--candles", path]


def test_demo_without_a_path(echo):
    assert json.loads(make("demo", python=echo).stdout) == ["-m", "local", "demo"]


def test_bare_make_prints_one_line_a_command():
    done = make()
    commands = ["demo", "test", "up", "down", "status", "bench", "psql", "help"]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert all(line[0] == "make" and len(line) > 2 for line in lines)
    assert set(commands) <= {line[1] for line in lines}
    assert make("help").stdout == done.stdout


def bare_checkout(folder):
    for name in ("Makefile", "requirements-bootstrap.txt", "requirements.txt"):
        (folder / name).write_bytes((CHECKOUT / name).read_bytes())


@pytest.mark.parametrize("command", ["status", "down"])
def test_looking_and_stopping_install_nothing(tmp_path, command):
    bare_checkout(tmp_path)
    done = subprocess.run(
        ["make", "-s", command], cwd=tmp_path, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "Nothing is set up here. Start with: make up\n")
    assert not (tmp_path / ".venv").exists()


def test_where_the_home_cannot_be_written_the_cache_is_in_the_checkout(tmp_path):
    bare_checkout(tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, script in (("uv", 'echo "cache: $UV_CACHE_DIR"'), ("python", "true")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "home").mkdir()
    for home, cache in (("/dev/null/home", tmp_path / ".stack" / "cache" / "uv"), (tmp_path / "home", "")):
        (tmp_path / ".venv" / ".installed").unlink(missing_ok=True)
        done = subprocess.run(
            ["make", "-s", "setup"], cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(home)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == f"cache: {cache}\n"


def test_a_missing_python_is_said_in_one_line(tmp_path):
    bare_checkout(tmp_path)
    done = subprocess.run(
        ["make", "-s", "up", "PYTHON=no-such-python"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1 and "Python 3.11" in said[0] and "no-such-python" in said[0]
    assert not Path(tmp_path / ".venv").exists()


@pytest.mark.parametrize("command", ["env", "psql", "status", "down"])
def test_without_a_stack_each_command_says_so(tmp_path, command):
    done = subprocess.run(
        [sys.executable, "-m", "local", command],
        cwd=CHECKOUT,
        env={**os.environ, "TRADEOPS_STACK": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    if command in ("env", "psql"):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "The local stack does not run. Start it with: make up\n"
    else:
        assert done.returncode == 0
        assert "stopped" in done.stdout or "not running" in done.stdout
    assert not (tmp_path / "none").exists(), "only looking makes no folder"
