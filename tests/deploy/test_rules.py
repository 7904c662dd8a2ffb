"""The rules for Prometheus and the example for Alertmanager, judged by their own tools."""

import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import promql_parser
import pytest
import yaml

from include.telemetry.exporters.families import METRICS
from tests.support.prometheus import (
    AMTOOL,
    DEPLOY,
    NODE,
    PROMTOOL,
    RULES,
    alerts,
    selected,
    value_of,
)

CASES = sorted((DEPLOY / "prometheus" / "tests").glob("*.yaml"))
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
NAMES = {metric.name for metric in METRICS}
BOT_PLATFORM = {
    "HighOrderFailureRate",
    "OrderProcessingStalled",
    "SignalProcessingErrors",
    "NoSignalsReceived",
    "ExchangeAPIDown",
    "LowExchangeBalance",
    "HighCPULoad",
    "HighMemoryUsage",
    "DatabaseConnectionErrors",
}


def tool(*arguments: str, folder: Path = DEPLOY) -> subprocess.CompletedProcess[str]:
    """Run a tool that is written in Go; it need not tidy up its memory that often."""
    environment = {**os.environ, "GOGC": "400"}
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, env=environment)


def exposed(name: str) -> bool:
    stem = name
    for suffix in ("_bucket", "_sum", "_count"):
        stem = stem.removesuffix(suffix)
    return name in NAMES or (stem in NAMES and stem != name)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)")
def test_prometheus_takes_the_configuration_and_the_rules():
    for arguments in (
        ("check", "config", "--syntax-only", "prometheus/prometheus.yml"),
        ("check", "rules", "prometheus/rules.yaml"),
    ):
        done = tool("promtool", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_cases_of_the_rules_hold(path, tmp_path):
    done = tool("promtool", "test", "rules", path.name, folder=path.parent)
    assert done.returncode == 0, (done.stdout + done.stderr)[:5000]
    if path.stem == "days":  # the tool notices a rule that is another one
        (tmp_path / "tests").mkdir()
        shutil.copy(path, tmp_path / "tests")
        (tmp_path / "rules.yaml").write_text(RULES.read_text().replace("> 40 * 86400", "> 43 * 86400"))
        assert tool("promtool", "test", "rules", path.name, folder=tmp_path / "tests").returncode == 1


def test_each_alert_is_shown_to_fire_not_to_fire_and_to_resolve():
    seen = defaultdict(list)  # alert -> for each case what was expected at each time
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            story = defaultdict(list)
            for check in case["alert_rule_test"]:
                story[check["alertname"]].append(
                    {alert["exp_labels"]["severity"] for alert in check["exp_alerts"]}
                )
            for name, expected in story.items():
                seen[name].append(expected)
    for alert in alerts():
        if alert["alert"] == "Watchdog":  # it never ends
            assert all(seen["Watchdog"][0])
            continue
        severity = alert["labels"]["severity"]
        stories = [[severity in at for at in story] for story in seen[alert["alert"]]]
        text = ["".join("x" if fires else "." for fires in story) for story in stories]
        assert any(".x" in story and "x." in story for story in text), (alert["alert"], severity, text)


def test_the_nine_alerts_of_the_bot_platform_are_there():
    assert {alert["alert"] for alert in alerts()} >= BOT_PLATFORM


def test_rules_ask_for_metrics_that_are_exposed_and_say_what_to_do():
    for alert in alerts():
        promql_parser.parse(alert["expr"])
        assert promql_parser.parse(value_of(alert["expr"])), alert
        unknown = {name for name in selected(alert["expr"]) if not (exposed(name) or NODE.fullmatch(name))}
        assert unknown == set(), alert["alert"]
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}, alert["alert"]
        runbook, _, _ = alert["annotations"]["runbook"].partition("#")
        assert (DEPLOY.parent / runbook).is_file(), alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning", "info")


@pytest.mark.skipif(
    AMTOOL is None, reason="amtool is not installed (Debian: apt-get install prometheus-alertmanager)"
)
def test_alertmanager_takes_its_example_and_routes_by_severity():
    done = tool("amtool", "check-config", str(ALERTMANAGER))
    assert done.returncode == 0, done.stdout + done.stderr
    routes = {
        ("severity=critical",): "critical",
        ("severity=warning",): "warning",
        ("severity=info",): "info",
        ("severity=info", "alertname=Watchdog"): "watchdog",
        ("severity=unheard-of",): "warning",
    }
    for labels, receiver in routes.items():
        done = tool("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)
        assert done.stdout.strip() == receiver, labels


def test_a_warning_is_told_within_a_quarter_of_an_hour_and_what_is_critical_at_once():
    route = yaml.safe_load(ALERTMANAGER.read_text())["route"]
    assert route["group_wait"] == "1m" and route["group_interval"] == "5m"
    (critical,) = (one for one in route["routes"] if one["receiver"] == "critical")
    assert critical["group_wait"] == "0s"
