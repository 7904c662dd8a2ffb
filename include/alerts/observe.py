"""From rules and readings to observations: what each alert sees in this pass. Nothing here remembers."""

import hashlib
import json
import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from include.alerts.anomalies import modified_z_score
from include.alerts.rules import (
    COUNTING,
    AbsenceRule,
    AnomalyRule,
    LabelledSeries,
    NeverDataRule,
    OwnRule,
    RateRule,
    RatioRule,
    Rule,
    Severity,
    ThresholdRule,
    WatchdogRule,
)
from include.alerts.sources import MOST_SETS, Labels, Readings, SampleSelection, select
from include.words import in_numbers

MAX_INSTANCES = 1000  # sets of labels of one rule
QUANTILES = ("p50", "p95", "p99")
AGGREGATES = {
    "avg": "the average",
    "min": "the least",
    "max": "the most",
    "sum": "the sum",
    "count": "the number",
    "last": "the newest",
    "p50": "the median",
    "p95": "the 95th percentile",
    "p99": "the 99th percentile",
}
PER = {"second": 1, "minute": 60, "hour": 3600}


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
class Measured:
    """A value of a rule for one set of labels, before it is compared."""

    labels: Labels
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Observed:
    """All that a pass saw, and the rules of which it saw nothing, with the reason."""

    observations: list[Observation] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # rule -> why

    @property
    def with_data(self) -> set[str]:
        """The rules of which there was a value."""
        return {each.rule for each in self.observations if each.value is not None}


