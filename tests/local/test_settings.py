"""Reading airflow_settings.yaml and putting the stack's own addresses into it."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from include.airflow import load_settings as module
from include.airflow.load_settings import DeclaredService, read_services
from include.airflow.load_settings import main as load_settings
from include.airflow.settings_file import Objects, SettingsFileError, read_settings_file
from include.settings import Settings
from local.state import CHECKOUT

FILE = CHECKOUT / "airflow_settings.yaml"
NEW = DeclaredService("127.0.0.1", 9001, "role", "word", None, before=("127.0.0.1", 8090))


def write(tmp_path, text):
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(text)
    return path


def test_the_projects_file_is_good():
    objects = read_settings_file(FILE)
    assert [entry.conn_id for entry in objects.connections] == [
        "tradeops_db",
        "slack_alerts",
        "report_slack",
        "pagerduty",
        "alert_webhook",
        "llm",
        "llm_second",
        "market_sandbox",
        "sandbox",
        *(
            "sec",
            "fred",
            "bls",
            "census",
            "bingx",
            "bingx_drill",
            "ibkr",
            "solana",
            "jupiter",
            "geckoterminal",
            "telegram",
        ),
    ]
    assert {pool.pool_name: pool.pool_slot for pool in objects.pools} == {
        "probes": 2,
        "market_data": 4,
        "llm": 8,
        "alerts": 2,
        "backups": 1,
        "exports": 2,
        "reports": 1,
    }
    assert all(pool.pool_description for pool in objects.pools)


def test_the_projects_settings_variable_holds_what_differs_from_the_defaults():
    (variable,) = read_settings_file(FILE).variables
    assert variable.variable_name == "tradeops_settings"
    chosen = json.loads(variable.variable_value)
    assert Settings(**chosen).candle_sources == ("sandbox",)
    defaults = Settings().model_dump(mode="json")
    assert all(defaults[name] != value for name, value in chosen.items())


def test_every_service_of_the_projects_file_is_one_of_compose():
    services = yaml.safe_load((CHECKOUT / "docker-compose.yaml").read_text())["services"]
    for entry in read_settings_file(FILE).connections:
        assert module._split_address(entry.conn_host, entry.conn_port)[0] in services


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (
            "airflow:\n  pools:\n    - pool_name: llm\n      pool_slot: many\n",
            4,
            'pool_slot is "many"; it must be a whole number (1 or more)',
        ),
        ("airflow:\n  pools:\n    - pool_name: llm\n", 3, "pool_slot is missing; it must be a whole number"),
        (
            "airflow:\n  pools:\n    - pool_name: llm\n      pool_slots: 3\n      pool_slot: 3\n",
            4,
            "pool_slots is unknown",
        ),
        (
            "airflow:\n  connections:\n    - conn_id: llm\n      conn_type: http\n      conn_port: 99999\n",
            5,
            "65535",
        ),
        (
            "airflow:\n  variables:\n    - variable_name: a\n      variable_value: {b: 1}\n",
            4,
            "it must be a text",
        ),
        (
            "airflow:\n  connections:\n    - {conn_id: a, conn_type: b}\n    - {conn_id: a, conn_type: c}\n",
            4,
            "twice",
        ),
        ("airflow:\n  pools: [\n", 3, "expected"),
        ("airflow: {\n", 2, "expected"),
        ("pools: []\n", 1, "airflow"),
        ("", 1, "it is null"),
        (
            "airflow:\n  pools:\n    - pool_name: llm\n      pool_slot: 3\n      pool_slot: 4\n",
            5,
            "pool_slot is there twice",
        ),
        (
            "airflow:\n  variables:\n    - variable_name: tradeops_settings\n      variable_value: '{,}'\n",
            4,
            "Variable tradeops_settings is no JSON",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_line_and_reason(tmp_path, text, line, reason, capsys):
    path = write(tmp_path, text)
    assert load_settings([str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{path}, line {line}: ") and reason in said
    assert said.count("\n") == 1


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsFileError, match=r"none\.yaml: No such file"):
        read_settings_file(tmp_path / "none.yaml")


def test_reading_the_file_needs_no_airflow():
    code = "import sys, include.airflow.load_settings; sys.exit('airflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=False).returncode == 0


def test_services_come_from_the_environment():
    services = read_services(
        {
            "TRADEOPS_SERVICE_POSTGRES": "postgresql://role:p%40ss@127.0.0.1:54329/tradeops",
            "TRADEOPS_SERVICE_SANDBOX": "http://127.0.0.1:9001",
            "TRADEOPS_SERVICE_SANDBOX_BEFORE": "127.0.0.1:8090",
            "TRADEOPS_STACK": "/elsewhere",
        }
    )
    assert services == {
        "postgres": DeclaredService("127.0.0.1", 54329, "role", "p@ss", "tradeops"),
        "sandbox": DeclaredService("127.0.0.1", 9001, before=("127.0.0.1", 8090)),
    }


def test_a_service_without_a_port_is_refused_and_its_password_not_shown():
    with pytest.raises(SettingsFileError, match="TRADEOPS_SERVICE_POSTGRES") as caught:
        read_services({"TRADEOPS_SERVICE_POSTGRES": "postgresql://role:secret@db/tradeops"})
    assert "secret" not in str(caught.value)


def connection(host, port=None, login=None, password=None):
    return SimpleNamespace(host=host, port=port, login=login, password=password)


@pytest.mark.parametrize(
    ("host", "port", "moved"),
    [
        ("http://127.0.0.1:8090/llm/v1", None, ("http://127.0.0.1:9001/llm/v1", None)),
        ("http://127.0.0.1/llm/v1", 8090, ("http://127.0.0.1:9001/llm/v1", None)),
        ("127.0.0.1", 8090, ("127.0.0.1", 9001)),
    ],
)
def test_a_connection_to_the_stacks_own_service_follows_it(host, port, moved):
    own = connection(host, port, "operator", "old")
    assert module._follows(own, NEW)
    assert (own.host, own.port) == moved
    assert (own.login, own.password) == ("role", "word")


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("https://api.openai.com/v1", None),
        ("127.0.0.1", 5432),
        ("http://127.0.0.1:8091/llm/v1", None),
        ("http://sandbox:8090/llm/v1", None),
        (None, None),
    ],
)
def test_a_connection_that_an_operator_pointed_elsewhere_stays(host, port):
    theirs = connection(host, port, "operator", "theirs")
    assert not module._follows(theirs, NEW)
    assert theirs == connection(host, port, "operator", "theirs")


def test_nothing_moves_when_it_is_not_known_where_the_service_was():
    own = connection("127.0.0.1", 8090)
    assert not module._follows(own, DeclaredService("127.0.0.1", 9001))


def test_the_superusers_login_and_airflows_database_are_connections_of_the_stack_alone():
    services = read_services(
        {"TRADEOPS_SERVICE_POSTGRES_ADMIN": "postgresql://postgres:w%40rd@127.0.0.1:9/postgres"}
    )
    objects = module.with_own_connections(read_settings_file(FILE), services)
    (admin,) = objects.connections[len(read_settings_file(FILE).connections) :]
    made = module._make_connection(SimpleNamespace, admin, services["postgres_admin"])
    assert (made.conn_id, made.conn_type, made.schema) == ("postgres_admin", "postgres", "postgres")
    assert (made.host, made.port, made.login, made.password) == ("127.0.0.1", 9, "postgres", "w@rd")
    given = Objects(connections=[admin])
    assert module.with_own_connections(given, services) == given, "what the file says stays"
