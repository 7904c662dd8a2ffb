"""Rules, samples and evaluations for the tests of alerts; time is counted in minutes from START."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine, text

from include.alerts.evaluate import Evaluation, evaluate_rules

START = datetime(2026, 3, 1, tzinfo=UTC)

OWN_RULES = [
    {"name": "dog", "kind": "watchdog", "summary": "It works", "every": "1h"},
    {"name": "refused", "kind": "rules_refused", "summary": "Broken rule file", "severity": "warning"},
    {"name": "blind", "kind": "source_failed", "summary": "Blind", "severity": "critical"},
]
COMMON = {"owner": "ops", "runbook": "docs/alert-rules.md#x"}
SLOW = {
    "name": "slow",
    "kind": "threshold",
    "summary": "Slow answers",
    "of": {"source": "durations", "match": {"metric_type": "api_response"}},
    "window": "1m",
    "above": {"warning": 500},
}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def rule_set(*rules: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A rule file's content: these rules, the three that must be there, and one escalation."""
    return {
        "owners": {"ops": "operators"},
        "escalations": {"plain": [{"after": "0s"}]},
        "routes": dict.fromkeys(("critical", "warning", "info"), "plain"),
        "rules": [COMMON | rule for rule in [*rules, *OWN_RULES]],
        **changed,
    }


def write_rules(folder: Path, *rules: dict[str, Any], **changed: Any) -> Path:
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rule_set(*rules, **changed), sort_keys=False))
    return path


def measure(
    engine: Engine,
    samples: Iterable[tuple[float, float]],
    *,
    metric_type: str = "api_response",
    metric_name: str = "answer",
    unit: str = "ms",
    user_id: str | None = None,
) -> None:
    """Insert measurements: (minutes from START, value)."""
    rows = [{"at": at(minutes), "value": value} for minutes, value in samples]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_performance_metrics "
                "(timestamp, metric_type, metric_name, value, unit, user_id) "
                f"VALUES (:at, '{metric_type}', '{metric_name}', :value, '{unit}', CAST(:user AS uuid))"
            ),
            [row | {"user": user_id} for row in rows],
        )


def evaluate(engine: Engine, path: Path, minutes: float, **named: Any) -> Evaluation:
    return evaluate_rules(engine, path, at=at(minutes), **named)


def ask(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), values).all())


def states(engine: Engine, rule: str = "slow") -> dict[str, str]:
    """State by labels, as `name=value`; '' without labels."""
    rows = ask(engine, "SELECT labels, state FROM alert_states WHERE rule = :rule", rule=rule)
    return {",".join(f"{k}={v}" for k, v in sorted(row.labels.items())): row.state for row in rows}


def state(engine: Engine, rule: str = "slow") -> str | None:
    return states(engine, rule).get("")


def notices(engine: Engine, *rules: str) -> list[tuple[float, str, int]]:
    """What was told of the rules: minutes from START, kind, level."""
    rows = ask(
        engine,
        "SELECT created_at, kind, level FROM alert_notices WHERE cause = ANY (:rules) "
        "ORDER BY created_at, level, notice_key",
        rules=list(rules or ("slow",)),
    )
    return [((row.created_at - START) / timedelta(minutes=1), row.kind, row.level) for row in rows]


def dump(engine: Engine) -> str:
    """Everything that evaluations keep, as one text."""
    tables = {
        "alert_states": "fingerprint",
        "alert_events": "id",
        "alert_notices": "notice_key",
        "alert_evaluations": "at",
    }
    found = {}
    for table, order in tables.items():
        rows = ask(engine, f"SELECT to_jsonb(t) - 'id' - 'seconds' AS row FROM {table} AS t ORDER BY {order}")
        found[table] = [row.row for row in rows]
    return json.dumps(found, sort_keys=True, indent=1)
