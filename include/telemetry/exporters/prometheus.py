"""What Prometheus scrapes: one truth for all workers and machines, read from PostgreSQL.

`read_metrics` reads, and keeps the reading in the database for who else asks within seconds; `write_metrics`
makes the text. Counters come from totals that only grow (docs/metrics.md), so that neither a restart, nor
another worker, nor retention makes one fall. Each name is declared in `families`.
"""

import functools
import json
import math
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.database import schema_revision, sql, statement_timeout
from include.telemetry.exporters.declared_metric import DeclaredMetric
from include.telemetry.exporters.families import METRICS, ORDER_STATUSES
from include.telemetry.totals import fold_changes

SCRAPE_LOCK = 0x6D657472696373  # "metrics": one reads, the others wait for what it has read
TIME_LIMIT = 2.0  # seconds that the database has for a scrape; Prometheus gives up after 10
FRESH = 10.0  # seconds for which a reading is shared; shorter than a usual interval of 15
PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"

Sample = tuple[str, Mapping[str, str], str, float]  # name, labels, upper bound of a bucket or "", value


class MetricsUnavailableError(RuntimeError):
    """The database is away, or had no time: there are no metrics, which is not the same as none to tell."""


@dataclass(frozen=True)
class EndedRuns:
    """What Airflow knows: the DAGs it runs, and runs that ended (`dag_id, run_id, ended_at, state`)."""

    dags: Sequence[str]
    ended: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class MetricsReading:
    """What was read, and how many seconds ago: samples, the bounds of histograms, the names of the DAGs."""

    samples: Sequence[Sample]
    bounds: Mapping[str, Sequence[float]]
    dags: Sequence[str]
    age: float


def read_metrics(
    engine: Engine,
    find_runs: Callable[[datetime | None], EndedRuns],
    *,
    fresh: float = FRESH,
    time_limit: float = TIME_LIMIT,
) -> MetricsReading:
    """Read all metrics, or take the reading of somebody who did so within `fresh` seconds.

    Args:
        engine: the platform's database.
        find_runs: gives the DAGs, and the runs that ended after a time (tz-aware UTC; None: all).
        fresh: for how many seconds a reading is good.
        time_limit: seconds that the database has in all.

    Raises:
        MetricsUnavailableError: the database did not answer in time.
        DatabaseError: it cannot be reached.
    """
    deadline = time.monotonic() + time_limit
    try:
        with engine.begin() as connection:
            _limit(connection, deadline)
            if (kept := _kept(connection, fresh)) is not None:
                return kept
        with engine.begin() as connection:
            _limit(connection, deadline)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCRAPE_LOCK})
            if (kept := _kept(connection, fresh)) is not None:
                return kept
            return _read_anew(connection, find_runs, deadline)
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        raise MetricsUnavailableError(f"the metrics could not be read from the database: {said}") from error


def write_metrics(
    reading: MetricsReading, accept: str, known: Mapping[str, Sequence[str]]
) -> tuple[bytes, str]:
    """Write a reading as a scraper wants it by its Accept header; give the text and its content type.

    `known` has values of labels that `families` leaves open, such as the sources of candles: their series are
    0 before anything has happened.
    """
    registry = CollectorRegistry()
    registry.register(_Written(reading, known))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _read_anew(
    connection: Connection, find_runs: Callable[[datetime | None], EndedRuns], deadline: float
) -> MetricsReading:
    since = connection.execute(sql("telemetry/find_counted")).scalar_one()
    runs = find_runs(since)
    if runs.ended:
        _limit(connection, deadline)
        connection.execute(sql("telemetry/count_runs"), {"runs": json.dumps([*runs.ended], default=str)})
    _limit(connection, deadline)
    fold_changes(connection)
    _limit(connection, deadline)
    gauges = connection.execute(sql("telemetry/measure_gauges")).all()
    _limit(connection, deadline)
    totals = connection.execute(text("SELECT metric, labels, le, value FROM metric_values")).all()
    bounds = connection.execute(text("SELECT metric, bounds FROM metric_histograms()")).all()
    samples: list[Sample] = [
        *((row.metric, row.labels, "", float(row.value)) for row in gauges),
        *((row.metric, row.labels, row.le, float(row.value)) for row in totals),
        (
            "tradeops_build_info",
            {"version": _version(), "schema": schema_revision(connection) or "none"},
            "",
            1.0,
        ),
    ]
    reading = MetricsReading(samples, {row.metric: row.bounds for row in bounds}, sorted(runs.dags), 0.0)
    kept = json.dumps({"samples": reading.samples, "bounds": reading.bounds, "dags": reading.dags})
    connection.execute(sql("telemetry/keep_metrics"), {"samples": kept})
    return reading


