"""One pass over all alert rules: read, compare, step every state, write a notice of what people must know.

One transaction: a pass that dies has not happened, and the next one does its work. Passes exclude each other
by an advisory lock; one that comes late, beside another or twice says so and changes nothing. The clock is
the database's; what one that was ahead has left in any table is set back first, and said.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from include.alerts.measures import MAX_INSTANCES, selections_of
from include.alerts.notices import Notice, compose_notices, compose_retired
from include.alerts.observations import Observed, observe
from include.alerts.readings import MAX_LABEL_SETS_READ, read_sources
from include.alerts.rule_file import DEFAULT_RULES, InForce, rules_in_force
from include.alerts.rules import Rule, RuleSet, WatchdogRule, escalation_of
from include.database import sql, statement_timeout
from include.humanize import count_text

logger = logging.getLogger(__name__)

EVALUATION_LOCK = 0x616C65727473  # "alerts"


@dataclass(frozen=True)
class EvaluationLimits:
    """What a pass may take.

    Attributes:
        source_timeout: a source that takes longer counts as broken.
        label_sets_read: sets of labels that one selection gives.
        instances: sets of labels of one rule, each an alert for each severity.
    """

    source_timeout: timedelta = timedelta(seconds=20)
    label_sets_read: int = MAX_LABEL_SETS_READ
    instances: int = MAX_INSTANCES


LIMITS = EvaluationLimits()


@dataclass(frozen=True)
class Evaluation:
    """What a pass did. `skipped` says why it did nothing."""

    at: datetime
    skipped: str | None = None
    rules: int = 0
    instances: int = 0
    changes: int = 0
    notices: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # rule or source -> why


def evaluate_rules(
    engine: Engine,
    path: Path | None = None,
    *,
    adopt: bool = True,
    at: datetime | None = None,
    limits: EvaluationLimits = LIMITS,
) -> Evaluation:
    """Evaluate every rule in force once.

    Args:
        engine: the platform's database.
        path: the rule file; None: the one that comes with the product.
        adopt: a changed file comes into force; False: the rules stay that were in force last.
        at: the moment (tz-aware UTC); None: the database's clock. For tests and for looking back.
        limits: what the pass may take.

    Raises:
        RulesRefusedError: the rule file is broken, and there is no earlier good one.
    """
    begun = time.perf_counter()
    with engine.begin() as connection:
        moment: datetime = connection.execute(
            text("SELECT coalesce(CAST(:at AS timestamptz), now())"), {"at": at}
        ).scalar_one()
        skipped = _reason_to_skip(connection, moment)
        if skipped:
            logger.info("nothing evaluated: %s", skipped)
            return Evaluation(moment, skipped)
        statement_timeout(connection, limits.source_timeout)
        in_force = rules_in_force(connection, path or DEFAULT_RULES, adopt=adopt)
        rules = in_force.rules.rules
        selections = [selection for rule in rules for selection in selections_of(rule)]
        readings = read_sources(connection, selections, moment, max_label_sets=limits.label_sets_read)
        without_data = _rules_without_data(connection, rules)
        observed = observe(
            rules,
            readings,
            moment,
            in_force.refusal,
            without_data,
            max_label_sets=limits.label_sets_read,
            max_instances=limits.instances,
        )
        _note_data(connection, rules, observed, moment)
        changes, notices = _step(connection, in_force.rules, observed, moment)
        done = Evaluation(
            moment,
            rules=len(rules),
            instances=len(observed.observations),
            changes=changes,
            notices=notices,
            failed={**readings.failed, **observed.failed},
        )
        _write_down(connection, in_force, done, time.perf_counter() - begun)
    logger.info(
        "%s, %s, %s, %s",
        count_text(done.rules, "rule"),
        count_text(done.instances, "alert"),
        count_text(done.changes, "change"),
        count_text(done.notices, "notice"),
    )
    return done


def _reason_to_skip(connection: Connection, moment: datetime) -> str | None:
    """Take the lock of the pass, unless there is a reason not to."""
    if not connection.execute(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": EVALUATION_LOCK}
    ).scalar_one():
        return "another evaluation is under way"
    # A clock that was ahead must not keep rules from being evaluated until that time has come.
    set_back = connection.execute(
        text("SELECT set_back_future_rows(NULL, greatest(now(), CAST(:at AS timestamptz)))"), {"at": moment}
    ).scalar_one()
    if set_back:
        logger.warning("a clock was ahead: rows from the future that are set back: %d", set_back)
    last = connection.execute(text("SELECT max(at) FROM alert_evaluations")).scalar_one()
    if last is not None and last >= moment:
        return f"the evaluation of {last:%F %T} UTC is not older than this one"
    return None


def _step(connection: Connection, rules: RuleSet, observed: Observed, at: datetime) -> tuple[int, int]:
    """Step the states and write the notices; give the number of changes and of new notices."""
    # Others write here too: who acknowledges waits for us, and we for them. Readers do not.
    connection.execute(text("LOCK TABLE alert_states IN SHARE ROW EXCLUSIVE MODE"))
    steps = connection.execute(
        sql("alerts/change_states"),
        {"at": at, "rules": _rules_json(rules, observed), "observations": _observations_json(observed)},
    ).all()
    notices = compose_notices(rules, steps)
    names = {rule.name for rule in rules.rules}
    retired = [step for step in steps if step.rule not in names and step.resolved]
    if retired:
        last = connection.execute(
            sql("alerts/read_last_notices"), {"fingerprints": [step.fingerprint for step in retired]}
        )
        notices += compose_retired(retired, {row.fingerprint: row for row in last})
    return sum(step.changed for step in steps), write_notices(connection, notices, at)


def write_notices(connection: Connection, notices: list[Notice], at: datetime) -> int:
    """Write notices in the caller's transaction; give the number of those that were not there."""
    if not notices:
        return 0
    parameters = {"notices": json.dumps(notices), "at": at}
    return len(connection.execute(sql("alerts/write_notices"), parameters).all())


