"""Errors as programs read them: problem+json (RFC 9457) that also holds `success` and `error`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

PROBLEM = "application/problem+json"


def problem(status: int, words: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """Make the answer for an error; `words` are for people and hold no secret, `more` are further members."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": words, **more}
    return JSONResponse(
        {**body, "success": False, "error": words}, status, dict(headers or {}), media_type=PROBLEM
    )
