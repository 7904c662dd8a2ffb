"""From readings to values: what a rule measures, for each set of its labels. Nothing here compares.

For each kind of rule two functions: what it reads (`selections_of`) and how that becomes values (`measure`).
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.alerts.anomalies import modified_z_score
from include.alerts.readings import (
    MAX_LABEL_SETS_READ,
    Labels,
    Readings,
    SampleSelection,
    select,
)
from include.alerts.rules import (
    COUNTING,
    AbsenceRule,
    AnomalyRule,
    LabelledSeries,
    RateRule,
    RatioRule,
    Rule,
    ThresholdRule,
    WatchdogRule,
)
from include.humanize import count_text

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

Table = Mapping[Labels, Any]  # the rows of a selection


@dataclass(frozen=True)
class Measured:
    """A value of a rule for one set of labels, before it is compared."""

    labels: Labels
    value: float | None
    reason: str = ""


class CannotMeasureError(ValueError):
    """Why a rule has no value in this pass."""


def selections_of(rule: Rule) -> list[SampleSelection]:
    """What the rule reads, in the order in which `measure` takes it."""
    match rule:
        case ThresholdRule(window=None):
            return [SampleSelection(rule.of.source, "gauges")]
        case ThresholdRule() | RateRule():
            window = rule.window or timedelta(0)  # only a gauge has none
            return [_select(rule.of, rule.by, window.total_seconds())]
        case RatioRule():
            seconds = rule.window.total_seconds()
            return [_select(rule.of, rule.by, seconds), _select(rule.to, rule.by, seconds)]
        case AbsenceRule():
            return [_select(rule.of, rule.by, (rule.seen_within or rule.window).total_seconds())]
        case AnomalyRule():
            stretch = rule.window.total_seconds()
            whole = (rule.baseline // rule.window + 1) * stretch
            of, by = rule.of, rule.by
            return [
                select(of.source, "history", of.match, by, whole, stretch=stretch, aggregate=of.aggregate)
            ]
        case _:
            return []


def _select(series: LabelledSeries, by: list[str], seconds: float) -> SampleSelection:
    if series.aggregate in QUANTILES:
        return select(series.source, "quantiles", series.match, by, seconds)
    last = "last" if series.aggregate == "last" else ""
    return select(series.source, "summaries", series.match, by, seconds, aggregate=last)


def measure(
    rule: Rule,
    readings: Readings,
    at: datetime,
    *,
    max_label_sets: int = MAX_LABEL_SETS_READ,
    max_instances: int = MAX_INSTANCES,
) -> list[Measured]:
    """Compute a rule's value for each set of its labels.

    Raises CannotMeasureError, in words, when a source could not be read or there are too many sets of labels.
    """
    tables = [_table(selection, readings, max_label_sets) for selection in selections_of(rule)]
    match rule:
        case WatchdogRule():
            measured = [Measured((), 1.0)]
        case ThresholdRule(window=None):
            measured = _measure_gauge(rule, readings)
        case ThresholdRule():
            measured = _measure_threshold(rule, *tables)
        case RateRule():
            measured = _measure_rate(rule, *tables)
        case RatioRule():
            measured = _measure_ratio(rule, *tables)
        case AbsenceRule():
            measured = _measure_absence(rule, *tables, at=at)
        case AnomalyRule():
            measured = _measure_anomaly(rule, *tables)
        case _:
            raise TypeError(f"no way to measure a rule of kind {rule.kind}")
    if len(measured) > max_instances:
        raise CannotMeasureError(f"{len(measured)} sets of labels, {max_instances} is the most: narrow it")
    return measured


def _table(selection: SampleSelection, readings: Readings, max_label_sets: int) -> Table:
    if selection.source in readings.failed:
        why = readings.failed[selection.source]
        raise CannotMeasureError(f"source {selection.source} cannot be read: {why}")
    table = readings.rows.get(selection, {})
    if len(table) > max_label_sets:
        raise CannotMeasureError(
            f"more than {max_label_sets} sets of labels: narrow it by match, or group by less"
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
            reason = f"{count_text(row.samples, 'sample')}, {rule.min_count} are needed"
            measured.append(Measured(labels, None, reason))
        else:
            reason = f"{AGGREGATES[rule.of.aggregate]} of {count_text(row.samples, 'sample')}"
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
