"""Answers that a client may keep: a weak ETag made of the data's version, 304, Cache-Control private.

No worker keeps answers by time alone: the version is read from the database at each request, so that two
workers never disagree. What is saved is making the answer, and sending it.
"""

import hashlib
from datetime import timedelta
from typing import Any

from fastapi import Request
from starlette.responses import Response

VARY = "Authorization, X-API-Key, Cookie"
HISTORICAL, MARKET, STATISTICS = timedelta(hours=24), timedelta(minutes=5), timedelta(minutes=1)
FRESH = timedelta(0)  # asked for again each time: what somebody waits for, such as an analysis, must be seen

# Of a route whose answers may be kept: `responses=NOT_MODIFIED | refusals(404)`.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The answer with this ETag (`If-None-Match`) is still true."}
}


def cache_headers(request: Request, version: str, max_age: timedelta) -> dict[str, str]:
    """The headers of an answer to this request, as long as the data has this version.

    `version` changes whenever what the caller would see does; path, query and caller are part of the ETag.
    """
    seen_by = request.state.caller.name
    parts = "\x1f".join([request.url.path, str(request.query_params), seen_by, version])
    digest = hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:32]
    return {
        "ETag": f'W/"{digest}"',
        "Cache-Control": f"private, max-age={int(max_age.total_seconds())}",
        "Vary": VARY,
    }


def not_modified(request: Request, headers: dict[str, str]) -> Response | None:
    """The answer 304, when the client has this very version already; else None."""
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if "*" in known or headers["ETag"].removeprefix("W/") in known:
        return Response(status_code=304, headers=headers)
    return None


def answer_json(
    request: Request, body: bytes, version: str, max_age: timedelta, *, keep_until: float | None = None
) -> Response:
    """Answer with JSON that is written already, and may be kept; 304 to whom this version is known.

    `keep_until`: the guard gives this answer again (`kept`), until this time of `time.monotonic()` at most;
    everything that it shows must be of what `trade_versions` tells the changes of, or be true so long.
    """
    headers = cache_headers(request, version, max_age)
    if keep_until is not None:
        request.state.question.keep(body, headers, request.scope["route"], keep_until)
    return answer_known(request, body, headers)


def answer_known(request: Request, body: bytes, headers: dict[str, str]) -> Response:
    """The answer that `answer_json` gives, with headers that are made already."""
    return not_modified(request, headers) or Response(body, 200, headers, "application/json")
