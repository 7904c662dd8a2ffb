"""Reading the sources of samples: all that the rules ask for, in few statements."""

import functools
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.exc import DBAPIError

from include.alerts.sample_sources import SOURCES
from include.database import sql

logger = logging.getLogger(__name__)

Labels = tuple[tuple[str, str], ...]  # sorted by name
MAX_LABEL_SETS_READ = 10_000  # that one selection gives


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


def read_sources(
    connection: Connection,
    selections: Iterable[SampleSelection],
    at: datetime,
    *,
    max_label_sets: int = MAX_LABEL_SETS_READ,
) -> Readings:
    """Read all selections, a few statements in all. What cannot be read is in `failed`; the rest goes on.

    Of a selection one set of labels more than `max_label_sets` is read, to notice that there are more.

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
                found = connection.execute(statement, _parameters(batch, at, max_label_sets)).all()
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


def _parameters(
    batch: list[SampleSelection], at: datetime, max_label_sets: int = MAX_LABEL_SETS_READ
) -> dict[str, Any]:
    if batch[0].form == "gauges":
        return {"at": at, **SOURCES[batch[0].source].parameters()}
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
    return {"at": at, "selections": json.dumps(wanted), "most": max_label_sets + 1}


def _labels(row: Row[Any], names: tuple[str, ...], grouped: tuple[str, ...] | None = None) -> Labels:
    """The labels of a row. One that the row does not have is empty, as in Prometheus."""
    values = zip(names, (row.label_1, row.label_2, row.label_3), strict=False)
    return tuple(sorted((name, value or "") for name, value in values if grouped is None or name in grouped))


def _in_words(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
