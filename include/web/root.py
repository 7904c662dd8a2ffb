"""The paths at the root of the server: `/health` for all, the others by scrape secret or login.

Airflow's own routes would take these paths, so the plugin puts this application before them.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from include.database import DatabaseError
from include.probes.overall import find_overall
from include.probes.platform_status import read_platform_status
from include.probes.probe import Status
from include.telemetry.exporters import EndedRuns
from include.web.config import config
from include.web.credentials import CHALLENGE, bearer_of, is_secret
from include.web.health import health
from include.web.metrics import metrics
from include.web.problems import problem
from include.web.rendering import SecurityHeaders
from include.web.status import status

FindPerson = Callable[[Request], Awaitable[object | None]]  # who is logged in; None: nobody
FindSecret = Callable[[], str | None]  # None: none is configured


def build_root(
    open_database: Callable[[], AbstractContextManager[Engine]],
    look_at_parts: Callable[[], Mapping[str, Status | None]],
    find_last_runs: Callable[[], Mapping[str, datetime | None]],
    read_settings: Callable[[], str],
    has_connection: Callable[[str], bool],
    find_runs: Callable[[datetime | None], EndedRuns],
    find_person: FindPerson,
    find_secret: FindSecret,
) -> FastAPI:
    """Make the application. The plugin lists its paths, for it is not made before the first request.

    Args:
        open_database: opens the platform's database.
        look_at_parts: asks the stack's own parts, as `find_overall` wants it.
        find_last_runs: finds when DAGs last ended well, as `read_platform_status` wants it.
        read_settings: reads the Variable of the settings, as it is written.
        has_connection: whether there is a connection of this name.
        find_runs: finds the runs of DAGs that ended after a time, as `read_metrics` wants it.
        find_person: finds who is logged in, by cookie or token.
        find_secret: reads the scrape secret; it is called in a thread, once a request.
    """

    async def admit(request: Request) -> None:
        given = bearer_of(request)
        if given and is_secret(given, await run_in_threadpool(find_secret)):
            return
        if await find_person(request) is None:
            words = "present the scrape secret as `Authorization: Bearer`, or log in"
            raise HTTPException(401, words, CHALLENGE)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(health(partial(find_overall, open_database, look_at_parts)))
    guarded = (
        status(partial(read_platform_status, open_database, look_at_parts, find_last_runs)),
        config(read_settings, has_connection),
        metrics(open_database, find_runs),
    )
    for router in guarded:
        app.include_router(router, dependencies=[Depends(admit)])

    app.add_middleware(SecurityHeaders)

    @app.exception_handler(AnyHTTPException)
    def say_why_not(request: Request, error: AnyHTTPException) -> Response:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(DatabaseError)
    def say_database_is_down(request: Request, error: DatabaseError) -> Response:
        return problem(503, str(error))

    return app