def selections_of(rule: Rule) -> list[SampleSelection]:
    """What the rule reads, in the order in which `observe` takes it."""
    if isinstance(rule, ThresholdRule):
        if rule.window is None:
            return [SampleSelection(rule.of.source, "gauges")]
        return [_select(rule.of, rule.by, rule.window.total_seconds())]
    if isinstance(rule, RateRule):
        return [_select(rule.of, rule.by, rule.window.total_seconds())]
    if isinstance(rule, RatioRule):
        seconds = rule.window.total_seconds()
        return [_select(rule.of, rule.by, seconds), _select(rule.to, rule.by, seconds)]
    if isinstance(rule, AbsenceRule):
        return [_select(rule.of, rule.by, (rule.seen_within or rule.window).total_seconds())]
    if isinstance(rule, AnomalyRule):
        stretch = rule.window.total_seconds()
        whole = (rule.baseline // rule.window + 1) * stretch
        of = rule.of
        return [
            select(of.source, "history", of.match, rule.by, whole, stretch=stretch, aggregate=of.aggregate)
        ]
    return []


def _select(series: LabelledSeries, by: list[str], seconds: float) -> SampleSelection:
    if series.aggregate in QUANTILES:
        return select(series.source, "quantiles", series.match, by, seconds)
    last = "last" if series.aggregate == "last" else ""
    return select(series.source, "summaries", series.match, by, seconds, aggregate=last)


def observe(
    rules: list[Rule],
    readings: Readings,
    at: datetime,
    refusal: str | None = None,
    without_data: Mapping[str, datetime] | None = None,
) -> Observed:
    """Compare what was read with what the rules allow.

    `refusal` is why the rule file as it is now was refused; `without_data` are the rules of which no earlier
    pass had a value, and since when they are in force. A rule whose source could not be read, or that
    has more than MAX_INSTANCES sets of labels, is in `failed` and has no observations.
    """
    observed = Observed()
    for rule in rules:
        if isinstance(rule, OwnRule | NeverDataRule):
            continue
        try:
            measured = _measure(rule, readings, at)
        except _CannotMeasureError as reason:
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


class _CannotMeasureError(ValueError):
    """Why a rule has no value in this pass."""


def _measure(rule: Rule, readings: Readings, at: datetime) -> list[Measured]:
    if isinstance(rule, WatchdogRule):
        return [Measured((), 1.0)]
    tables = [_read(selection, readings) for selection in selections_of(rule)]
    if isinstance(rule, ThresholdRule):
        gauge = rule.of.gauge is not None
        measured = _measure_gauge(rule, readings) if gauge else _measure_threshold(rule, *tables)
    elif isinstance(rule, RateRule):
        measured = _measure_rate(rule, *tables)
    elif isinstance(rule, RatioRule):
        measured = _measure_ratio(rule, *tables)
    elif isinstance(rule, AbsenceRule):
        measured = _measure_absence(rule, *tables, at=at)
    elif isinstance(rule, AnomalyRule):
        measured = _measure_anomaly(rule, *tables)
    else:
        raise TypeError(f"no way to measure a rule of kind {rule.kind}")
    if len(measured) > MAX_INSTANCES:
        raise _CannotMeasureError(f"{len(measured)} sets of labels, {MAX_INSTANCES} is the most: narrow it")
    return measured


Table = Mapping[Labels, Any]


def _read(selection: SampleSelection, readings: Readings) -> Table:
    if selection.source in readings.failed:
        raise _CannotMeasureError(
            f"source {selection.source} cannot be read: {readings.failed[selection.source]}"
        )
    table = readings.rows.get(selection, {})
    if len(table) > MOST_SETS:
        raise _CannotMeasureError(
            f"more than {MOST_SETS} sets of labels: narrow it by match, or group by less"
        )
    return table


def _pick(table: Table, series: LabelledSeries, by: list[str]) -> dict[Labels, Any]:
    """The rows of a selection that a series means, under the labels that it is grouped by."""
    picked = {}
    for labels, row in table.items():
        has = dict(labels)
        if all(has.get(name, value) == value for name, value in series.match.items()):
            picked[tuple(sorted((name, has.get(name, series.match.get(name, ""))) for name in by))] = row
    return picked


def _value(row: Any, aggregate: str) -> float | None:
    if aggregate in QUANTILES:
        return _finite(row.quantiles[QUANTILES.index(aggregate)])
    return _finite(row.samples if aggregate == "count" else getattr(row, aggregate))


def _finite(value: float | None) -> float | None:
    """What is no number is no data: it must neither fire nor stop the pass."""
    return float(value) if value is not None and math.isfinite(value) else None


def _measure_gauge(rule: ThresholdRule, readings: Readings) -> list[Measured]:
    table = readings.gauges.get((rule.of.source, str(rule.of.gauge)), {})
    kept = {
        labels: value
        for labels, value in table.items()
        if all(dict(labels).get(name) == wanted for name, wanted in rule.of.match.items())
    }
    return [Measured(labels, _finite(value)) for labels, value in kept.items()]


def _measure_threshold(rule: ThresholdRule, table: Table) -> list[Measured]:
    rows = _pick(table, rule.of, rule.by)
    measured = []
    for labels, row in rows.items():
        counts = rule.of.aggregate in COUNTING
        if row.samples < rule.min_count and not counts:
            reason = f"{in_numbers(row.samples, 'sample')}, {rule.min_count} are needed"
            measured.append(Measured(labels, None, reason))
        else:
            reason = f"{AGGREGATES[rule.of.aggregate]} of {in_numbers(row.samples, 'sample')}"
            measured.append(Measured(labels, _value(row, rule.of.aggregate), reason))
    if not rows and not rule.by:
        nothing = 0.0 if rule.of.aggregate in COUNTING else None
        measured.append(Measured((), nothing, "no samples in the window"))
    return measured


def _measure_rate(rule: RateRule, table: Table) -> list[Measured]:
    seconds = rule.window.total_seconds()
    amounts = {
        labels: _value(row, rule.of.aggregate) or 0.0
        for labels, row in _pick(table, rule.of, rule.by).items()
    }
    if not amounts and not rule.by:
        amounts[()] = 0.0
    return [
        Measured(labels, amount / seconds * PER[rule.per], f"{amount:.6g} in {seconds / 60:g} min")
        for labels, amount in amounts.items()
    ]


def _measure_ratio(rule: RatioRule, of_table: Table, to_table: Table) -> list[Measured]:
    parts = _pick(of_table, rule.of, rule.by)
    missing = 0.0 if rule.of.aggregate in COUNTING else None
    measured = []
    for labels, row in _pick(to_table, rule.to, rule.by).items():
        whole = _value(row, rule.to.aggregate)
        part = _value(parts[labels], rule.of.aggregate) if labels in parts else missing
        if row.samples < rule.min_count:
            measured.append(Measured(labels, None, f"of {row.samples}, {rule.min_count} are needed"))
        elif not whole:
            measured.append(Measured(labels, None, "a share of nothing"))
        elif part is None:
            measured.append(Measured(labels, None, "no samples of the part"))
        else:
            measured.append(Measured(labels, _finite(100 * part / whole), f"{part:g} of {whole:g}"))
    return measured if measured or rule.by else [Measured((), None, "a share of nothing")]


def _measure_absence(rule: AbsenceRule, table: Table, *, at: datetime) -> list[Measured]:
    """The value is the length of the silence in seconds; for what never came, the time looked back."""
    rows = _pick(table, rule.of, rule.by)
    looked_back = (rule.seen_within or rule.window).total_seconds()
    inventory = [tuple(sorted(labels.items())) for labels in rule.expect] if rule.by else [()]
    if rule.seen_within is not None:
        inventory = list(rows)
    measured = []
    for labels in inventory:
        last_at = rows[labels].last_at if labels in rows else None
        silence = looked_back if last_at is None else (at - last_at).total_seconds()
        reason = "nothing in the time looked back" if last_at is None else f"last at {last_at:%F %T} UTC"
        measured.append(Measured(labels, silence, reason))
    return measured


def _measure_anomaly(rule: AnomalyRule, table: Table) -> list[Measured]:
    measured = []
    for labels, row in _pick(table, rule.of, rule.by).items():
        baseline = [value for value in row.baseline or () if value is not None]
        if row.newest is None:
            measured.append(Measured(labels, None, "no samples in the newest window"))
        elif len(baseline) < rule.min_windows:
            reason = f"a baseline of {len(baseline)} windows, {rule.min_windows} are needed"
            measured.append(Measured(labels, None, reason))
        else:
            found = _finite(modified_z_score(row.newest, baseline))
            middle = f"{row.newest:g}, where {statistics.median(baseline):g} is usual"
            reason = middle if found is not None else f"{middle} and never varies: nothing can be said"
            measured.append(Measured(labels, found, reason))
    return measured if measured or rule.by else [Measured((), None, "no samples in the baseline")]


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
