"""`/api/cron`: for schedulers outside, with a secret of their own. GET and POST do the same."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from include.database import sql
from include.web.api.caller import EngineDep, HostDep, SettingsDep
from include.web.api.encoding import JsonAnswer
from include.web.api.errors import COMMON, ApiError, add_handlers, refuse
from include.web.api.guard import count_request, engine_and_settings
from include.web.api.middleware import LimitBody, Measure
from include.web.api.work import not_taken
from include.web.credentials import CHALLENGE, bearer_of, is_secret
from include.web.host import RunNotStartedError, WebHost
from include.web.rendering import SecurityHeaders
from include.web.started import Request as WorkRequest
from include.web.started import start_work
from include.web.work import Work

MOST_BYTES = 64 * 1024  # of a body, which nobody reads
METHODS = ["GET", "POST"]
router = APIRouter()


class CronGuard:
    """ASGI middleware: the secret of the connection `api_cron`, before every path. None configured: 503.

    Requests are counted as those of any caller, all schedulers as one; a wrong secret is counted nowhere.
    """

    def __init__(self, app: ASGIApp, host: WebHost) -> None:
        self._app = app
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "http":
            try:
                await run_in_threadpool(self._check, Request(scope))
                engine, settings = await engine_and_settings(self._host)
                await count_request(engine, settings.api_requests_per_minute, caller="cron")
            except Exception as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        secret = self._host.cron_secret()
        if not secret:
            raise ApiError(503, "No secret is configured: store one as password of the connection api_cron.")
        given = bearer_of(request) or request.headers.get("x-cron-secret")
        if not is_secret(given, secret):
            words = "Present the cron secret as `Authorization: Bearer` or `x-cron-secret`."
            raise ApiError(401, words, headers=CHALLENGE)


def build_cron(host: WebHost) -> FastAPI:
    """Make the application of `/api/cron`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, responses=COMMON)
    app.state.host = host
    app.include_router(router)
    add_handlers(app)
    app.add_middleware(LimitBody, most_bytes=MOST_BYTES)
    app.add_middleware(CronGuard, host=host)
    app.add_middleware(Measure)
    app.add_middleware(SecurityHeaders)
    return app


@router.api_route("/check-expired-trades", methods=METHODS)
def check_expired_trades(engine: EngineDep, host: HostDep, settings: SettingsDep) -> Response:
    """Start a sweep unless one runs, and count the trades whose time is up.

    `checked` are those not settled, `triggered` those of them that the sweep takes which was started now,
    `errors` those that wait for a later try.
    """
    with engine.connect() as connection:
        counted = connection.execute(sql("web/count_expired_trades")).one()
    run_id = _start_unless_running(host, Work("settle_trades"))
    return JsonAnswer(
        {
            "timestamp": datetime.now(UTC),
            "stats": {
                "checked": counted.pending,
                "triggered": min(counted.claimable, settings.claim_limit) if run_id else 0,
                "errors": counted.waiting,
            },
            "expiredStats": {
                "totalExpired": counted.total,
                "pendingBacktest": counted.pending,
                "completedBacktest": counted.settled,
            },
            "runId": run_id,
        }
    )


@router.api_route("/cleanup-monitoring-data", methods=METHODS)
def clean_up_monitoring_data(host: HostDep) -> Response:
    """Start `clean_up`, which archives and deletes what is older than the settings keep, unless it runs."""
    run_id = _start_unless_running(host, Work("clean_up", {"dry_run": False}))
    return JsonAnswer({"timestamp": datetime.now(UTC), "started": run_id is not None, "runId": run_id})


def _start_unless_running(host: WebHost, work: Work) -> Any:
    """Start a run, one request at a time; None when one is under way already."""

    def plan(_: Any) -> Work:
        if host.runs.find_running(work.dag_id) is not None:
            raise _UnderWayError
        return work

    try:
        return start_work(host.engine(), host.runs, WorkRequest("cron", work.dag_id, b""), plan).id
    except _UnderWayError:
        return None
    except RunNotStartedError as error:
        raise not_taken(error) from error


class _UnderWayError(Exception):
    pass
