"""Rule files: what is accepted, and where and why the rest is refused."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from include.alerts.rule_file import DEFAULT_RULES, RulesRefusedError, read_rules
from include.alerts.sample_sources import SOURCES
from include.database import SQL
from tests.alerts.passes import SLOW, rule_set, write_rules

ROOT = Path(__file__).parents[2]
GAUGE = {"name": "due", "kind": "threshold", "summary": "due", "of": {"source": "trading", "gauge": "due"}}
ABSENT = {
    "name": "absent",
    "kind": "absence",
    "summary": "absent",
    "severity": "warning",
    "of": {"source": "probes"},
    "window": "5m",
}
COUNTED = {"source": "errors", "aggregate": "count"}
RATE = SLOW | {"name": "rate", "kind": "rate", "of": COUNTED}
RATIO = SLOW | {"name": "ratio", "kind": "ratio", "of": COUNTED, "to": SLOW["of"]}
ODD = {
    "name": "odd",
    "kind": "anomaly",
    "summary": "odd",
    "severity": "info",
    "of": SLOW["of"],
    "window": "5m",
    "baseline": "1d",
}


def without(rule, *names):
    return {name: value for name, value in rule.items() if name not in names}


def refusal(path):
    with pytest.raises(RulesRefusedError) as refused:
        read_rules(path)
    return str(refused.value)


def test_the_template_is_good_and_holds_what_is_promised():
    rules = {rule.name: rule for rule in read_rules(DEFAULT_RULES).rules}
    limits = {name: rule.limits for name, rule in rules.items() if hasattr(rule, "limits")}
    assert limits["api_slow"] == {"warning": 500, "critical": 1000}
    assert limits["queries_slow"] == {"warning": 100, "critical": 500}
    assert limits["generation_slow"] == {"warning": 15_000, "critical": 30_000}
    assert limits["backtest_slow"] == {"warning": 30_000, "critical": 60_000}
    assert limits["analysis_slow"] == {"warning": 3 * 60_000, "critical": 5 * 60_000}
    assert limits["errors_many"] == {"warning": 5, "critical": 10}
    assert limits["success_rate_low"] == {"warning": 60, "critical": 50}
    assert limits["sharpe_low"] == {"warning": 0.5}
    assert limits["drawdown_deep"] == {"warning": 0.2}
    assert limits["volatility_high"] == {"warning": 0.3}
    assert rules["service_down"].for_ == timedelta(0)  # the probe asks twice: tests/probes/test_timing.py
    assert {"losses_in_a_row", "rate_limited", "candles_stale", "authentication_failures"} <= rules.keys()
    assert {"sweep_stalled", "expired_backlog", "cpu_busy", "memory_short", "disk_full"} <= rules.keys()
    kinds = {rule.kind for rule in rules.values()}
    assert kinds >= {"threshold", "rate", "absence", "ratio", "anomaly", "watchdog"}


def test_every_runbook_of_the_template_is_there():
    for rule in read_rules(DEFAULT_RULES).rules:
        page, _, anchor = rule.runbook.partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        assert anchor in headings, rule.runbook


def test_every_source_is_explained_and_has_its_statement():
    page = (ROOT / "docs" / "alert-rules.md").read_text()
    for source in SOURCES.values():
        assert f"| `{source.name}` |" in page
        for gauge in source.gauges:
            assert f"`{gauge}`" in page, gauge
        statements = [f"alerts/sample_{name}" for name, _ in source.samples] or [
            f"alerts/gauge_{source.name}"
        ]
        for statement in statements:
            assert (SQL / "queries" / f"{statement}.sql").is_file()
        assert len(source.labels) <= 3
        assert bool(source.samples) != bool(source.gauges)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("7d", 604_800), ("0s", 0), ("1d2h3m4s", 93_784)],
)
def test_durations_are_written_as_prometheus_writes_them(tmp_path, written, meant):
    path = write_rules(tmp_path, SLOW | {"for": written})
    assert read_rules(path).rules[0].for_ == timedelta(seconds=meant)


def test_recovery_takes_as_long_as_firing_unless_the_rule_says_otherwise(tmp_path):
    path = write_rules(
        tmp_path, SLOW | {"for": "3m"}, SLOW | {"name": "two", "for": "3m", "recover_for": "0s"}
    )
    first, second = read_rules(path).rules[:2]
    assert (first.recovery, second.recovery) == (timedelta(minutes=3), timedelta(0))


GOOD = [
    GAUGE | {"above": {"info": 1}},
    ABSENT,
    ABSENT | {"by": ["service"], "seen_within": "1h"},
    ABSENT | {"by": ["service"], "expect": [{"service": "sec"}, {"service": "fred"}]},
    RATE,
    RATIO,
    ODD,
]


@pytest.mark.parametrize("rule", GOOD, ids=lambda rule: rule["kind"])
def test_these_are_good(tmp_path, rule):
    assert read_rules(write_rules(tmp_path, rule)).rules[0].name == rule["name"]


BROKEN = [
    (SLOW | {"kind": "treshold"}, "does not match any of the expected tags"),
    (SLOW | {"treshold": 5}, "treshold: Extra inputs are not permitted"),
    (without(SLOW, "summary"), "summary: Field required"),
    (SLOW | {"name": "Slow API"}, "name: String should match pattern"),
    (SLOW | {"owner": "nobody"}, "owner 'nobody' is not among owners"),
    (SLOW | {"runbook": "see the wiki"}, "runbook: String should match pattern"),
    (SLOW | {"escalation": "loud"}, "escalation 'loud' is not among escalations"),
    (SLOW | {"for": "5 minutes"}, "'5 minutes' is no duration: write it like 90s"),
    (SLOW | {"for": ""}, "is no duration"),
    (SLOW | {"for": 5}, "a duration is written like 90s"),
    (SLOW | {"for": "31d"}, "30d is the most"),
    (SLOW | {"cooldown": "9999999999999d"}, "cooldown: no data is kept for so long: 30d is the most"),
    (SLOW | {"summary": "a\0b"}, r"the control character '\x00' has no place in a text"),
    (SLOW | {"of": SLOW["of"] | {"match": {"metric_type": "a\x9bb"}}}, r"the control character '\x9b'"),
    (SLOW | {"a\x07b": 1}, r"the control character '\x07'"),
    (SLOW | {"window": "0s"}, "must be longer than nothing"),
    (without(SLOW, "window"), "window is missing"),
    (without(SLOW, "above"), "give either above or below"),
    (SLOW | {"below": {"warning": 1}}, "give either above or below"),
    (SLOW | {"above": {}}, "at least 1 item"),
    (SLOW | {"above": {"severe": 5}}, "Input should be 'critical', 'warning' or 'info'"),
    (SLOW | {"above": {"warning": "500"}}, "Input should be a valid number"),
    (SLOW | {"above": {"warning": float("nan")}}, "Input should be a finite number"),
    (SLOW | {"above": {"warning": 500, "critical": 400}}, "critical must lie beyond warning"),
    (SLOW | {"clear": {"critical": 400}}, "clear names critical, for which there is no limit"),
    (SLOW | {"clear": {"warning": 600}}, "clear for warning lies beyond the limit"),
    (SLOW | {"of": {"source": "metrix"}}, "there is no source 'metrix': there are durations"),
    (SLOW | {"of": {"source": "durations"}}, "source durations needs metric_type in match"),
    (SLOW | {"of": SLOW["of"] | {"match": {"colour": "red"}}}, "source durations has no label 'colour'"),
    (SLOW | {"of": SLOW["of"] | {"aggregate": "p90"}}, "aggregate: Input should be 'avg'"),
    (SLOW | {"of": SLOW["of"] | {"gauge": "due"}}, "source durations has samples, no gauges"),
    (SLOW | {"by": ["service"]}, "source durations has no label 'service'"),
    (SLOW | {"min_count": 0}, "min_count: Input should be greater than or equal to 1"),
    (SLOW | {"no_data": "fire"}, "Input should be 'normal', 'hold' or 'alert'"),
    (GAUGE | {"above": {"info": 1}, "window": "5m"}, "window makes no sense with a gauge"),
    (GAUGE | {"above": {"info": 1}, "of": {"source": "trading"}}, "name a gauge of source trading"),
    (
        GAUGE | {"above": {"info": 1}, "of": GAUGE["of"] | {"aggregate": "avg"}},
        "aggregate makes no sense with a gauge",
    ),
    (RATE | {"of": COUNTED | {"aggregate": "max"}}, "aggregate must be one of sum, count"),
    (RATE | {"of": GAUGE["of"]}, "needs samples, and source trading has gauges"),
    (RATIO | {"to": GAUGE["of"]}, "needs samples"),
    (without(RATIO, "to"), "to: Field required"),
    (ABSENT | {"by": ["service"]}, "say what should be there"),
    (ABSENT | {"by": ["service"], "expect": [{"kind": "x"}]}, "exactly the labels in by"),
    (ABSENT | {"seen_within": "5m"}, "seen_within must be longer than window"),
    (
        ABSENT | {"by": ["service"], "seen_within": "1h", "expect": [{"service": "sec"}]},
        "give either expect or seen_within",
    ),
    (ODD | {"baseline": "1h"}, "baseline is shorter than min_windows windows"),
    (ODD | {"window": "1s"}, "baseline is longer than 10000 windows"),
    (ODD | {"of": SLOW["of"] | {"aggregate": "p95"}}, "aggregate must be one of avg"),
    (ODD | {"cut": 0}, "cut: Input should be greater than 0"),
]


@pytest.mark.parametrize(("rule", "words"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_rule_is_refused_where_it_stands(tmp_path, rule, words):
    path = write_rules(tmp_path, SLOW | {"name": "good"}, rule)
    said = refusal(path)
    starts = [number for number, line in enumerate(path.read_text().splitlines(), 1) if line.startswith("- ")]
    where = int(re.match(rf"{re.escape(str(path))}, line (\d+): ", said).group(1))
    assert starts[1] <= where < starts[2], said
    assert words in said


def test_the_line_is_the_one_of_the_value(tmp_path):
    path = write_rules(tmp_path, SLOW | {"above": {"warning": "many"}})
    number = path.read_text().splitlines().index("    warning: many") + 1
    assert refusal(path).startswith(f"{path}, line {number}: rules.0.threshold.above.warning: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("rules: [}", "line 1: "),
        ("a: 1\nb: 2\na: 3\n", "line 3: a is there twice"),
        ("- 1\n", "line 1: the file: Input should be a valid dictionary"),
        ("", "line 1: the file: Input should be a valid dictionary"),
        ("&a [*a]\n", "line 1: "),
        ("a: !!python/object:os.system x\n", "line 1: "),
        ("\x00", "it is no YAML"),
        (b"\xff\xfe\x00", "it is no YAML"),
    ],
    ids=repr,
)
def test_what_is_no_rule_file_is_refused_in_words(tmp_path, content, words):
    path = tmp_path / "rules.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in refusal(path)


def test_a_file_that_cannot_be_opened_is_refused_in_words(tmp_path):
    assert refusal(tmp_path / "rules.yaml").endswith("rules.yaml: No such file or directory")
    assert refusal(tmp_path).endswith(": Is a directory")


def test_a_text_may_have_several_lines(tmp_path):
    path = write_rules(tmp_path, SLOW | {"summary": "Slow answers,\n\tof whatever kind\n"})
    assert read_rules(path).rules[0].summary == "Slow answers,\n\tof whatever kind\n"


def test_a_name_is_taken_once(tmp_path):
    path = write_rules(tmp_path, SLOW, RATE, SLOW)
    twice = [n for n, line in enumerate(path.read_text().splitlines(), 1) if line == "  name: slow"][1]
    assert refusal(path) == f"{path}, line {twice}: a rule slow is there already"


@pytest.mark.parametrize("kind", ["watchdog", "rules_refused", "source_failed"])
def test_the_rules_of_the_chain_itself_are_needed_once(tmp_path, kind):
    whole = rule_set(SLOW)
    path = tmp_path / "rules.yaml"
    whole["rules"] = [rule for rule in whole["rules"] if rule["kind"] != kind]
    path.write_text(yaml.safe_dump(whole))
    assert f"exactly one rule of kind {kind} is needed" in refusal(path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"owners": {}}, "owners: Dictionary should have at least 1 item"),
        ({"routes": {"critical": "plain", "warning": "plain"}}, "no known escalation for info"),
        (
            {"routes": dict.fromkeys(("critical", "warning", "info"), "loud")},
            "no known escalation for critical",
        ),
        ({"escalations": {"plain": []}}, "escalations.plain: List should have at least 1 item"),
        ({"escalations": {"plain": [{"after": "5m"}]}}, "the first step comes at once"),
        ({"escalations": {"plain": [{"after": "0s"}, {"after": "0s"}]}}, "each other one later"),
        ({"escalations": {"plain": [{"after": "0s", "channels": ["fax"]}]}}, "unknown channel 'fax'"),
        ({"escalations": {"plain": [{"after": "0s", "channels": []}]}}, "at least 1 item"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_a_broken_frame_is_refused(tmp_path, changed, words):
    assert words in refusal(write_rules(tmp_path, SLOW, **changed))


def test_a_thousand_rules_are_read_in_no_time_to_speak_of(tmp_path):
    path = write_rules(tmp_path, *[SLOW | {"name": f"rule_{number}"} for number in range(1000)])
    assert len(read_rules(path).rules) == 1003
