"""Airflow's own parts, as its api-server tells of them: by their last heartbeats."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any

from include.http import Service, with_timeout
from include.http.client import Client
from include.humanize import age_text
from include.probes.probe import (
    REQUEST_SECONDS,
    NotInUseError,
    Probe,
    ProbeAnswer,
    ProbeContext,
    ServiceDownError,
)
from include.services import find_service
from include.settings import Endpoint

SERVICE = "airflow"
HEARTBEATS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probes of api-server, scheduler, DAG processor and triggerer: one request for all."""
    names = ("api-server", *HEARTBEATS)
    endpoint = context.connections(SERVICE) or (
        Endpoint(context.airflow_url) if context.airflow_url else None
    )
    if endpoint is None:
        why = "not configured: nobody said where the api-server is"
        return [Probe(name, context.kind, None, why, own_part=True) for name in names]
    service = with_timeout(find_service(SERVICE), REQUEST_SECONDS)
    shared = _SharedAnswer(partial(read_health, service, endpoint, context))
    asked: dict[str, Callable[[], ProbeAnswer]] = {
        name: partial(judge_heartbeat, shared, name) for name in HEARTBEATS
    }
    asked["api-server"] = partial(judge_server, shared)
    return [Probe(name, context.kind, asked[name], limited_by=SERVICE, own_part=True) for name in names]


@dataclass(frozen=True)
class AirflowHealth:
    """What the api-server said of the parts, and how many milliseconds that took."""

    parts: dict[str, Any]
    milliseconds: float | None


def read_health(service: Service, endpoint: Endpoint, context: ProbeContext) -> AirflowHealth:
    """Ask the api-server. Raises ServiceError, ServiceDownError."""
    with Client(service, endpoint, context.engine) as client:
        found = client.get_json("/api/v2/monitor/health")
        if not isinstance(found, dict) or not isinstance(found.get("metadatabase"), dict):
            raise ServiceDownError("an answer that is not Airflow's health")
        return AirflowHealth(found, client.milliseconds)


def judge_server(ask: Callable[[], AirflowHealth]) -> ProbeAnswer:
    """The api-server is there when it answers, and degraded when its database does not answer it."""
    health = ask()
    state = health.parts["metadatabase"].get("status")
    faults = () if state == "healthy" else (f"Airflow's database is {state}",)
    return ProbeAnswer("answers", health.milliseconds, faults)


def judge_heartbeat(ask: Callable[[], AirflowHealth], name: str) -> ProbeAnswer:
    """A part lives as long as its heartbeats are young enough for Airflow's own limit.

    Raises ServiceDownError when they are not, NotInUseError when it never had any.
    """
    key = HEARTBEATS[name]
    found = ask().parts.get(key)
    state = found.get("status") if isinstance(found, dict) else None
    beat = found.get(f"latest_{key}_heartbeat") if isinstance(found, dict) else None
    if state is None:
        raise NotInUseError("not in use: it never ran")
    if state == "healthy":
        return ProbeAnswer("its heart beats")
    age = f": the last one was {_age(beat)} ago" if isinstance(beat, str) else ""
    raise ServiceDownError(f"its heart does not beat{age}")


def _age(beat: str) -> str:
    try:
        return age_text(datetime.now(UTC) - datetime.fromisoformat(beat))
    except (ValueError, TypeError):  # no time, or one without a zone
        return f"at {beat[:40]!r}, which is no time,"


class _SharedAnswer:
    """One request for several probes that ask at the same time; a later asking is another request."""

    KEPT_SECONDS = 5.0

    def __init__(self, ask: Callable[[], AirflowHealth]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._ended = -math.inf
        self._found: AirflowHealth | Exception

    def __call__(self) -> AirflowHealth:
        with self._lock:
            if monotonic() - self._ended > self.KEPT_SECONDS:
                try:
                    self._found = self._ask()
                except Exception as error:  # each of the probes fails with it
                    self._found = error
                self._ended = monotonic()
            if isinstance(self._found, Exception):
                raise self._found
            return self._found
