"""Routes that start work, and the one that says what came of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.responses import Response

from include.settings import Timeframe
from include.signals.requests import SignalRequestError
from include.web.api.caller import Caller, CallerDep, EngineDep, HostDep, SettingsDep
from include.web.api.encoding import JsonAnswer, camel_keys
from include.web.api.errors import ApiError, refusals, wrong_parameter
from include.web.api.parameters import AnswerShape, Body, ExactDep
from include.web.host import RunNotStartedError, WebHost
from include.web.started import KeyReusedError, Started, read_run, start_work
from include.web.started import Request as WorkRequest
from include.web.work import (
    NotNowError,
    TooSoonError,
    TradeNotFoundError,
    Work,
    plan_analysis,
    plan_backtest,
    plan_collection,
    plan_signal,
)

RETRY_AFTER = "5"  # seconds, of an Airflow that did not take a run
router = APIRouter(tags=["work"])

IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="the same key within 24 hours: the same answer, and nothing is started twice",
    ),
]


@dataclass(frozen=True)
class Starter:
    """Starts work for one request: `start(body, plan)`.

    Attributes:
        request: as it came; its path and query, with the body, are what an Idempotency-Key stands for.
        caller: who asks.
        host: the database and Airflow.
        idempotency_key: the header, None without.
    """

    request: Request
    caller: Caller
    host: WebHost
    idempotency_key: str | None

    def __call__(self, body: BaseModel | None, plan: Callable[[Connection], Work]) -> Response:
        """Start what `plan` says and answer 202 with `runId` and `statusUrl`; refusals as `ApiError`.

        `plan` looks at the rows in a transaction and says what to start, or raises as `include.web.work`.
        """

        def checked(connection: Connection) -> Work:
            planned = plan(connection)
            self.caller.check_may_start(planned.dag_id)
            return planned

        written = body.model_dump_json().encode() if body else b""
        path = f"{self.request.url.path}?{self.request.url.query}"
        asked = WorkRequest(self.caller.name, path, written, self.idempotency_key)
        try:
            started = start_work(self.host.engine(), self.host.runs, asked, checked)
        except SignalRequestError as error:
            raise wrong_parameter("symbol", str(error), "body") from error
        except TradeNotFoundError as error:
            raise ApiError(404, str(error)) from error
        except NotNowError as error:
            raise ApiError(409, f"Not now: {error}.") from error
        except TooSoonError as error:
            wait = str(max(1, math.ceil(error.wait)))
            words = f"Too much: {error}; try again in {wait} s."
            raise ApiError(429, words, headers={"Retry-After": wait}) from error
        except KeyReusedError as error:
            raise wrong_parameter("Idempotency-Key", str(error), "header") from error
        except RunNotStartedError as error:
            raise not_taken(error) from error
        return _accepted(self.request, started)


async def _starter(
    request: Request, caller: CallerDep, host: HostDep, idempotency_key: IdempotencyKey = None
) -> Starter:
    return Starter(request, caller, host, idempotency_key)


# What a route asks for that starts work: `def analyze(body: TradeBody, start: StarterDep) -> …`
StarterDep = Annotated[Starter, Depends(_starter)]


class SignalBody(Body):
    """What a signal is asked for."""

    symbol: str = Field(min_length=1, max_length=50, description="a coin, such as BTC")
    timeframe: Timeframe = Field("1h", description="of its candles")
    user_id: UUID | None = Field(
        None, description="for whom; only callers who see every user's rows may name another than their own"
    )


class TradeBody(Body):
    """The trade that the work is about."""

    trade_signal_id: UUID


class StartedAnswer(AnswerShape):
    """Work that was started."""

    success: bool
    run_id: UUID
    status_url: str = Field(description="the path of its state")


class RunAnswer(AnswerShape):
    """How a run stands, and what came of it."""

    success: bool
    run_id: UUID
    dag_id: str
    user_id: UUID | None
    trade_signal_id: UUID | None
    asked_at: str
    state: str = Field(description="queued, running, success, failed, or unknown: Airflow has no such run")
    started_at: str | None
    ended_at: str | None
    result: dict[str, Any] | None
    reason: str | None = Field(description="why it failed, or why nothing came of it")


STARTS: dict[str, Any] = {
    "status_code": 202,
    "response_model": StartedAnswer,
    "responses": refusals(404, 409),
}


@router.post("/generate", summary="Generate a signal", **STARTS | {"responses": {}})
def generate(body: SignalBody, caller: CallerDep, settings: SettingsDep, start: StarterDep) -> Response:
    """Starts `generate_signals` for the caller: one a minute, and so many in 24 hours (429)."""
    user_id = caller.act_for(body.user_id)
    return start(
        body,
        lambda connection: plan_signal(connection, user_id, body.symbol, body.timeframe, settings),
    )


@router.post("/trigger-backtest", summary="Settle a trade, or replay it", **STARTS)
def trigger_backtest(body: TradeBody, caller: CallerDep, start: StarterDep) -> Response:
    """Starts a sweep for a trade whose time is up, or a replay of one that is settled already."""
    return start(
        body,
        lambda connection: plan_backtest(connection, body.trade_signal_id, caller.only_user, caller.name),
    )


@router.post("/analyze", summary="Analyse a settled trade", **STARTS)
def analyze(body: TradeBody, caller: CallerDep, start: StarterDep) -> Response:
    """Lets the language model explain a settled trade that has no analysis."""
    return start(
        body,
        lambda connection: plan_analysis(connection, body.trade_signal_id, caller.only_user),
    )


@router.post("/historical-data", summary="Fetch missing candles", **STARTS)
def fetch_candles(body: TradeBody, caller: CallerDep, start: StarterDep) -> Response:
    """Fetches the candles that the trade's window lacks."""
    return start(
        body,
        lambda connection: plan_collection(connection, body.trade_signal_id, caller.only_user),
    )


@router.get("/runs/{runId}", summary="What came of work", response_model=RunAnswer, responses=refusals(404))
def show_run(
    runId: UUID,  # noqa: N803
    caller: CallerDep,
    engine: EngineDep,
    host: HostDep,
    exact: ExactDep = False,
) -> Response:
    """How a run stands that was started for the caller's user, and its result or why there is none."""
    found = read_run(engine, host.runs, runId, caller.only_user)
    if found is None:
        raise ApiError(404, f"There is no run {runId}.")
    shown = {
        "runId": found.id,
        "dagId": found.dag_id,
        "userId": found.user_id,
        "tradeSignalId": found.trade_signal_id,
        "askedAt": found.asked_at,
        "state": found.state,
        "startedAt": found.began,
        "endedAt": found.ended,
        "result": camel_keys(found.result) if found.result is not None else None,
        "reason": found.reason,
    }
    return JsonAnswer(shown, headers={"Cache-Control": "private, no-cache"}, exact=exact)


def not_taken(error: RunNotStartedError) -> ApiError:
    """The refusal for a run that Airflow did not take."""
    return ApiError(503, f"{error}.", headers={"Retry-After": RETRY_AFTER})


def _accepted(request: Request, started: Started) -> Response:
    status_url = f"{request.scope['root_path']}/runs/{started.id}"
    headers = {"Location": status_url, "Cache-Control": "no-store"}
    return JsonAnswer({"runId": started.id, "statusUrl": status_url}, 202, headers)
