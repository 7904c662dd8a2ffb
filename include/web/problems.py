"""Errors as programs read them: problem+json (RFC 9457) that also holds `success` and `error`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from include.web.api.encoding import encode

PROBLEM_TYPE = "application/problem+json"


def problem(status: int, words: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Make the answer for an error; `words` are for people and hold no secret, `more` are further members."""
    body = {
        "success": False,
        "error": words,
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": words,
        **more,
    }
    return Response(encode(body), status, headers, PROBLEM_TYPE)
