"""Settings, the connection in force and the documented commands, on a real stack."""

import json
import os
import subprocess

import pytest

from local.state import CHECKOUT
from tests.support.documented import commands
from tests.support.running_stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
VARIABLE = "tradeops_settings"


def shell(stack, command):
    """As a person in the checkout types it: no virtual environment is active."""
    path = os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not folder.startswith(str(CHECKOUT))
    )
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=CHECKOUT,
        env={**stack.environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def variable(stack):
    """Write the Variable as text; it is as before afterwards."""
    before = stack.api("GET", f"/variables/{VARIABLE}")["value"]

    def write(text):
        stack.api("PATCH", f"/variables/{VARIABLE}", {"key": VARIABLE, "value": text})

    yield write
    write(before)


@pytest.fixture
def elsewhere(stack):
    """The connection of the platform's database has another address, where tasks find it all the same."""
    connection = stack.api("GET", "/connections/tradeops_db")
    kept = {
        name: connection[name] for name in ("connection_id", "conn_type", "host", "port", "schema", "login")
    }
    mask = "?update_mask=host"
    stack.api("PATCH", f"/connections/tradeops_db{mask}", {**kept, "host": "127.1"})
    yield
    stack.api("PATCH", f"/connections/tradeops_db{mask}", kept)


def test_a_variable_that_cannot_be_read_fails_the_task_in_words_and_make_up_says_it(stack, variable):
    variable('{"candle_sources": ["sandbox"], "backup_recipient": "age1",}')
    stack.pause("maintain_database", False)
    run = stack.trigger("maintain_database")
    done = stack.local("up")
    assert done.returncode == 1
    assert "Variable tradeops_settings is no JSON: line 1, column 60" in done.stderr
    assert "all is healthy" not in done.stdout

    def ended():
        failed = (one for one in run.instances() if one["state"] == "failed")
        return next((one for one in failed if one["task_id"] == "report"), None)

    task = wait_for(ended, "the task to fail", 300)
    assert task["try_number"] == 1, "trying again would change nothing"
    (said,) = stack.execute(
        "SELECT error_message FROM atge_error_logs "
        "WHERE error_message LIKE '%%tradeops_settings is no JSON%%' ORDER BY timestamp DESC LIMIT 1"
    )
    assert "ValidationError" not in said[0]


def test_a_name_that_a_form_lacks_is_refused(stack):
    stack.run("export_trades", "failed", user=["00000000-0000-0000-0000-000000000001"])
    (said,) = stack.execute(
        "SELECT error_message FROM atge_error_logs "
        "WHERE error_message LIKE '%%form of export_trades lacks%%' ORDER BY timestamp DESC LIMIT 1"
    )
    assert "user; did you mean users?" in said[0]


def test_commands_follow_the_connection_in_force_and_a_demo_refuses_it(stack, elsewhere):
    env = stack.local("env")
    assert "@127.1:" in env.stdout.split("DATABASE_URL=")[1].splitlines()[0]
    assert "not the stack's own" in env.stderr
    psql = stack.local("psql", "-Atc", "SELECT current_database()")
    assert psql.stdout == "tradeops\n"
    assert "database tradeops at 127.1:" in psql.stderr
    assert "The platform's database is elsewhere: database tradeops" in stack.local("status").stdout
    before = stack.api("GET", f"/variables/{VARIABLE}")["value"]
    demo = stack.local("demo")
    assert demo.returncode == 2
    assert "a demo has no business there" in demo.stderr
    assert stack.api("GET", f"/variables/{VARIABLE}")["value"] == before


def test_a_demo_leaves_sources_alone_that_a_person_has_chosen(stack, variable):
    variable('{"candle_sources": ["kraken"]}')
    demo = stack.local("demo")
    assert demo.returncode == 2
    assert "which no demo has set" in demo.stderr
    assert json.loads(stack.api("GET", f"/variables/{VARIABLE}")["value"]) == {"candle_sources": ["kraken"]}


@pytest.mark.parametrize("name", ["llm", "sec", "alert_webhook", "sandbox", "tradeops_db"])
def test_the_test_of_a_connection_in_airflows_form_succeeds(stack, name):
    connection = stack.api("GET", f"/connections/{name}")
    connection.pop("team_name", None)
    for field in ("password", "extra"):  # hidden ones: the stored ones are used
        connection.pop(field, None)
    tested = stack.api("POST", "/connections/test", connection)
    assert tested["status"], tested["message"]


BEGINNINGS = ("make -s ", "make env", "make status", "make help", "make airflow ARGS", "curl ", "export $(")
RUNNABLE = list(dict.fromkeys(one.text for one in commands() if one.text.startswith(BEGINNINGS)))


@pytest.mark.parametrize("command", RUNNABLE, ids=lambda text: text[:50])
def test_a_documented_command_runs_as_it_stands(stack, command):
    # A line of a block finds what the line before it sets; curl calls a refusal a success.
    before = 'eval "$(make -s env)"; ' if "$AIRFLOW_URL/" in command else ""
    done = shell(stack, before + command.replace("curl ", "curl --fail-with-body "))
    assert done.returncode == 0, done.stdout + done.stderr
