"""The same rules and series for Prometheus, whose own `promtool test rules` says when alerts fire.

Two differences are translated, not hidden. A range of Prometheus 2 holds its first instant, ours does not: a
window of 5m is asked for as [4m59s999ms]. And counting nothing gives nothing there, 0 here: `or vector(0)`.
"""

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.alerts.passes import COMMON

PROMTOOL = shutil.which("promtool")
STEP = 15  # seconds between two samples
PER = {"second": 1, "minute": 60, "hour": 3600}
Series = list[int | None]  # one value a step; None: no sample


def make_series(random_: random.Random, minutes: int) -> Series:
    """Quiet and loud stretches, flapping in between, with single samples and whole stretches missing."""
    values: Series = []
    level = random_.choice([20, 80])
    while len(values) <= minutes * 60 // STEP:
        stretch = random_.choice([1, 2, 4, 8, 20, 40])
        missing = random_.random() < 0.15
        for _ in range(stretch):
            lost = missing or random_.random() < 0.1
            values.append(None if lost else max(1, round(random_.gauss(level, 15))))
        level = random_.choice([20, 50, 80])
    return values[: minutes * 60 // STEP + 1]


def make_rule(random_: random.Random, number: int) -> dict[str, Any]:
    """A threshold, rate, ratio or absence rule over the series `case_<number>`."""
    kind = random_.choice(["threshold"] * 4 + ["rate", "ratio", "absence"])
    window = random_.choice([1, 2, 5])
    of: dict[str, Any] = {
        "source": "counts",
        "match": {"metric_type": "api_response", "metric_name": f"case_{number}"},
    }
    rule: dict[str, Any] = {
        "name": f"case_{number}",
        "kind": kind,
        "summary": "a case",
        "window": f"{window}m",
        "for": random_.choice(["0s", "1m", "2m", "5m"]),
        "recover_for": random_.choice(["0s", "1m", "3m"]),
        "no_data": "normal",
    }
    samples = window * 60 // STEP
    level = random_.choice([30, 50, 70]) + 0.137
    if kind == "absence":
        return COMMON | rule | {"of": of, "severity": "warning"}
    if kind == "threshold":
        of["aggregate"] = random_.choice(["avg", "min", "max", "sum", "count", "last", "p50", "p95", "p99"])
        level = {"sum": level * samples, "count": samples * 0.8 + 0.137}.get(of["aggregate"], level)
    elif kind == "rate":
        of["aggregate"] = random_.choice(["sum", "count"])
        rule["per"] = random_.choice(["second", "minute", "hour"])
        of_window = level * samples if of["aggregate"] == "sum" else samples * 0.8 + 0.137
        level = of_window * PER[rule["per"]] / (window * 60)
    else:
        of["aggregate"] = "sum"
        other = {"metric_type": "api_response", "metric_name": f"case_{number}_whole"}
        rule["to"] = of | {"match": other}
        level = random_.choice([60, 100, 150]) + 0.137
    side = "above" if kind == "ratio" else random_.choice(["above", "below"])
    return COMMON | rule | {"of": of, side: {"warning": level}}


def expression(rule: dict[str, Any]) -> str:
    """The rule as PromQL."""
    seconds = int(rule["window"][:-1]) * 60
    span = f"{seconds // 60 - 1}m59s999ms" if seconds > 60 else "59s999ms"

    def over(function: str, of: dict[str, Any], *first: str) -> str:
        return f"sum({function}({', '.join([*first, of['match']['metric_name'] + f'[{span}]'])}))"

    of = rule["of"]
    if rule["kind"] == "absence":
        return over("absent_over_time", of)
    aggregate = of["aggregate"]
    if aggregate.startswith("p"):
        value = over("quantile_over_time", of, f"0.{aggregate[1:]}")
    else:
        value = over(f"{aggregate}_over_time", of)
    if rule["kind"] == "ratio":
        value = f"100 * {value} / {over('sum_over_time', rule['to'])}"
    elif aggregate in ("sum", "count"):
        value = f"({value} or vector(0))"
    if rule["kind"] == "rate":
        value = f"{value} / {seconds} * {PER[rule['per']]}"
    side, limit = next((side, rule[side]["warning"]) for side in ("above", "below") if side in rule)
    return f"{value} {'>' if side == 'above' else '<'} {limit!r}"


def write_test(
    folder: Path,
    rules: list[dict[str, Any]],
    series: dict[str, Series],
    fired: dict[str, set[int]],
    minutes: int,
) -> Path:
    """Write the rules and a test that they fire in exactly these minutes."""
    groups = [
        {
            "name": "cases",
            "interval": "1m",
            "rules": [
                {
                    "alert": rule["name"],
                    "expr": expression(rule),
                    "for": rule["for"],
                    "keep_firing_for": rule["recover_for"],
                }
                for rule in rules
            ],
        }
    ]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump({"groups": groups}))
    test = {
        "rule_files": ["prometheus.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": f"{STEP}s",
                "input_series": [
                    {
                        "series": name,
                        "values": " ".join("_" if value is None else str(value) for value in values),
                    }
                    for name, values in series.items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": f"{minute}m",
                        "alertname": rule["name"],
                        "exp_alerts": [{"exp_labels": {}}] if minute in fired[rule["name"]] else [],
                    }
                    for rule in rules
                    for minute in range(minutes + 1)
                ],
            }
        ],
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    return path


def run_test(path: Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL
    return subprocess.run(
        [PROMTOOL, "test", "rules", path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
