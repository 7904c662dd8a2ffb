"""What a silence would match, looked up before it is stored: a misspelt one would hold back nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Connection, Engine

from include.alerts.failures import Severity
from include.alerts.matching import labels_of, labels_of_open, matches, read_matchers
from include.alerts.rule_file import DEFAULT_RULES, read_rules, stored_rules
from include.alerts.rules import AbsenceRule, AnomalyRule, RateRule, RatioRule, Rule, RuleSet, ThresholdRule
from include.alerts.sample_sources import SOURCES
from include.database import sql
from include.humanize import count_text

MAX_ALERTS_MATCHED = 10_000  # alerts that are looked at
OF_FAILURES = ("source", "severity", "owner", "cause", "dag_id", "task_id", "service")
OF_RULES = ("source", "severity", "owner", "rule")
BROAD = ("source", "severity")  # labels that do not say what an alert is about


@dataclass(frozen=True)
class Preview:
    """What a silence would match.

    Attributes:
        matchers: as they were read.
        matched: how many of the alerts that there are now.
        alerts: how many there are now.
        broad: it matches every alert, or all of a severity or a source, whatever they are about.
        known: it matches something now, or something that was reported in the time that notices are kept.
    """

    matchers: Mapping[str, str]
    matched: int
    alerts: int
    broad: bool
    known: bool

    @property
    def message(self) -> str:
        """`it matches 2 of 6 alerts now`."""
        now = (
            f"it matches {self.matched} of {count_text(self.alerts, 'alert')} now"
            if self.alerts
            else "there is no alert now"
        )
        return (
            now
            if self.known
            else f"{now}, and it matches nothing that was reported in 90 days: is it spelt right?"
        )


def preview_silence(engine: Engine, matchers: object) -> Preview:
    """Look up what a silence would match.

    Raises:
        ValueError: it cannot be read, or could never match anything, in words that say what there is.
    """
    wanted = read_matchers(matchers, everything=True)
    with engine.connect() as connection:
        rules = stored_rules(connection) or read_rules(DEFAULT_RULES)
        now = list(_alerts_now(connection, rules))
        told = [
            labels_of(row)
            for row in connection.execute(sql("alerts/find_notified_labels"), {"limit": MAX_ALERTS_MATCHED})
        ]
    possible = [*_of_rules(rules), *_of_failures(rules)]
    if not any(_could_match(wanted, labels) for labels in possible):
        raise ValueError(_why_not(wanted, rules))
    names = {name for name in wanted if not _matches_all(name, wanted[name], possible)}
    matched = sum(matches(wanted, labels) for labels in now)
    known = matched > 0 or any(matches(wanted, labels) for labels in told)
    return Preview(wanted, matched, len(now), broad=names <= set(BROAD), known=known)


Possible = dict[str, str | None]  # None: any value


def _of_rules(rules: RuleSet) -> Iterator[Possible]:
    for rule in rules.rules:
        for severity in rule.severities:
            own = dict.fromkeys(_labels_of(rule))
            yield {**own, "source": "rule", "severity": severity, "owner": rule.owner, "rule": rule.name}


def _of_failures(rules: RuleSet) -> Iterator[Possible]:
    for severity in get_args(Severity):
        yield {**dict.fromkeys(OF_FAILURES), "source": "failure", "severity": severity}


def _labels_of(rule: Rule) -> tuple[str, ...]:
    """The labels that the alerts of a rule have of their own."""
    if isinstance(rule, ThresholdRule) and rule.of.gauge is not None:
        return SOURCES[rule.of.source].labels
    if isinstance(rule, ThresholdRule | RateRule | RatioRule | AbsenceRule | AnomalyRule):
        return tuple(rule.by)
    return ()


def _could_match(wanted: Mapping[str, str], labels: Possible) -> bool:
    return all(
        name in labels and (labels[name] is None or matches({name: pattern}, {name: str(labels[name])}))
        for name, pattern in wanted.items()
    )


def _matches_all(name: str, pattern: str, possible: list[Possible]) -> bool:
    """Whether a pattern leaves out none of the values that its label can have."""
    if not pattern.strip("*"):
        return True
    values = {labels[name] for labels in possible if name in labels}
    return None not in values and all(matches({name: pattern}, {name: str(value)}) for value in values)


def _why_not(wanted: Mapping[str, str], rules: RuleSet) -> str:
    known = {*OF_RULES, *OF_FAILURES, *(label for rule in rules.rules for label in _labels_of(rule))}
    unknown = sorted(set(wanted) - known)
    if unknown:
        return f"no alert has a label {unknown[0]!r}: there are {', '.join(sorted(known))}"
    names = [rule.name for rule in rules.rules]
    if "rule" in wanted and not any(matches({"rule": wanted["rule"]}, {"rule": name}) for name in names):
        return f"there is no rule {wanted['rule']!r}: there are {', '.join(names)}"
    severity = wanted.get("severity")
    if severity and not any(matches({"severity": severity}, {"severity": one}) for one in get_args(Severity)):
        return f"there is no severity {severity!r}: there are {', '.join(get_args(Severity))}"
    together = ", ".join(f"{name}={pattern}" for name, pattern in wanted.items())
    return f"no alert can have all of this at once: {together}"


def _alerts_now(connection: Connection, rules: RuleSet) -> Iterator[dict[str, str]]:
    owners = {rule.name: rule.owner for rule in rules.rules}
    for row in connection.execute(sql("alerts/show_open_alerts"), {"limit": MAX_ALERTS_MATCHED}):
        yield labels_of_open(row, row.owner or owners.get(str(row.labels.get("rule", "")), ""))
