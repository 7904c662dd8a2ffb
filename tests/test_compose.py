"""docker-compose.yaml: valid, pinned, without default secrets, and with options that Airflow has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.local.test_stack_components import airflow_options, unknown_options

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
    foreign = images - {"tradeops:local"}
    assert foreign
    for image in foreign:
        assert re.search(r":\d+\.\d+", image), f"{image} is not pinned"
    base = re.search(r"^FROM (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE).group(1)
    assert re.search(r":\d+\.\d+\.\d+-", base), f"{base} is not pinned"


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
