"""The API as applications, which the plugin mounts; `/api/cron` has its own."""

import functools
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from include.json_rows import camel_case
from include.web.api import (
    access,
    export,
    monitoring,
    outside_signals,
    prices,
    risk,
    statistics,
    trades,
    work,
)
from include.web.api.errors import COMMON, add_handlers
from include.web.api.guard import Guard
from include.web.api.middleware import LimitBody, Measure
from include.web.api.openapi import ROOT, describe, description
from include.web.api.parameters import check_request
from include.web.host import WebHost
from include.web.rendering import SecurityHeaders

MOST_BYTES = 64 * 1024  # of a body
# One router a subject; each is `router` of a file of this folder.
ROUTERS: tuple[APIRouter, ...] = (
    trades.router,
    export.router,
    statistics.router,
    prices.router,
    monitoring.router,
    work.router,
    outside_signals.router,
)


# Where the plugin mounts what stands behind the guard.
PLACES: dict[str, tuple[APIRouter, ...]] = {
    ROOT: ROUTERS,
    "/api/access": (access.router,),
    "/api/risk": (risk.router,),
    "/debug": (outside_signals.debug_router,),
}


def build_api(host: WebHost, place: str = ROOT) -> FastAPI:
    """Make the application of one of the PLACES. The guard stands before every path, there or not."""
    app = _application()
    for router in (*PLACES[place], description(describe_routes, place)):
        app.include_router(router)
    app.state.host = host
    add_handlers(app)
    # What stands around the routes, from the inside out.
    app.add_middleware(LimitBody, most_bytes=MOST_BYTES)
    app.add_middleware(Guard, host=host)
    app.add_middleware(Measure)
    app.add_middleware(SecurityHeaders)
    return app


@functools.cache
def describe_routes() -> dict[str, Any]:
    """Describe every route behind the guard, by its whole path. Each place shows its part of it."""
    whole = _application()
    for place, routers in PLACES.items():
        for router in routers:
            whole.include_router(router, prefix=place)
    whole.include_router(description(describe_routes, ROOT), prefix=ROOT)
    return describe(whole)


def _application() -> FastAPI:
    return FastAPI(
        title="tradeops",
        version="1",
        description="Trades, statistics, exports and work, of one user or all.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(check_request)],
        responses=COMMON,
        generate_unique_id_function=lambda route: camel_case(route.name),  # what generated clients call it
    )
