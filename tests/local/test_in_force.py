"""Which database the platform uses, and which settings are in force, as Airflow has them stored."""

import json

import psutil
import pytest
from cryptography.fernet import Fernet
from psycopg.conninfo import conninfo_to_dict

from include.settings.reader import SettingsError
from local import in_force
from local.in_force import (
    Database,
    find_database_trouble,
    platform_database,
    read_connection,
    settings_text,
)
from local.postgres import Server
from local.state import StackError, State

SETTINGS_VARIABLE = "tradeops_settings"


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "stack")
    state.prepare()
    return state


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path, 5001, 1, {"airflow": "secret", "tradeops": "other", "postgres": "third"})


@pytest.fixture
def stored(monkeypatch, state):
    """What Airflow's database holds: `connection` and `variable`, as rows."""
    rows = {"connection": None, "variable": None}

    def found(server, statement, name):
        return rows["variable" if "variable" in statement else "connection"]

    monkeypatch.setattr(in_force, "_row", found)
    monkeypatch.delenv("AIRFLOW_CONN_TRADEOPS_DB", raising=False)
    monkeypatch.delenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", raising=False)
    return rows


def seal(state, text):
    return Fernet(state.secrets()["fernet_key"].encode()).encrypt(text.encode()).decode()


def row(state, host="127.0.0.1", port=5001, schema="tradeops", extra=None):
    sealed = seal(state, extra) if extra else None
    return host, port, schema, "trade@ops", seal(state, "p@ss/w"), True, sealed, bool(extra)


def test_the_stacks_own_database_is_known(state, server, stored):
    stored["connection"] = row(state)
    found = platform_database(state, server)
    assert found.own
    assert found.url == "postgresql://trade%40ops:p%40ss%2Fw@127.0.0.1:5001/tradeops"
    assert "the stack's own" in found.words and "p@ss" not in repr(found) + found.words


@pytest.mark.parametrize(
    "elsewhere", [{"host": "db.example"}, {"port": 5432}, {"schema": "signals"}, {"port": None}]
)
def test_any_other_database_is_not(state, server, stored, elsewhere):
    stored["connection"] = row(state, **elsewhere)
    found = platform_database(state, server)
    assert not found.own
    assert f"database {found.name} at {found.host}:{found.port}" in found.words


@pytest.mark.parametrize(
    ("host", "read"),
    [("::1", "::1"), ("[2001:db8::7]", "2001:db8::7"), ("/run/postgresql", "/run/postgresql")],
)
def test_psql_and_scripts_find_addresses_and_sockets(state, server, stored, host, read):
    stored["connection"] = row(state, host=host, schema="tra deops")
    found = platform_database(state, server)
    assert found.environment()["PGHOST"] == read
    asked = conninfo_to_dict(found.url)
    assert (asked["host"], asked["port"], asked["dbname"]) == (read, "5001", "tra deops")


def test_psql_gets_the_connection_with_its_options_and_no_password_as_an_argument(state, server, stored):
    stored["connection"] = row(state, host="db.example", extra=json.dumps({"sslmode": "verify-full"}))
    assert platform_database(state, server).environment() == {
        "PGHOST": "db.example",
        "PGPORT": "5001",
        "PGDATABASE": "tradeops",
        "PGUSER": "trade@ops",
        "PGPASSWORD": "p@ss/w",
        "PGSSLMODE": "verify-full",
    }


@pytest.mark.parametrize("extra", ['{"sslmode": "verify-full",}', "[1]"])
def test_an_extra_that_cannot_be_read_loses_no_option(state, server, stored, extra):
    stored["connection"] = row(state, extra=extra)
    with pytest.raises(StackError, match="the extra of connection tradeops_db"):
        platform_database(state, server)


def test_a_connection_that_is_gone_or_sealed_with_another_key_is_said(state, server, stored):
    with pytest.raises(StackError, match="no connection tradeops_db"):
        platform_database(state, server)
    other = Fernet(Fernet.generate_key()).encrypt(b"word").decode()
    stored["connection"] = ("h", 1, "d", "l", other, True, None, False)
    with pytest.raises(StackError, match="put the right file back"):
        platform_database(state, server)


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://ann:w%40rd@db.example:6543/signals?sslmode=require",
        '{"conn_type": "postgres", "host": "db.example", "port": 6543, "schema": "signals", "login": "ann", '
        '"password": "w@rd", "extra": {"sslmode": "require"}}',
    ],
)
def test_the_environment_of_the_scheduler_comes_first(state, server, stored, monkeypatch, given):
    stored["connection"] = row(state)
    environment = {"AIRFLOW_CONN_TRADEOPS_DB": given, "AIRFLOW_VAR_TRADEOPS_SETTINGS": '{"lease": 60}'}
    process = psutil.Process()
    monkeypatch.setattr(psutil.Process, "environ", lambda self: environment)
    monkeypatch.setattr("local.processes.find", lambda state, name: process)
    found = platform_database(state, server)
    assert found.url == "postgresql://ann:w%40rd@db.example:6543/signals?sslmode=require"
    assert settings_text(state, server, SETTINGS_VARIABLE) == (
        '{"lease": 60}',
        "AIRFLOW_VAR_TRADEOPS_SETTINGS in the environment",
    )


def test_the_stored_settings_are_opened(state, server, stored):
    assert settings_text(state, server, SETTINGS_VARIABLE) == (None, "Variable tradeops_settings")
    stored["variable"] = (seal(state, '{"llm_answer_length": 5}'), True)
    assert settings_text(state, server, SETTINGS_VARIABLE)[0] == '{"llm_answer_length": 5}'


@pytest.mark.parametrize("text", ['{"host": "db",}', "http://db:port/", "plain"])
def test_a_connection_of_the_environment_that_airflow_would_pass_over_is_refused(text):
    with pytest.raises(SettingsError, match="AIRFLOW_CONN_LLM"):
        read_connection(text, "AIRFLOW_CONN_LLM")


def at(url, **changed):
    told = conninfo_to_dict(url)
    known = {
        "host": told["host"],
        "port": int(told["port"]),
        "name": told["dbname"],
        "login": told["user"],
        "password": told.get("password", ""),
        "options": {},
        "own": True,
    }
    return Database(**known | changed)


def test_a_database_that_lets_tasks_in_is_no_trouble(database_url):
    assert find_database_trouble(at(database_url)) is None


@pytest.mark.parametrize(
    "wrong", [{"password": "mistyped-7"}, {"port": 1}, {"name": "nowhere"}, {"login": "nobody"}]
)
def test_one_that_lets_nobody_in_is_said_without_the_password(database_url, wrong):
    said = find_database_trouble(at(database_url, **wrong))
    assert "tradeops_db" in said and "mistyped-7" not in said


def test_one_without_tables_is_said(database_url):
    bare = at(database_url, options={"options": "-c search_path=pg_temp"})  # sees no table of ours
    assert "no tables" in find_database_trouble(bare)
