"""From values to observations: what each alert sees in this pass. Nothing here remembers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from include.alerts.measures import MAX_INSTANCES, CannotMeasureError, Measured, measure
from include.alerts.readings import MAX_LABEL_SETS_READ, Readings
from include.alerts.rules import (
    AbsenceRule,
    AnomalyRule,
    NeverDataRule,
    OwnRule,
    RateRule,
    RatioRule,
    Rule,
    Severity,
    ThresholdRule,
)


@dataclass(frozen=True)
class Observation:
    """What one alert sees.

    `value` None: no data. `bad`: the value breaks the limit. `clear`: it is well enough to end an alert.
    """

    rule: str
    severity: Severity
    labels: Mapping[str, str]
    value: float | None
    threshold: float | None
    bad: bool
    clear: bool
    reason: str

    @property
    def fingerprint(self) -> str:
        """Which alert this is, for good: rule/severity, and a digest of the labels where there are any."""
        name = f"{self.rule}/{self.severity}"
        if not self.labels:
            return name
        labels = json.dumps(dict(self.labels), sort_keys=True, ensure_ascii=False)
        return f"{name}/{hashlib.md5(labels.encode(), usedforsecurity=False).hexdigest()}"


@dataclass(frozen=True)
class Observed:
    """All that a pass saw, and the rules of which it saw nothing, with the reason."""

    observations: list[Observation] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # rule -> why

    @property
    def with_data(self) -> set[str]:
        """The rules of which there was a value."""
        return {each.rule for each in self.observations if each.value is not None}


def observe(
    rules: list[Rule],
    readings: Readings,
    at: datetime,
    refusal: str | None = None,
    without_data: Mapping[str, datetime] | None = None,
    *,
    max_label_sets: int = MAX_LABEL_SETS_READ,
    max_instances: int = MAX_INSTANCES,
) -> Observed:
    """Compare what was read with what the rules allow.

    `refusal` is why the rule file as it is now was refused; `without_data` are the rules of which no earlier
    pass had a value, and since when they are in force. A rule whose source could not be read, or that
    has too many sets of labels, is in `failed` and has no observations.
    """
    observed = Observed()
    for rule in rules:
        if isinstance(rule, OwnRule | NeverDataRule):
            continue
        try:
            measured = measure(rule, readings, at, max_label_sets=max_label_sets, max_instances=max_instances)
        except CannotMeasureError as reason:
            observed.failed[rule.name] = str(reason)
            continue
        for each in measured:
            observed.observations.extend(_compare(rule, each))
    for rule in rules:
        if isinstance(rule, OwnRule):
            observed.observations.append(_observe_own(rule, observed.failed, refusal))
        elif isinstance(rule, NeverDataRule):
            observed.observations.append(_observe_unheard(rule, observed, without_data or {}, at))
    return observed


def _compare(rule: Rule, measured: Measured) -> Iterator[Observation]:
    value = measured.value
    if isinstance(rule, ThresholdRule | RateRule | RatioRule):
        for severity, limit in rule.limits.items():
            back = rule.clear.get(severity, limit)
            bad = clear = False
            if value is not None:
                bad = value > limit if rule.above else value < limit
                # Without a limit of its own to come back past, whatever is not bad is clear.
                clear = not (value > back if rule.above else value < back)
            yield _observation(rule, severity, measured, limit, bad, clear)
    elif isinstance(rule, AbsenceRule):
        limit = rule.window.total_seconds()
        bad = value is not None and value >= limit
        yield _observation(rule, rule.severity, measured, limit, bad, not bad)
    elif isinstance(rule, AnomalyRule):
        signed = {"above": value, "below": None if value is None else -value}
        against = signed.get(rule.direction, None if value is None else abs(value))
        bad = against is not None and against > rule.cut
        yield _observation(rule, rule.severity, measured, rule.cut, bad, not bad)
    else:
        yield _observation(rule, rule.severities[0], measured, None, True, False)


def _observation(
    rule: Rule, severity: Severity, measured: Measured, limit: float | None, bad: bool, clear: bool
) -> Observation:
    labels = dict(measured.labels)
    return Observation(rule.name, severity, labels, measured.value, limit, bad, clear, measured.reason)


def _observe_unheard(
    rule: NeverDataRule, observed: Observed, without_data: Mapping[str, datetime], at: datetime
) -> Observation:
    unheard = {
        name: since
        for name, since in without_data.items()
        if name not in observed.with_data and at - since >= rule.after
    }
    reason = ", ".join(f"{name} (in force since {since:%F})" for name, since in sorted(unheard.items()))
    return Observation(
        rule.name,
        rule.severity,
        {},
        float(len(unheard)),
        0,
        bool(unheard),
        not unheard,
        reason[:2000] or "every rule in force for so long had data",
    )


def _observe_own(rule: OwnRule, failed: Mapping[str, str], refusal: str | None) -> Observation:
    if rule.kind == "rules_refused":
        return Observation(
            rule.name,
            rule.severity,
            {},
            float(refusal is not None),
            0,
            refusal is not None,
            refusal is None,
            refusal or "the rule file is in force",
        )
    reason = "; ".join(f"{name}: {why}" for name, why in sorted(failed.items()))
    return Observation(
        rule.name,
        rule.severity,
        {},
        float(len(failed)),
        0,
        bool(failed),
        not failed,
        reason[:2000] or "every rule was evaluated",
    )