def _rules_without_data(connection: Connection, rules: list[Rule]) -> dict[str, datetime]:
    """The rules of which no pass had a value yet, and since when they are in force."""
    found = connection.execute(
        sql("alerts/find_rules_without_data"), {"rules": json.dumps(_definitions(rules))}
    )
    return {row.rule: row.adopted_at for row in found}


def _note_data(connection: Connection, rules: list[Rule], observed: Observed, at: datetime) -> None:
    known = [{**each, "has_data": each["rule"] in observed.with_data} for each in _definitions(rules)]
    connection.execute(sql("alerts/note_data"), {"rules": json.dumps(known), "at": at})


def _definitions(rules: list[Rule]) -> list[dict[str, Any]]:
    """Each rule by its name, with a digest of what it measures and says."""
    return [
        {
            "rule": rule.name,
            "definition": hashlib.md5(rule.model_dump_json().encode(), usedforsecurity=False).hexdigest(),
        }
        for rule in rules
    ]


def _rules_json(rules: RuleSet, observed: Observed) -> str:
    def cases() -> Iterable[dict[str, Any]]:
        for rule in rules.rules:
            for severity in rule.severities:
                yield {
                    "rule": rule.name,
                    "severity": severity,
                    "proof": rule.for_.total_seconds(),
                    "recovery": rule.recovery.total_seconds(),
                    "cooldown": rule.cooldown.total_seconds(),
                    "no_data": rule.no_data,
                    "no_data_for": rule.no_data_for.total_seconds(),
                    "error_for": rule.error_for.total_seconds(),
                    "delays": [step.after.total_seconds() for step in escalation_of(rules, rule, severity)],
                    "repeat": rule.every.total_seconds() if isinstance(rule, WatchdogRule) else None,
                    "error": observed.failed.get(rule.name),
                }

    return json.dumps(list(cases()))


def _observations_json(observed: Observed) -> str:
    return json.dumps(
        [
            {
                "fingerprint": each.fingerprint,
                "rule": each.rule,
                "severity": each.severity,
                "labels": each.labels,
                "value": each.value,
                "threshold": each.threshold,
                "bad": each.bad,
                "clear": each.clear,
                "reason": each.reason,
            }
            for each in observed.observations
        ]
    )


def _write_down(connection: Connection, in_force: InForce, done: Evaluation, seconds: float) -> None:
    connection.execute(
        sql("alerts/note_evaluation"),
        {
            "at": done.at,
            "seconds": seconds,
            "rule_set": in_force.hash,
            "rules": done.rules,
            "instances": done.instances,
            "changes": done.changes,
            "notices": done.notices,
            "failed": json.dumps(done.failed),
        },
    )
    connection.execute(sql("alerts/forget_states"), {"at": done.at})
