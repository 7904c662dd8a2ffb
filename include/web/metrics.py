"""`/metrics`: what Prometheus scrapes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from fastapi import APIRouter, Request, Response
from sqlalchemy import Engine

from include.alerts.channels import CHANNELS
from include.candles.sources import CANDLE_SOURCES
from include.services import SERVICES
from include.telemetry.exporters import EndedRuns, MetricsUnavailableError, read_metrics, write_metrics
from include.web.problems import problem

# Series of these are 0 before anything has happened. `ccxt:<exchange>` is a family, and nobody's name.
KNOWN = {
    "channel": CHANNELS,
    "service": sorted(SERVICES),
    "source": [name for name in CANDLE_SOURCES if "<" not in name],
}


def metrics(
    open_database: Callable[[], AbstractContextManager[Engine]],
    find_runs: Callable[[datetime | None], EndedRuns],
) -> APIRouter:
    """Make the route `/metrics`; without a database it answers 503 in words, never an empty page."""
    router = APIRouter()

    @router.get("/metrics")
    def show_metrics(request: Request) -> Response:
        try:
            with open_database() as engine:
                reading = read_metrics(engine, find_runs)
        except MetricsUnavailableError as error:
            return problem(503, str(error))
        body, content_type = write_metrics(reading, request.headers.get("accept", ""), KNOWN)
        return Response(body, headers={"Content-Type": content_type})

    return router
