"""Refusals: `application/problem+json` (RFC 9457), with `success` and `error` for old clients."""

import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from include.database import DatabaseError
from include.freeze import FrozenError
from include.web.problems import PROBLEM_TYPE, problem

logger = logging.getLogger(__name__)

RETRY_AFTER = "5"  # seconds, of a database that is away
LONGEST_RETRY_AFTER = 3600  # seconds, of a freeze
CANCELED = ("57014", "55P03", "25P03")  # the server ended a statement: too long, a lock, an idle transaction
MOST_SHOWN = 80  # characters of a value


class ApiError(Exception):
    """A refusal: the status, why in words, and which parameters are wrong."""

    def __init__(
        self,
        status: int,
        words: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.more = dict(more or {})


class ParameterProblem(BaseModel):
    """One wrong parameter."""

    parameter: str = Field(description="its name")
    where: str = Field(description="query, path, header or body")
    reason: str


class Problem(BaseModel):
    """A refusal."""

    success: bool = Field(False, description="always false")
    error: str = Field(description="why, in words")
    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="as error")
    instance: str = Field(description="the path that was asked")
    errors: list[ParameterProblem] | None = Field(None, description="which parameters are wrong")


MEANINGS = {
    400: "The request cannot be read.",
    401: "Nobody is logged in, or the key is none, revoked or expired.",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is another user's.",
    405: "The path has no such method.",
    409: "It cannot be done as things stand; the reason is given.",
    413: "The body is too large.",
    422: "A parameter is wrong or unknown; it is named.",
    429: "Too much: try again after `Retry-After` seconds.",
    503: "The database or Airflow is away, the secret is not configured, or work is frozen.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare refusals of a route for OpenAPI: `responses=refusals(404, 409)`.

    Every route of the API has those of `COMMON` already.
    """
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": MEANINGS[status], "content": content}
        | ({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status in (429, 503) else {})
        | ({"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}} if status == 401 else {})
        for status in statuses
    }


COMMON = refusals(401, 403, 413, 422, 429, 503)


def answer_problem(error: ApiError, path: str) -> Response:
    """The answer that tells a refusal."""
    more = ({"errors": error.errors} if error.errors else {}) | error.more
    headers = {"Cache-Control": "no-store", **error.headers}
    return problem(error.status, error.words, headers, instance=path, **more)


async def refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer from an ASGI middleware, as `as_refusal` reads the exception; a fault of ours is raised."""
    refusal = as_refusal(error)
    if refusal is None:
        raise error
    await answer_problem(refusal, Request(scope).url.path)(scope, receive, send)


def wrong_parameter(name: str, reason: str, where: str = "query") -> ApiError:
    """A refusal that names one wrong parameter."""
    return wrong_parameters([{"parameter": name, "where": where, "reason": reason}])


def wrong_parameters(errors: list[dict[str, str]]) -> ApiError:
    """A refusal that names the wrong parameters."""
    said = "; ".join(f"{one['parameter']}: {one['reason']}" for one in errors)
    return ApiError(422, said, errors=errors)


def as_refusal(error: Exception) -> ApiError | None:
    """What an exception means to the caller; None: it is a fault of ours."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, DatabaseError):
        logger.warning("answered 503: %s", error)
        return _away("The database cannot be reached just now.")
    if isinstance(error, FrozenError):
        return _frozen(error)
    if isinstance(error, PoolTimeoutError):
        return _away("The database is busy: no connection was free.")
    if isinstance(error, DBAPIError):
        return _of_database(error.orig, error.connection_invalidated)
    if isinstance(error, psycopg.Error):  # a statement that was awaited
        return _of_database(error, isinstance(error, psycopg.OperationalError) and error.sqlstate is None)
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return ApiError(422 if error.status_code == 400 else error.status_code, error.detail, headers=headers)
    if isinstance(error, RequestValidationError):
        return wrong_parameters([_complaint(one) for one in error.errors()])
    return None


def _of_database(error: BaseException | None, lost: bool) -> ApiError | None:
    state = getattr(error, "sqlstate", None) or ""
    logger.warning("answered 503: %s", error)
    if lost or state.startswith(("08", "57P", "53")):
        return _away("The database was lost during the request.")
    return _away("The database took too long.") if state in CANCELED else None


def _away(words: str) -> ApiError:
    return ApiError(503, words, headers={"Retry-After": RETRY_AFTER})


def _frozen(error: FrozenError) -> ApiError:
    left = math.ceil((error.freeze.over_at - datetime.now(UTC)).total_seconds())
    wait = str(min(max(left, 1), LONGEST_RETRY_AFTER))  # it may be given back sooner
    return ApiError(503, f"No work is started: {error}.", headers={"Retry-After": wait})


def _complaint(error: Mapping[str, Any]) -> dict[str, str]:
    where, *path = [str(part) for part in error["loc"]]
    if error["type"] == "json_invalid":
        return {"parameter": "body", "where": "body", "reason": "this is no JSON"}
    reason = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        reason = "unknown"
    return {"parameter": _printable(".".join(path) or "body"), "where": where, "reason": _printable(reason)}


def _printable(text: str) -> str:
    """Words of the caller's, in a refusal: short, and without what UTF-8 cannot hold."""
    safe = text.encode("utf-8", "replace").decode("utf-8")
    return safe if len(safe) <= 3 * MOST_SHOWN else safe[: 3 * MOST_SHOWN] + "…"


def _methods(request: Request) -> set[str]:
    """The methods that some route has for the path of a request."""
    routes = [one for one in request.app.routes if one.matches(request.scope)[0] is not Match.NONE]
    return {method for one in routes for method in one.methods}


def add_handlers(app: FastAPI) -> None:
    """Let the application tell refusals in this form; what is a fault of ours is left to the server's log."""

    def handle(request: Request, error: Exception) -> Response:
        refusal = as_refusal(error)
        if refusal is None:
            raise error
        if refusal.status == 405:  # the router names the methods of one route only
            refusal.headers["Allow"] = ", ".join(sorted(_methods(request)))
        return answer_problem(refusal, request.url.path)

    for kind in (
        ApiError,
        HTTPException,
        RequestValidationError,
        DatabaseError,
        DBAPIError,
        psycopg.Error,
        PoolTimeoutError,
        FrozenError,
    ):
        app.add_exception_handler(kind, handle)

    @app.exception_handler(Exception)
    def fail(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        words = "The platform failed at this request; its log says why."
        return answer_problem(ApiError(500, words), request.url.path)