def _kept(connection: Connection, fresh: float) -> MetricsReading | None:
    row = connection.execute(sql("telemetry/read_metrics"), {"fresh": fresh}).one_or_none()
    if row is None:
        return None
    samples = [(name, labels, le, value) for name, labels, le, value in row.samples["samples"]]
    return MetricsReading(samples, row.samples["bounds"], row.samples["dags"], float(row.age))


def _limit(connection: Connection, deadline: float) -> None:
    """Give the next statement what is left of the time; if that is nothing, it is a timeout too."""
    left = max(deadline - time.monotonic(), 0.001)
    statement_timeout(connection, timedelta(seconds=left))


@functools.cache
def _version() -> str:
    return str(tomllib.loads(PYPROJECT.read_text())["project"]["version"])


def _text_of(bound: float) -> str:
    text_of_bound: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
    return text_of_bound


class _Written(Collector):
    """The families of one reading."""

    def __init__(self, reading: MetricsReading, known: Mapping[str, Sequence[str]]) -> None:
        self._bounds = reading.bounds
        self._known = {**known, "dag": reading.dags}
        self._samples: dict[str, list[tuple[Mapping[str, str], str, float]]] = defaultdict(list)
        for name, labels, le, value in reading.samples:
            self._samples[name].append((labels, le, value))
        self._samples["tradeops_scrape_age_seconds"] = [({}, "", reading.age)]
        # Counted as orders move: there is none in a status that none ever had.
        self._samples["orders_by_status"][:0] = [({"status": status}, "", 0.0) for status in ORDER_STATUSES]

    def collect(self) -> Iterator[Metric]:
        """Give every declared family, also one without a series: its HELP says what will be there."""
        for declared in METRICS:
            if declared.kind == "histogram":
                yield self._histogram(declared)
            else:
                yield self._simple(declared)

    def _series(self, declared: DeclaredMetric) -> dict[tuple[str, ...], dict[str, float]]:
        """The series of a family by the values of its labels: bound, or "", to value. Those of 0 first."""
        series: dict[tuple[str, ...], dict[str, float]] = {
            labels: {} for labels in declared.zeros(self._known)
        }
        for labels, le, value in self._samples[declared.name]:
            key = tuple(str(labels.get(name, "")) for name in declared.labels)
            series.setdefault(key, {})[le] = value
        return series

    def _simple(self, declared: DeclaredMetric) -> Metric:
        kind: Any = CounterMetricFamily if declared.kind == "counter" else GaugeMetricFamily
        family = kind(declared.name.removesuffix("_total"), declared.words, labels=list(declared.labels))
        for labels, values in self._series(declared).items():
            family.add_metric(labels, values.get("", 0.0))
        return family  # type: ignore[no-any-return]

    def _histogram(self, declared: DeclaredMetric) -> Metric:
        family = HistogramMetricFamily(declared.name, declared.words, labels=list(declared.labels))
        bounds = [*self._bounds[declared.name], math.inf]
        for labels, values in self._series(declared).items():
            counts = {float(le): count for le, count in values.items() if le}
            buckets = [
                (_text_of(bound), sum(count for le, count in counts.items() if le <= bound))
                for bound in bounds
            ]
            family.add_metric(labels, buckets, values.get("", 0.0))
        return family
