"""The web application that the plugin mounts; who may see it is the plugin's business."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

from fastapi import Depends, FastAPI, Request, Response, params
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException

from include.database import DatabaseError
from include.settings.reader import SettingsError
from include.web.freeze_banner import note_freeze
from include.web.host import DeskHost, Person
from include.web.pages.access import access
from include.web.pages.airflow import airflow
from include.web.pages.alerts import alerts
from include.web.pages.api_keys import api_keys
from include.web.pages.backups import backups
from include.web.pages.costs import costs
from include.web.pages.data_docs import data_docs
from include.web.pages.docs import docs
from include.web.pages.exchange import exchange
from include.web.pages.exports import exports
from include.web.pages.freeze import freeze_page
from include.web.pages.freshness import freshness
from include.web.pages.kpis import kpis
from include.web.pages.maintenance import maintenance
from include.web.pages.monitoring import monitoring
from include.web.pages.operating import operating
from include.web.pages.overview import overview
from include.web.pages.performance import performance
from include.web.pages.portfolio import portfolio_page
from include.web.pages.probes import probes
from include.web.pages.reports import reports
from include.web.pages.start import start
from include.web.pages.trades import trades
from include.web.rendering import SecurityHeaders, render


def build_app(
    open_database: Callable[[], AbstractContextManager[Engine]],
    dependencies: Sequence[params.Depends],
    find_person: Callable[[Request], Awaitable[Person | None]],
    host: DeskHost,
    *,
    open_kept: Callable[[], AbstractContextManager[Engine]] | None = None,
) -> FastAPI:
    """Make the application. `dependencies` guard every route; there is no route without them.

    `find_person` says who it is that they let in, for pages that not everybody may use. `open_kept` gives the
    database as it is kept open, for what every page asks; None: as `open_database` does.
    """
    every = [*dependencies, Depends(note_freeze(open_kept or open_database))]
    app = FastAPI(dependencies=every, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(access(open_database))
    app.include_router(airflow(open_database, host.runs))
    app.include_router(alerts(open_database, host))
    app.include_router(api_keys(open_database, find_person))
    app.include_router(backups(open_database, host))
    app.include_router(costs(open_database, host))
    app.include_router(data_docs(open_database))
    app.include_router(docs())
    app.include_router(exchange(open_database, host))
    app.include_router(exports(open_database, find_person, host))
    app.include_router(freeze_page(open_database))
    app.include_router(freshness(open_database, host))
    app.include_router(kpis(open_database))
    app.include_router(maintenance(open_database))
    app.include_router(overview(open_database, host))
    app.include_router(monitoring(open_database))
    app.include_router(performance(open_database))
    app.include_router(operating(open_database, host))
    app.include_router(portfolio_page(open_database, host))
    app.include_router(probes(open_database))
    app.include_router(reports(open_database, host))
    app.include_router(start(open_database, host, find_person))
    app.include_router(trades(open_database, find_person))

    app.add_middleware(SecurityHeaders)

    @app.exception_handler(HTTPException)
    async def say_no(request: Request, error: HTTPException) -> Response:
        if error.status_code == 401:  # nobody is logged in: what Airflow says
            return await http_exception_handler(request, error)
        return render("refused.html", request, status=error.status_code, words=[str(error.detail)])

    @app.exception_handler(RequestValidationError)
    def say_what_is_asked_wrongly(request: Request, error: RequestValidationError) -> Response:
        words = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        return render("refused.html", request, status=422, words=words)

    @app.exception_handler(DatabaseError)
    @app.exception_handler(SettingsError)
    def say_what_is_wrong(request: Request, error: Exception) -> Response:
        return render("refused.html", request, status=503, words=[str(error)])

    return app
