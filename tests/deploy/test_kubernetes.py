"""deploy/kubernetes: manifests by Kubernetes' own schemas, values by the chart's keys, both by what we are.

The chart is a file of Airflow's download site: `AIRFLOW_CHART=airflow-1.22.0.tgz` has it compared with.
"""

import os
import re
import tarfile
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.local.test_components import unknown_options

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
KUBERNETES = ("1.31", "1.35")  # the oldest that the chart takes is 1.30; ours must not depend on one
FREE_FORM = {"env", "config"}  # what stands below is not the chart's


@pytest.fixture(scope="module")
def values():
    return yaml.safe_load((FOLDER / "values.yaml").read_text())


@pytest.fixture(scope="module")
def manifests():
    paths = sorted(FOLDER.glob("*.yaml"))
    documents = [yaml.safe_load_all(path.read_text()) for path in paths if path.name != "values.yaml"]
    return [document for each in documents for document in each]


@pytest.fixture(scope="module")
def chart_values():
    if not (archive := os.environ.get("AIRFLOW_CHART")):
        pytest.skip("AIRFLOW_CHART names no archive of Airflow's Helm chart")
    with tarfile.open(archive) as chart:
        return yaml.safe_load(chart.extractfile("airflow/values.yaml"))


def unknown_keys(given, known, path=()):
    """Paths of `given` that `known` has not; an empty mapping or list there takes anything."""
    if (path and (path[0] in FREE_FORM or not known)) or not isinstance(given, dict):
        return []
    if not isinstance(known, dict):
        return [".".join(path)]
    return [
        found
        for key, value in given.items()
        for found in (
            unknown_keys(value, known[key], (*path, key)) if key in known else [".".join((*path, key))]
        )
    ]


def test_every_key_is_one_of_the_chart_s(values, chart_values):
    """The chart's own schema lets wrong names pass."""
    assert unknown_keys(values, chart_values) == []
    for extra in values["workers"]["celery"]["sets"]:
        assert (
            unknown_keys({**extra, "name": None}, {**chart_values["workers"]["celery"], "name": None}) == []
        )


def test_a_key_that_the_chart_has_not_is_found():
    chart = {"workers": {"celery": {"replicas": 1, "resources": {}}}, "executor": "x", "config": {}}
    right = {
        "workers": {"celery": {"replicas": 2, "resources": {"limits": {}}}},
        "config": {"core": {"a": 1}},
    }
    assert unknown_keys(right, chart) == []
    wrong = {"workers": {"celery": {"replicaz": 2}}, "webserver": {}, "executor": {"name": "x"}}
    assert unknown_keys(wrong, chart) == ["workers.celery.replicaz", "webserver", "executor"]


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_manifests_are_what_kubernetes_takes(manifests, version):
    assert len(manifests) >= 5
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_check_of_manifests_can_fail(manifests):
    manifest = next(each for each in manifests if each["kind"] == "Job")
    container = {**manifest["spec"]["template"]["spec"]["containers"][0], "imagge": "x"}
    template = {"spec": {**manifest["spec"]["template"]["spec"], "containers": [container]}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {**manifest, "spec": {**manifest["spec"], "template": template}}, KUBERNETES[0], strict=True
        )


def test_airflow_is_the_version_of_the_lock_and_its_options_exist(values, options):
    lock = (ROOT / "requirements.txt").read_text()
    assert re.search(r"^apache-airflow==(\S+)", lock, re.MULTILINE)[1] == values["airflowVersion"]
    given = {
        f"AIRFLOW__{section}__{option}": "" for section, each in values["config"].items() for option in each
    }
    # What Celery hands to its broker is free; the section is the provider's.
    given = {name: "" for name in given if "celery_broker_transport_options" not in name}
    assert given and unknown_options(given, options) == []


def test_the_image_is_one_and_migrates_itself(values, manifests):
    image = "{repository}:{tag}".format(**values["images"]["airflow"])
    jobs = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Job"]
    (commands, images) = zip(
        *((c["command"], c["image"]) for job in jobs for c in job["containers"]), strict=True
    )
    assert set(images) == {image}
    for _, _, module, *_ in commands:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    docker = (ROOT / "Dockerfile").read_text()
    for name in ("dags", "plugins"):
        assert values["config"]["core"][f"{name}_folder"] == f"/opt/tradeops/{name}"
        assert f"AIRFLOW__CORE__{name.upper()}_FOLDER=/opt/tradeops/{name}" in docker


def test_no_secret_stands_in_the_files_and_none_is_made_anew_at_an_upgrade(values):
    for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
        assert values[name]
    assert values["data"].keys() == {"metadataSecretName", "resultBackendSecretName", "brokerUrlSecretName"}
    for path in FOLDER.glob("*.yaml"):
        for line in re.sub(r"#.*", "", path.read_text()).splitlines():
            word = re.search(
                r"(?i)\b(password|secret|token|connection|fernetKey|jwtSecret)\s*:\s*(\S+)", line
            )
            assert not word or word[2] == "{secretName:", line


def test_workers_have_neither_connections_nor_the_signing_secret(values):
    """Tasks ask the api-server: what is in every container's environment is no secret."""
    assert all(set(entry) == {"name", "value"} for entry in values["env"])
    everywhere = {entry["name"] for entry in values["env"]}
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    assert everywhere == {name for name in compose["x-airflow-environment"] if name.startswith("TRADEOPS_")}
    assert all(entry["name"].startswith("AIRFLOW_CONN_") for entry in values["apiServer"]["env"])


def test_nobody_is_root_and_everything_is_bounded(values, manifests):
    assert values["securityContexts"]["pod"]["runAsNonRoot"] is True
    pods = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Job"]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    celery = values["workers"]["celery"]
    for part in (*(values[name] for name in ("apiServer", "scheduler", "dagProcessor", "triggerer", "redis")),
                 celery, *celery["sets"]):  # fmt: skip
        assert part["resources"]["limits"].keys() >= {"cpu", "memory"}


def test_the_api_server_may_be_called_and_the_cloud_s_keys_may_not(values, manifests):
    assert values["networkPolicies"]["enabled"]
    assert {"podSelector": {"matchLabels": {"release": "tradeops"}}} in values["apiServer"]["networkPolicy"][
        "ingress"
    ]["from"]
    policies = [manifest["spec"] for manifest in manifests if manifest["kind"] == "NetworkPolicy"]
    blocks = [
        target["ipBlock"]
        for policy in policies
        for rule in policy.get("egress", [])
        for target in rule.get("to", [])
        if "ipBlock" in target
    ]
    assert blocks and all("169.254.0.0/16" in block["except"] for block in blocks)
    assert all("Egress" in policy["policyTypes"] for policy in policies)
