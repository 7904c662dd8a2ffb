"""Errors as programs read them: problem+json (RFC 9457) that also holds `success` and `error`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

PROBLEM = "application/problem+json"


def problem_body(status: int, words: str, **more: Any) -> dict[str, Any]:
    """Make the body for an error; `words` are for people and hold no secret, `more` are further members."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": words}
    return {**body, **more, "success": False, "error": words}


def problem(status: int, words: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """Make the answer for an error, with the body of `problem_body`."""
    body = problem_body(status, words, **more)
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM)
