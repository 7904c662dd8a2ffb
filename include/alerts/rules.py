"""Alert rules as data: what a rule file may say, checked.

Durations are written as Prometheus writes them: `90s`, `5m`, `1h30m`, `7d`. Comparisons are strict: a rule
`above: 500` is quiet at 500. docs/alert-rules.md explains each word to the people who write rules.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from include.alerts.channels import check_channel_names
from include.alerts.sample_sources import SOURCES

LONGEST_WINDOW = timedelta(days=30)  # nobody has older metrics: retention

_WINDOW_TOO_LONG = "no data is kept for so long: 30d is the most"
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def _read_duration(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a duration is written like 90s, 5m, 1h30m or 7d")
    found = _DURATION.fullmatch(value)
    if not value or not found:
        raise ValueError(f"{value!r} is no duration: write it like 90s, 5m, 1h30m or 7d")
    parts = {_UNITS[unit]: int(part or 0) for unit, part in zip("dhms", found.groups(), strict=True)}
    try:
        return timedelta(**parts)
    except OverflowError:
        raise ValueError(_WINDOW_TOO_LONG) from None


def _at_most_longest(value: timedelta) -> timedelta:
    if value > LONGEST_WINDOW:
        raise ValueError(_WINDOW_TOO_LONG)
    return value


def _longer_than_nothing(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be longer than nothing")
    return value


Duration = Annotated[timedelta, BeforeValidator(_read_duration), AfterValidator(_at_most_longest)]
Window = Annotated[Duration, AfterValidator(_longer_than_nothing)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,59}$")]
Severity = Literal["critical", "warning", "info"]
Aggregate = Literal["avg", "min", "max", "sum", "count", "last", "p50", "p95", "p99"]
Number = Annotated[float, Field(allow_inf_nan=False)]
Limits = Annotated[dict[Severity, Number], Field(min_length=1)]
COUNTING = ("sum", "count")  # of nothing they are 0, the others are unknown


def _known(name: str) -> str:
    check_channel_names([name])
    return name


ChannelName = Annotated[str, AfterValidator(_known)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Step(_Strict):
    """One level of an escalation: who else is notified when so much time has passed since it fired."""

    after: Duration = timedelta(0)
    channels: list[ChannelName] | None = Field(None, min_length=1)


class LabelledSeries(_Strict):
    """What is looked at: samples of a source and how those in the window become one value, or a gauge."""

    source: str
    match: dict[str, str] = {}
    aggregate: Aggregate = "avg"
    gauge: str | None = None

    @model_validator(mode="after")
    def _source_can(self) -> Self:
        if self.source not in SOURCES:
            raise ValueError(f"there is no source {self.source!r}: there are {', '.join(SOURCES)}")
        _know_labels(self, self.match)
        source = SOURCES[self.source]
        if source.gauges:
            if self.gauge not in source.gauges:
                raise ValueError(f"name a gauge of source {self.source}: {', '.join(source.gauges)}")
            if "aggregate" in self.model_fields_set:
                raise ValueError("aggregate makes no sense with a gauge: it is as it is now")
            return self
        if self.gauge is not None:
            raise ValueError(f"source {self.source} has samples, no gauges")
        needed = min((keys for _, keys in source.samples), key=len)
        missing = [key for key in needed if key not in self.match]
        if missing:
            raise ValueError(f"source {self.source} needs {', '.join(missing)} in match")
        return self


def _know_labels(series: LabelledSeries, labels: Iterable[str]) -> None:
    known = SOURCES[series.source].labels
    for label in labels:
        if label not in known:
            has = ", ".join(known) or "none"
            raise ValueError(f"source {series.source} has no label {label!r}: it has {has}")


def _need_samples(series: LabelledSeries, by: Iterable[str], aggregates: Iterable[str] | None = None) -> None:
    if series.gauge is not None:
        raise ValueError(f"this kind of rule needs samples, and source {series.source} has gauges")
    if aggregates is not None and series.aggregate not in aggregates:
        raise ValueError(f"aggregate must be one of {', '.join(aggregates)} here")
    _know_labels(series, by)


class _Rule(_Strict):
    """What every rule says."""

    name: Name
    summary: Annotated[str, Field(min_length=3, max_length=120)]
    owner: str
    runbook: Annotated[str, Field(pattern=r"^(https?://|docs/)\S+$")]
    escalation: str | None = None  # None: the one that the file gives for the severity
    # Where steps go that name no channel themselves; None: where the severity goes.
    channels: list[ChannelName] | None = Field(None, min_length=1)
    for_: Duration = Field(timedelta(0), alias="for")
    recover_for: Duration | None = None  # None: as `for`, so that resolving takes as much proof as firing
    cooldown: Duration = timedelta(minutes=30)
    no_data: Literal["normal", "hold", "alert"] = "hold"
    no_data_for: Duration = timedelta(minutes=5)
    error_for: Duration = timedelta(minutes=2)

    @property
    def severities(self) -> list[Severity]:
        """One alert each."""
        return [self.severity]  # type: ignore[attr-defined]

    @property
    def recovery(self) -> timedelta:
        """How long all must be well before it is resolved."""
        return self.for_ if self.recover_for is None else self.recover_for


class _Compared(_Rule):
    """A rule that compares a value with a limit for each severity."""

    above: Limits | None = None
    below: Limits | None = None
    clear: dict[Severity, Number] = {}  # once it fires, a value must come past this to count as well
    unit: str = ""

    @property
    def limits(self) -> dict[Severity, float]:
        """The limit of each severity."""
        return self.above or self.below or {}

    @property
    def severities(self) -> list[Severity]:
        """One alert each."""
        return list(self.limits)

    @model_validator(mode="after")
    def _limits_make_sense(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either above or below")
        sign = 1 if self.above else -1
        for severity, clear in self.clear.items():
            if severity not in self.limits:
                raise ValueError(f"clear names {severity}, for which there is no limit")
            if sign * clear > sign * self.limits[severity]:
                raise ValueError(f"clear for {severity} lies beyond the limit: it would never hold")
        if {"warning", "critical"} <= self.limits.keys() and not (
            sign * self.limits["warning"] < sign * self.limits["critical"]
        ):
            raise ValueError("critical must lie beyond warning")
        return self


class ThresholdRule(_Compared):
    """An aggregate over a window, or a gauge, beyond a limit."""

    kind: Literal["threshold"]
    of: LabelledSeries
    window: Window | None = None
    by: list[str] = []  # a gauge is looked at for each set of its labels
    min_count: Annotated[int, Field(ge=1)] = 1  # fewer samples are no data

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if self.of.gauge is not None:
            for useless in ("window", "by", "min_count"):
                if useless in self.model_fields_set:
                    raise ValueError(f"{useless} makes no sense with a gauge: it is as it is now")
            return self
        if self.window is None:
            raise ValueError("window is missing")
        _need_samples(self.of, self.by)
        return self


class RateRule(_Compared):
    """Samples, or the sum of their values, for each unit of time."""

    kind: Literal["rate"]
    of: LabelledSeries
    window: Window
    by: list[str] = []
    per: Literal["second", "minute", "hour"] = "minute"

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        _need_samples(self.of, self.by, COUNTING)
        return self


class RatioRule(_Compared):
    """One value as a share of another, in percent."""

    kind: Literal["ratio"]
    of: LabelledSeries
    to: LabelledSeries
    window: Window
    by: list[str] = []
    min_count: Annotated[int, Field(ge=1)] = 1  # samples of `to`; fewer are no data

    @model_validator(mode="after")
    def _labels_are_known(self) -> Self:
        for series in (self.of, self.to):
            _need_samples(series, self.by)
        return self


class AbsenceRule(_Rule):
    """Something that should come has not come for the length of the window."""

    kind: Literal["absence"]
    severity: Severity
    of: LabelledSeries
    window: Window
    expect: list[dict[str, str]] = []  # what should be there; or
    seen_within: Window | None = None  # everything that was there within this time
    by: list[str] = []

    @model_validator(mode="after")
    def _inventory_makes_sense(self) -> Self:
        _need_samples(self.of, self.by)
        if bool(self.expect) and self.seen_within is not None:
            raise ValueError("give either expect or seen_within")
        if self.seen_within is not None and self.seen_within <= self.window:
            raise ValueError("seen_within must be longer than window")
        if self.by and not self.expect and self.seen_within is None:
            raise ValueError("with by, say what should be there: expect or seen_within")
        for labels in self.expect:
            if set(labels) != set(self.by):
                raise ValueError("each entry of expect needs exactly the labels in by")
        return self


class AnomalyRule(_Rule):
    """The newest window is unlike the windows before it: modified z-score by median and MAD."""

    kind: Literal["anomaly"]
    severity: Severity
    of: LabelledSeries
    window: Window
    baseline: Window
    by: list[str] = []
    cut: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3.5
    direction: Literal["both", "above", "below"] = "both"
    min_windows: Annotated[int, Field(ge=10)] = 30  # of the baseline; fewer are no data

    @model_validator(mode="after")
    def _baseline_is_long_enough(self) -> Self:
        _need_samples(self.of, self.by, ("avg", "min", "max", "sum", "count"))
        if self.baseline < self.window * self.min_windows:
            raise ValueError("baseline is shorter than min_windows windows")
        if self.baseline / self.window > 10_000:
            raise ValueError("baseline is longer than 10000 windows")
        return self


class WatchdogRule(_Rule):
    """Always fires; its notices show that the whole chain works."""

    kind: Literal["watchdog"]
    severity: Severity = "info"
    every: Window


class OwnRule(_Rule):
    """What the evaluation finds wrong with itself: a broken rule file, a source that cannot be read."""

    kind: Literal["rules_refused", "source_failed"]
    severity: Severity


class NeverDataRule(_Rule):
    """Other rules never had data since they are in force, as they are written: they cannot have fired."""

    kind: Literal["never_data"]
    severity: Severity = "info"
    after: Window  # in force for so long


Rule = Annotated[
    ThresholdRule | RateRule | RatioRule | AbsenceRule | AnomalyRule | WatchdogRule | OwnRule | NeverDataRule,
    Field(discriminator="kind"),
]
REQUIRED = ("watchdog", "rules_refused", "source_failed")  # exactly one of each


class RuleSet(_Strict):
    """A rule file."""

    owners: Annotated[dict[str, str], Field(min_length=1)]  # name -> who that is
    escalations: dict[str, Annotated[list[Step], Field(min_length=1, max_length=10)]]
    routes: dict[Severity, str]  # the escalation of each severity, unless a rule names another
    rules: Annotated[list[Rule], Field(max_length=5000)]


@dataclass(frozen=True)
class RuleFault:
    """What is wrong with a rule set as a whole, and where."""

    path: tuple[str | int, ...]
    message: str


def find_faults(rules: RuleSet) -> Iterator[RuleFault]:
    """Look for names that are used but unknown, used twice, or needed and missing."""
    for name, steps in rules.escalations.items():
        delays = [step.after for step in steps]
        if delays[0] or delays != sorted(set(delays)):
            yield RuleFault(("escalations", name), "the first step comes at once, each other one later")
    for severity in ("critical", "warning", "info"):
        if rules.routes.get(severity) not in rules.escalations:
            yield RuleFault(("routes", severity), f"routes names no known escalation for {severity}")
    seen: set[str] = set()
    for number, rule in enumerate(rules.rules):
        if rule.name in seen:
            yield RuleFault(("rules", number, "name"), f"a rule {rule.name} is there already")
        seen.add(rule.name)
        if rule.owner not in rules.owners:
            yield RuleFault(("rules", number, "owner"), f"owner {rule.owner!r} is not among owners")
        if rule.escalation is not None and rule.escalation not in rules.escalations:
            message = f"escalation {rule.escalation!r} is not among escalations"
            yield RuleFault(("rules", number, "escalation"), message)
    for kind in REQUIRED:
        if sum(rule.kind == kind for rule in rules.rules) != 1:
            yield RuleFault(("rules",), f"exactly one rule of kind {kind} is needed")


def escalation_of(rules: RuleSet, rule: Rule, severity: Severity) -> list[Step]:
    """The steps by which people are notified of an alert; those that name no channel take the rule's."""
    steps = rules.escalations[rule.escalation or rules.routes[severity]]
    if rule.channels is None:
        return steps
    return [step if step.channels else step.model_copy(update={"channels": rule.channels}) for step in steps]
