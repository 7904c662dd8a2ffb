"""Where the values of alert rules come from: declared sources, each read by few statements for all rules.

Two kinds. A source of *samples* has rows with a time, a value and at most three labels; rules aggregate them
over a window. A source of *gauges* computes named values as they stand now, for each set of its labels. The
statements are files in sql/queries; a rule names a source, never SQL.
"""

import functools
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.exc import DBAPIError

from include.database import sql
from include.services import SERVICES

logger = logging.getLogger(__name__)

Labels = tuple[tuple[str, str], ...]  # sorted by name
SHORTEST_QUOTA = 60.0  # seconds; a limit by the second is a pace, and used up in ordinary work
MOST_SETS = 10_000  # sets of labels that one selection gives; one more is read, to notice that there are more


@dataclass(frozen=True)
class SampleSource:
    """Where values come from.

    `samples`: statements that give the samples, each with the labels that its rows must be narrowed to; the
    first one whose labels a rule matches is used. `units` are those of the measurements that it takes.
    `gauges`: the values that the statement `alerts/gauge_<name>` gives; a source has these or samples.
    """

    name: str
    about: str
    labels: tuple[str, ...]
    samples: tuple[tuple[str, tuple[str, ...]], ...] = ()
    units: tuple[str, ...] = ()
    gauges: tuple[str, ...] = ()


_METRICS = (("metric", ("metric_type", "metric_name")), ("metrics", ("metric_type",)))
_METRIC_LABELS = ("metric_type", "metric_name", "user_id")

_DECLARED = (
    SampleSource("durations", "atge_performance_metrics, in ms", _METRIC_LABELS, _METRICS, ("ms", "seconds")),
    SampleSource("counts", "atge_performance_metrics with unit count", _METRIC_LABELS, _METRICS, ("count",)),
    SampleSource(
        "operations",
        "how measured operations ended: 100 failed, 0 went well",
        ("kind", "name", "outcome"),
        (("operations", ()),),
    ),
    SampleSource(
        "errors", "atge_error_logs, 1 a row", ("error_type", "severity", "cause"), (("errors", ()),)
    ),
    SampleSource(
        "settled", "settled trades: 100 won, 0 lost", ("symbol", "user_id", "timeframe"), (("settled", ()),)
    ),
    SampleSource("probes", "latency of probes, in ms", ("service", "kind", "status"), (("probes", ()),)),
    SampleSource(
        "model_calls",
        "calls of the language model, in ms",
        ("purpose", "outcome", "model"),
        (("model_calls", ()),),
    ),
    SampleSource(
        "system",
        "cpu_percent, memory_percent, disk_percent",
        ("gauge", "host", "subject"),
        (("system", ("gauge",)),),
    ),
    SampleSource(
        "trading", "how the sweep keeps up", (), gauges=("expired_waiting", "due", "due_for_seconds")
    ),
    SampleSource("market_data", "the store of candles", ("symbol",), gauges=("candle_age_seconds",)),
    SampleSource(
        "services",
        "outside services, as include/http meets them",
        ("service",),
        gauges=("broken_seconds", "held_seconds", "quota_used_percent"),
    ),
    SampleSource(
        "probe_status",
        "the newest word of each probe",
        ("service", "kind"),
        gauges=("status", "missed_checks", "overdue_seconds", "completeness_percent"),
    ),
    SampleSource(
        "portfolio",
        "risk figures of each user, over 30 days",
        ("user_id",),
        gauges=("drawdown", "volatility", "sharpe", "consecutive_losses"),
    ),
)
SOURCES: Mapping[str, SampleSource] = MappingProxyType({source.name: source for source in _DECLARED})


@dataclass(frozen=True)
class SampleSelection:
    """What a rule asks of a source. Equal selections of several rules are read once.

    Samples: `form` is `summaries`, `quantiles` or `history`, the window ends now and is `seconds` long;
    `history` cuts it into stretches. Gauges: `form` is `gauges`.
    """

    source: str
    form: str
    samples: str = ""
    keys: Labels = ()  # the rows are narrowed to these by the statement
    grouped: tuple[str, ...] = ()
    seconds: float = 0.0
    stretch: float = 0.0
    aggregate: str = ""  # of each stretch


