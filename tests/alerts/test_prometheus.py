"""Rules that Prometheus can express fire in the same minutes there: `promtool test rules` is the oracle."""

import random

import pytest
from sqlalchemy import text

from tests.alerts.passes import ask, at, evaluate, write_rules
from tests.alerts.prometheus import PROMTOOL, STEP, make_rule, make_series, run_test, write_test

MINUTES = 45
CASES = 120


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)")
def test_rules_fire_in_the_same_minutes_as_in_prometheus(database, tmp_path):
    random_ = random.Random(2026)
    rules = [make_rule(random_, number) for number in range(CASES)]
    series = {}
    for rule in rules:
        for of in (rule["of"], rule.get("to")):
            if of:
                series[of["match"]["metric_name"]] = make_series(random_, MINUTES)
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit) "
                "VALUES (:at, 'api_response', :name, :value, 'count')"
            ),
            [
                {"at": at(step * STEP / 60), "name": name, "value": value}
                for name, values in series.items()
                for step, value in enumerate(values)
                if value is not None
            ],
        )
    path = write_rules(tmp_path, *rules)
    fired = {rule["name"]: set() for rule in rules}
    for minute in range(MINUTES + 1):
        evaluate(database, path, minute)
        for row in ask(
            database, "SELECT rule FROM alert_states WHERE fired_at IS NOT NULL AND rule LIKE 'case%'"
        ):
            fired[row.rule].add(minute)

    # The cases are worth something: most fire and end, and all kinds do.
    changing = {rule["name"]: rule["kind"] for rule in rules if 0 < len(fired[rule["name"]]) < MINUTES}
    assert len(changing) > CASES / 2
    assert set(changing.values()) == {"threshold", "rate", "ratio", "absence"}

    done = run_test(write_test(tmp_path, rules, series, fired, MINUTES))
    assert done.returncode == 0, done.stdout[:5000] + done.stderr[:5000]

    name = next(iter(changing))
    fired[name] ^= {20}  # the oracle notices a single wrong minute
    done = run_test(write_test(tmp_path, rules, series, fired, MINUTES))
    assert done.returncode == 1
    assert f"alertname: {name}, time: 20m" in done.stdout + done.stderr
