"""The configured sources of candles: the cheapest question that each knows."""

from functools import partial

from include.candles.sources import SourceError, UnknownSourceError, find_entry, open_source
from include.http import ServiceError
from include.probes.probe import (
    REQUEST_SECONDS,
    Connections,
    Probe,
    ProbeAnswer,
    ProbeContext,
    ServiceDownError,
)
from include.settings import SANDBOX


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make a probe of each source."""
    if not context.settings.candle_sources:
        return [Probe("market", context.kind, None, "not configured: `candle_sources` names no source")]
    return [_probe_of(name, context) for name in context.settings.candle_sources]


def _probe_of(name: str, context: ProbeContext) -> Probe:
    try:
        entry = find_entry(name)
    except UnknownSourceError:  # it says so when it is asked
        return Probe(name, context.kind, partial(ask_source, name, context, lambda _: None))
    # Its connection is looked up now: the thread that asks must not ask Airflow.
    found = {entry.connection: context.connections(entry.connection)} if entry.connection else {}
    asked = partial(ask_source, name, context, found.get)
    service = entry.service or name
    return Probe(service, context.kind, asked, limited_by=service if entry.connection else None)


def ask_source(name: str, context: ProbeContext, connections: Connections) -> ProbeAnswer:
    """Ask a source the cheapest question that it knows. Raises ServiceError, ServiceDownError."""
    try:
        with open_source(
            name, context.settings, context.engine, connections, within=REQUEST_SECONDS
        ) as source:
            ping = source.ping()
    except SourceError as error:
        if isinstance(error.__cause__, ServiceError):
            raise error.__cause__ from None  # it knows what kind of failure this is
        raise ServiceDownError(str(error)) from error
    except ValueError as error:
        raise ServiceDownError(str(error)) from error
    return ProbeAnswer("answers", ping.milliseconds, sandbox=ping.sandbox or name == SANDBOX)