@dataclass(frozen=True)
class Readings:
    """What the sources gave: rows by selection and labels; and the sources that could not be read."""

    rows: Mapping[SampleSelection, Mapping[Labels, Row[Any]]]
    gauges: Mapping[tuple[str, str], Mapping[Labels, float]]  # (source, gauge)
    failed: Mapping[str, str]  # source -> why


def select(
    source: str,
    form: str,
    match: Mapping[str, str],
    by: Iterable[str],
    seconds: float,
    *,
    stretch: float = 0.0,
    aggregate: str = "",
) -> SampleSelection:
    """Make the selection that serves a rule: narrowed where an index helps, grouped by all else it names."""
    declared = SOURCES[source]
    samples, keys = next((name, keys) for name, keys in declared.samples if set(keys) <= match.keys())
    named = {*by, *match} - set(keys)
    return SampleSelection(
        source,
        form,
        samples,
        tuple(sorted((key, match[key]) for key in keys)),
        tuple(label for label in declared.labels if label in named),
        seconds,
        stretch,
        aggregate,
    )


def read_sources(connection: Connection, selections: Iterable[SampleSelection], at: datetime) -> Readings:
    """Read all selections, a few statements in all. What cannot be read is in `failed`; the rest goes on.

    Raises DBAPIError when the connection itself is lost.
    """
    rows: dict[SampleSelection, dict[Labels, Row[Any]]] = {}
    gauges: dict[tuple[str, str], dict[Labels, float]] = {}
    failed: dict[str, str] = {}
    wanted = dict.fromkeys(selections)
    for statement, batch in _by_statement(wanted).items():
        source = batch[0].source
        try:
            with connection.begin_nested():
                found = connection.execute(statement, _parameters(batch, at)).all()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            failed[source] = _in_words(error)
            logger.warning("source %s cannot be read: %s", source, failed[source])
            continue
        if batch[0].form == "gauges":
            for row in found:
                labels = _labels(row, SOURCES[source].labels)
                gauges.setdefault((source, row.gauge), {})[labels] = row.value
        else:
            rows.update({selection: {} for selection in batch})
            for row in found:
                selection = batch[row.id]
                rows[selection][_labels(row, SOURCES[source].labels, selection.grouped)] = row
    return Readings(rows, gauges, failed)


def _by_statement(selections: Iterable[SampleSelection]) -> dict[TextClause, list[SampleSelection]]:
    batches: dict[TextClause, list[SampleSelection]] = {}
    for selection in selections:
        # One statement a source, so that a source that cannot be read takes no other along.
        statement = _statement(selection.source, selection.form, selection.samples)
        batches.setdefault(statement, []).append(selection)
    return batches


@functools.cache
def _statement(source: str, form: str, samples: str) -> TextClause:
    if form == "gauges":
        return text(sql(f"alerts/gauge_{source}").text)
    return text(sql(f"alerts/compute_{form}").text.replace("{samples}", sql(f"alerts/sample_{samples}").text))


def _parameters(batch: list[SampleSelection], at: datetime) -> dict[str, Any]:
    if batch[0].form == "gauges":
        return {"at": at} | ({"quotas": _quotas()} if batch[0].source == "services" else {})
    wanted = [
        {
            "id": number,
            "seconds": selection.seconds,
            "match": dict(selection.keys),
            "units": SOURCES[selection.source].units,
            "grouped": [label in selection.grouped for label in SOURCES[selection.source].labels],
            "wants_last": selection.aggregate == "last",
            "stretch": selection.stretch,
            "aggregate": selection.aggregate,
        }
        for number, selection in enumerate(batch)
    ]
    return {"at": at, "selections": json.dumps(wanted), "most": MOST_SETS + 1}


def _quotas() -> str:
    return json.dumps(
        [
            {"service": service.name, "calls": limit.calls, "seconds": limit.seconds}
            for service in SERVICES.values()
            for limit in service.limits
            if limit.seconds >= SHORTEST_QUOTA
        ]
    )


def _labels(row: Row[Any], names: tuple[str, ...], grouped: tuple[str, ...] | None = None) -> Labels:
    """The labels of a row. One that the row does not have is empty, as in Prometheus."""
    values = zip(names, (row.label_1, row.label_2, row.label_3), strict=False)
    return tuple(sorted((name, value or "") for name, value in values if grouped is None or name in grouped))


def _in_words(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
