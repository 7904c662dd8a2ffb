"""The web application that the plugin mounts; who may see it is the plugin's business."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

from fastapi import FastAPI, Request, Response
from fastapi.params import Depends
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from include.database import DatabaseError
from include.settings.reader import SettingsError
from include.web.host import DeskHost, Person
from include.web.pages.alerts import alerts
from include.web.pages.api_keys import api_keys
from include.web.pages.costs import costs
from include.web.pages.data_docs import data_docs
from include.web.pages.docs import docs
from include.web.pages.maintenance import maintenance
from include.web.pages.navigation import mounted_groups
from include.web.pages.probes import probes
from include.web.pages.trades import trades
from include.web.rendering import SecurityHeaders


def build_app(
    open_database: Callable[[], AbstractContextManager[Engine]],
    dependencies: Sequence[Depends],
    find_person: Callable[[Request], Awaitable[Person | None]],
    host: DeskHost,
) -> FastAPI:
    """Make the application. `dependencies` guard every route; there is no route without them.

    `find_person` says who it is that they let in, for pages that not everybody may use.
    """
    app = FastAPI(dependencies=dependencies, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(costs(open_database, host))
    app.include_router(data_docs(open_database))
    app.include_router(docs())
    app.include_router(maintenance(open_database))
    app.include_router(probes(open_database))
    app.include_router(alerts(open_database))
    app.include_router(api_keys(open_database, find_person))
    app.include_router(trades(open_database, find_person))
    app.state.navigation = mounted_groups({route.path for route in app.routes if isinstance(route, APIRoute)})

    app.add_middleware(SecurityHeaders)

    @app.exception_handler(DatabaseError)
    @app.exception_handler(SettingsError)
    def say_what_is_wrong(request: Request, error: Exception) -> Response:
        return PlainTextResponse(str(error), status_code=503)

    return app
