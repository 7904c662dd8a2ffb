"""The states in SQL against the plain reference, on generated stories: gaps, late passes, missing data."""

import random

import pytest
from sqlalchemy import text

from tests.alerts.passes import SLOW, ask, at, evaluate, write_rules
from tests.alerts.reference import Alert, Rule

ALERTS = 60
PASSES = 40


def make_rule(random_: random.Random, number: int) -> tuple[dict, Rule]:
    limit = 500.0
    clear = random_.choice([500.0, 300.0])
    minutes = {
        "for": random_.choice([0, 0, 1, 3]),
        "recover_for": random_.choice([0, 1, 3]),
        "cooldown": random_.choice([0, 5, 15]),
        "no_data_for": random_.choice([0, 2, 4]),
    }
    no_data = random_.choice(["hold", "hold", "normal", "alert"])
    levels = random_.choice([[0], [0, 2], [0, 2, 6]])
    name = f"case_{number}"
    match = SLOW["of"]["match"] | {"metric_name": name}
    written = SLOW | {name: f"{value}m" for name, value in minutes.items()}
    written |= {
        "name": name,
        "of": SLOW["of"] | {"match": match},
        "no_data": no_data,
        "clear": {"warning": clear},
        "escalation": f"levels_{len(levels)}",
    }
    rule = Rule(limit, clear, minutes["for"], minutes["recover_for"], minutes["cooldown"], no_data,
                minutes["no_data_for"], [float(level) for level in levels])  # fmt: skip
    return written, rule


@pytest.mark.parametrize("seed", [1, 2])
def test_the_states_are_those_of_the_reference(database, tmp_path, seed):
    random_ = random.Random(seed)
    made = [make_rule(random_, number) for number in range(ALERTS)]
    alerts = {written["name"]: Alert(rule) for written, rule in made}
    path = write_rules(
        tmp_path,
        *[written for written, _ in made],
        escalations={
            "plain": [{"after": "0s"}],
            "levels_1": [{"after": "0s"}],
            "levels_2": [{"after": "0s"}, {"after": "2m"}],
            "levels_3": [{"after": "0s"}, {"after": "2m"}, {"after": "6m"}],
        },
    )
    levels = dict.fromkeys(alerts, 100)
    minute = 0.0
    for _ in range(PASSES):
        minute += random_.choice([1, 1, 1, 1, 1.5, 2, 7])
        samples = []
        for name, alert in alerts.items():
            if random_.random() < 0.3:
                levels[name] = random_.choice([100, 400, 400, 900, 900, None])
            value = levels[name]
            if value is not None:
                samples.append({"at": at(minute - 0.25), "name": name, "value": value})
            alert.step(minute, value)
        with database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value) "
                    "VALUES (:at, 'api_response', :name, :value)"
                ),
                samples,
            )
        evaluate(database, path, minute)
        if random_.random() < 0.3:  # again, or too late
            assert evaluate(database, path, minute - random_.choice([0, 0.5])).skipped
        found = {row.rule: row.state for row in ask(database, "SELECT rule, state FROM alert_states")}
        assert {name: found[name] for name in alerts} == {name: alert.state for name, alert in alerts.items()}

    rows = ask(database, "SELECT cause, created_at, kind, level FROM alert_notices WHERE cause LIKE 'case%'")
    told = {name: set() for name in alerts}
    for row in rows:
        told[row.cause].add((row.created_at, row.kind, row.level))
    expected = {
        name: {(at(minute), kind, level) for minute, kind, level in alert.told}
        for name, alert in alerts.items()
    }
    assert told == expected
    assert len(rows) == sum(len(alert.told) for alert in alerts.values())  # nothing twice
    assert sum(len(alert.told) for alert in alerts.values()) > ALERTS
    assert {kind for each in expected.values() for _, kind, _ in each} == {"firing", "escalated", "resolved"}
