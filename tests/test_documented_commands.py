"""Every command, statement and example of README, docs and DAGs works as it stands."""

import json
import os
import re
import subprocess

import httpx
import psycopg
import pytest
import yaml

from include.settings import Settings
from include.settings.reader import read_settings
from tests.support.documented import ROOT, Example, blocks, commands, statements

COMMANDS = list({command.text: command for command in commands()}.values())  # each once
# Programs that these machines lack, or that would ask a registry: their grammar is checked.
NOT_HERE = ("docker ", "kubectl ", "helm ", "duckdb ", "age ", "npm ")
# What takes long or needs a stack: make is asked whether it knows how (and tests/e2e runs it).
SLOW = re.compile(r"(?:[A-Z_]+=(?:'[^']*'|\S+) )*make |umask 077; mkdir")
BENCHMARK = re.compile(r"\.venv/bin/python -m benchmarks(?: (\w+))?$")


def run(command, **environment):
    """As a person in the checkout types it: no virtual environment is active."""
    clean = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "TMPDIR")}
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=ROOT,
        env={**clean, "PATH": "/usr/local/bin:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_there_is_something_to_run():
    assert len(COMMANDS) > 40
    assert len(statements()) > 20


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_works_as_it_stands(command, database_url, sandbox, tmp_path):
    typed = command.text
    assert "…" not in typed or typed.startswith(NOT_HERE), "write an example that can be typed"
    if SLOW.match(typed) or typed.startswith(NOT_HERE):
        done = run(f"bash -n <<'TYPED'\n{typed}\nTYPED")
        assert done.returncode == 0, done.stderr
        if "make " in typed and not typed.startswith(NOT_HERE):
            done = run(re.sub(r"\bmake ", "make -n ", typed, count=1))
            assert done.returncode == 0, done.stderr
        return
    if benchmark := BENCHMARK.match(typed):
        assert benchmark[1] is None or (ROOT / "benchmarks" / f"{benchmark[1]}.py").is_file()
        return
    if typed.startswith("export $(make -s env") or "$AIRFLOW_URL/" in typed:
        return  # tests/e2e has a stack, and asks it
    if typed.startswith("curl "):
        answer = httpx.get(sandbox.url + typed.rpartition(")")[2].rstrip('"'), trust_env=False)
        assert answer.status_code == 200
        return
    if "include.airflow.load_settings" in typed:
        typed += "-not"  # it would need Airflow's database; the file's absence is said by the right program
    if command.page == "scaling.md":  # in the image, whose Python is the only one
        typed = typed.replace("python ", ".venv/bin/python ", 1)
    done = run(typed, TRADEOPS_DATABASE_URL=database_url)
    if typed.endswith("-not"):
        assert done.returncode == 2 and "No such file" in done.stderr
    elif ".stack/archive" in typed:  # there may be no archive here: in words, by the right program
        assert done.returncode == 0 or re.search(
            r"nothing|no archive|not archived|\.stack/archive", done.stderr
        )
        assert "ModuleNotFoundError" not in done.stderr and "absolute path" not in done.stderr
    else:
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("statement", dict.fromkeys(statements()), ids=str)
def test_a_statement_runs_on_the_schema(statement, database_url):
    assert not re.search(r"<\w+>|'…'", statement.text), "write an example that can be typed"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute(statement.text.replace("BEGIN ISOLATION", "SET TRANSACTION ISOLATION"))
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("example", blocks("json"), ids=str)
def test_an_example_in_json_is_json_and_its_settings_are_settings(example):
    found = json.loads(example.text)
    if found.keys() & Settings.model_fields.keys():
        read_settings(example.text)


@pytest.mark.parametrize("example", blocks("yaml"), ids=str)
def test_an_example_in_yaml_can_be_read(example):
    assert yaml.safe_load(example.text)


@pytest.mark.parametrize("example", blocks("python"), ids=str)
def test_an_example_in_python_compiles(example):
    compile(example.text, example.page, "exec")


def test_what_cannot_be_typed_is_found():
    """The check of the check: a program that only an active environment has."""
    assert run("airflow version").returncode != 0
    assert str(Example("a.md", "make  up\n")) == "a.md: make up"
