"""Where the values of alert rules come from: one line a source, and its statement in sql/queries/alerts.

Two kinds. A source of *samples* has rows with a time, a value and at most three labels, which the statement
`sample_<name>` gives; rules aggregate them over a window. A source of *gauges* has named values as they stand
now, for each set of its labels, which `gauge_<name>` computes. A rule names a source, never SQL.
docs/alert-rules.md says what each holds.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from include.services import SERVICES

SHORTEST_QUOTA = 60.0  # seconds; a limit by the second is a pace, and used up in ordinary work


@dataclass(frozen=True)
class SampleSource:
    """One source.

    Attributes:
        labels: at most three; what rules may match and group by.
        samples: statements without their `sample_`, each with the labels that its rows must be narrowed to;
            the first one whose labels a rule matches is used.
        units: of the measurements that it takes; for statements that ask for them.
        gauges: the names of its values; a source has these or samples.
        parameters: what its statement needs besides the moment.
    """

    name: str
    labels: tuple[str, ...]
    samples: tuple[tuple[str, tuple[str, ...]], ...] = ()
    units: tuple[str, ...] = ()
    gauges: tuple[str, ...] = ()
    parameters: Callable[[], dict[str, Any]] = dict


def _samples(name: str, *labels: str, narrowed: tuple[str, ...] = ()) -> SampleSource:
    return SampleSource(name, labels, samples=((name, narrowed),))


def _metrics(name: str, *units: str) -> SampleSource:
    """Measurements of atge_performance_metrics; an index helps who names one metric."""
    by_index = (("metric", ("metric_type", "metric_name")), ("metrics", ("metric_type",)))
    return SampleSource(name, ("metric_type", "metric_name", "user_id"), by_index, units)


def _gauges(
    name: str, labels: tuple[str, ...], *gauges: str, parameters: Callable[[], dict[str, Any]] = dict
) -> SampleSource:
    return SampleSource(name, labels, gauges=gauges, parameters=parameters)


def _quotas() -> dict[str, Any]:
    """The limits of the outside services that are counted by the minute or longer."""
    limits = [
        {"service": service.name, "calls": limit.calls, "seconds": limit.seconds}
        for service in SERVICES.values()
        for limit in service.limits
        if limit.seconds >= SHORTEST_QUOTA
    ]
    return {"quotas": json.dumps(limits)}


_PROBE_GAUGES = ("status", "missed_checks", "overdue_seconds", "completeness_percent")
_ACCESS_GAUGES = ("requirement_age_seconds", "check_age_seconds", "unreadable", "grace_ends_in_seconds")
_SERVICE_GAUGES = ("broken_seconds", "held_seconds", "quota_used_percent")

_TABLE = (
    _metrics("durations", "ms", "seconds"),
    _metrics("counts", "count"),
    _samples("own_api", "route", "outcome"),
    _samples("service_calls", "service", "outcome"),
    _samples("operations", "kind", "name", "outcome"),
    _samples("errors", "error_type", "severity", "cause"),
    _samples("settled", "symbol", "user_id", "timeframe"),
    _samples("ratings", "feedback_type"),
    _samples("probes", "service", "kind", "status"),
    _samples("model_calls", "purpose", "outcome", "model"),
    _samples("second_model", "purpose", "outcome", "model"),
    _samples("orders", "exchange", "symbol", "status"),
    _samples("messages", "source", "kind", "status"),
    _samples("system", "gauge", "host", "subject", narrowed=("gauge",)),
    _gauges("trading", (), "expired_waiting", "due", "due_for_seconds"),
    _gauges("market_data", ("symbol",), "candle_age_seconds"),
    _gauges("services", ("service",), *_SERVICE_GAUGES, parameters=_quotas),
    _gauges("probe_status", ("service", "kind"), *_PROBE_GAUGES),
    _gauges("exchange", (), "stalled_seconds", "unknown_seconds", "drill_age_seconds", "differences"),
    _gauges("balances", ("exchange", "currency"), "total", "age_seconds"),
    _gauges("portfolio_syncs", ("portfolio_id",), "age_seconds", "file_age_seconds"),
    _gauges("risk", (), "failed"),
    _gauges("risk_verdicts", ("portfolio_id", "method", "confidence"), "traffic_light"),
    _gauges("token_access", (), *_ACCESS_GAUGES),
    _gauges("portfolio", ("user_id",), "drawdown", "volatility", "sharpe", "consecutive_losses"),
)
SOURCES: Mapping[str, SampleSource] = MappingProxyType({source.name: source for source in _TABLE})
