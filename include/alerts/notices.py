"""What people are notified of an alert, in words: rows of alert_notices, written with the change of state.

Delivery takes it from there; nothing here knows a channel.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row

from include.alerts.messages import TITLE_LIMIT
from include.alerts.rules import (
    AbsenceRule,
    AnomalyRule,
    RateRule,
    RatioRule,
    Rule,
    RuleSet,
    ThresholdRule,
    escalation_of,
)
from include.humanize import figure_text

Notice = dict[str, Any]  # as sql/queries/alerts/write_notices.sql takes it


def compose_notices(rules: RuleSet, steps: Iterable[Row[Any]]) -> list[Notice]:
    """Write the notices that the steps of alerts call for: rows of alerts/change_states.

    A resolution goes to every channel that was notified, and to none when none was. Of a rule that is no
    longer in the file nothing is known here: `compose_retired` writes that.
    """
    known = {rule.name: rule for rule in rules.rules}
    notices: list[Notice] = []
    for step in steps:
        if step.rule in known:
            notices += _compose(rules, known[step.rule], step)
    return notices


def compose_retired(steps: Iterable[Row[Any]], last: Mapping[str, Row[Any]]) -> list[Notice]:
    """Write that alerts have ended with their rules. `last`: by fingerprint, the last notice of each."""
    return [
        {
            "notice_key": f"{step.fingerprint} {step.fired_at.isoformat()} resolved",
            "kind": "resolved",
            "fingerprint": step.fingerprint,
            "cause": step.rule,
            "severity": step.severity,
            "title": last[step.fingerprint].title,
            "body": {"reason": step.why, "since": step.fired_at.isoformat()},
            "labels": step.labels,
            "owner": last[step.fingerprint].owner,
            "runbook_url": last[step.fingerprint].runbook_url,
            "channels": last[step.fingerprint].channels,
            "level": step.was_told_level,
        }
        for step in steps
        if step.fingerprint in last
    ]


def _compose(rules: RuleSet, rule: Rule, step: Row[Any]) -> Iterator[Notice]:
    levels = escalation_of(rules, rule, step.severity)
    if step.resolved:
        told: dict[tuple[str, ...], int] = {}
        for level, each in enumerate(levels[: step.was_told_level], start=1):
            told.setdefault(tuple(each.channels or ()), level)
        for level in told.values():
            yield _notice(rule, step, "resolved", level, levels[level - 1].channels)
    if step.renewed:
        level = min(step.was_told_level, len(levels))
        yield _notice(rule, step, "firing", level, levels[level - 1].channels, again=step.since.isoformat())
    if step.repeated:
        yield _notice(rule, step, "watchdog", 1, levels[0].channels, again=step.evaluated_at.isoformat())
    for level in range(step.was_told_level + 1, step.told_level + 1):
        kind = "watchdog" if rule.kind == "watchdog" else "firing" if level == 1 else "escalated"
        yield _notice(rule, step, kind, level, levels[level - 1].channels)


def _notice(rule: Rule, step: Row[Any], kind: str, level: int, channels: Any, *, again: str = "") -> Notice:
    body = {
        "since": step.fired_at.isoformat(),
        "reason": step.why,
        "value": None if step.value is None else figure_text(step.value, _unit(rule).strip(), step.threshold),
        "limit": _limit(rule, step.threshold),
        "for": f"{rule.for_.total_seconds():g} s" if rule.for_ else None,
    }
    if kind == "resolved":
        proven = "closed: no data for 24 hours, nothing is proven" if step.lost else "all has been well"
        body["ended"] = proven if step.lost else f"{proven} for {rule.recovery.total_seconds():g} s"
    if again and kind == "firing":
        body["again"] = "the acknowledgement ran out"
    labels = ", ".join(f"{name}={value}" for name, value in sorted(step.labels.items()))
    return {
        "notice_key": " ".join(
            part for part in (step.fingerprint, step.fired_at.isoformat(), kind, str(level), again) if part
        ),
        "kind": kind,
        "fingerprint": step.fingerprint,
        "cause": rule.name,
        "severity": step.severity,
        "title": f"{rule.summary} ({labels})"[:TITLE_LIMIT] if labels else rule.summary,
        "body": {key: value for key, value in body.items() if value not in (None, "")},
        "labels": step.labels,
        "owner": rule.owner,
        "runbook_url": rule.runbook,
        "channels": channels,
        "level": level,
    }


def _unit(rule: Rule) -> str:
    if isinstance(rule, RateRule) and not rule.unit:
        return f" {'an' if rule.per == 'hour' else 'a'} {rule.per}"
    if isinstance(rule, ThresholdRule | RateRule | RatioRule):
        return f" {rule.unit}" if rule.unit else ""
    return " s" if isinstance(rule, AbsenceRule) else ""


def _limit(rule: Rule, threshold: float | None) -> str | None:
    if isinstance(rule, ThresholdRule | RateRule | RatioRule):
        return f"{'above' if rule.above else 'below'} {threshold:.6g}{_unit(rule)}"
    if isinstance(rule, AbsenceRule):
        return f"silent for {threshold:.6g} s"
    if isinstance(rule, AnomalyRule):
        return f"modified z-score beyond {threshold:.6g}"
    return None
