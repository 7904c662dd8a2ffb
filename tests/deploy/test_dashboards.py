"""The dashboards for Grafana, as far as one can judge them without Grafana: form, habits, expressions."""

import json
import re
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests.deploy.test_rules import exposed
from tests.support.prometheus import DASHBOARDS, DEPLOY, NODE, filled, panels, selected

BOARDS = {path.stem: json.loads(path.read_text()) for path in DASHBOARDS}
TITLES = {
    "trading-overview": "Trading overview",
    "signal-processing": "Signal processing",
    "exchange-health": "Exchange health",
    "database": "Database",
    "system-health": "System health",
}
ANGULAR = {"graph", "singlestat", "table-old"}  # gone since Grafana 12


def test_there_are_the_five_with_stable_ids():
    assert {name: board["title"] for name, board in BOARDS.items()} == TITLES
    assert {name: board["uid"] for name, board in BOARDS.items()} == {
        name: f"tradeops-{name}" for name in TITLES
    }


@pytest.mark.parametrize("name", list(TITLES))
def test_a_dashboard_keeps_the_habits(name):
    board = BOARDS[name]
    assert "id" not in board and board["editable"] is False and 36 <= board["schemaVersion"] <= 41
    assert board["description"] and board["timezone"] == "utc"
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert (
        variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    )
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    used = set()
    for panel in board["panels"]:
        assert panel["type"] not in ANGULAR
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"], panel[
            "title"
        ]
        for holder in (panel, *panel["targets"]):
            assert holder["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        for target in panel["targets"]:
            used |= set(re.findall(r"\$([a-z]+)", target["expr"]))
            assert target["legendFormat"], panel["title"]
            if panel["type"] == "timeseries":  # a fixed window would miss or repeat samples when zoomed
                windows = re.findall(r"\[([^\]]+)\]", target["expr"])
                assert set(windows) <= {"$__rate_interval"}, panel["title"]
    assert used == set(variables) - {"datasource"}


@pytest.mark.parametrize("name", list(TITLES))
def test_panels_lie_beside_each_other(name):
    taken = set()
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells


def test_panels_ask_for_metrics_that_are_exposed():
    for board, panel in panels():
        for target in panel["targets"]:
            expression = filled(target["expr"])
            promql_parser.parse(expression)
            unknown = {
                name for name in selected(expression) if not (exposed(name) or NODE.fullmatch(name))
            } - {"scrape_duration_seconds"}
            assert unknown == set(), (board, panel["title"])


def test_they_are_provisioned_by_files():
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus" and source["uid"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "tradeops.yaml").read_text())["providers"]
    assert provider["type"] == "file" and provider["options"]["path"].startswith("/")


TYPES = Path(__file__).parents[2] / ".stack" / "grafana"  # docs/metrics.md says how they come there
COMPILER = TYPES / "node_modules" / ".bin" / "tsc"


@pytest.mark.skipif(not COMPILER.exists(), reason=f"Grafana's types and tsc are not in {TYPES}")
def test_grafanas_own_types_take_them(tmp_path):
    (tmp_path / "node_modules").symlink_to(TYPES / "node_modules")

    def compile_(boards: dict[str, str]) -> int:
        for name, board in boards.items():
            # JSON knows no enums; everything else is taken as it is.
            body = board.strip().replace('"absolute"', "ThresholdsMode.Absolute")
            imports = "import { type Dashboard, ThresholdsMode } from '@grafana/schema';"
            (tmp_path / f"{name}.ts").write_text(
                f"{imports}\nexport const board = {body} satisfies Partial<Dashboard>;\n"
            )
        options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext"]
        files = [f"{name}.ts" for name in boards]
        command = [str(COMPILER), *options, "--moduleResolution", "bundler", *files]
        return subprocess.run(command, cwd=tmp_path, capture_output=True).returncode

    boards = {path.stem: path.read_text() for path in DASHBOARDS}
    assert compile_(boards) == 0
    assert compile_({"wrong": boards["database"].replace('"h": 4', '"h": "4"')}) != 0
