"""`/status`: each component, when the platform last did its regular work, totals, the database."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from include.freeze import Freeze
from include.probes.platform_status import PlatformStatus
from include.web.api.encoding import JsonAnswer, camel_keys
from include.web.problems import problem

ANSWER_SECONDS = 8.0  # after which whoever asks is told so; the statements end themselves sooner


def status(read: Callable[[], PlatformStatus], *, seconds: float = ANSWER_SECONDS) -> APIRouter:
    """Make the route `/status`: 503 in words, with what is known, while the database is away."""
    router = APIRouter()

    @router.get("/status")
    async def show_status() -> Response:
        try:
            found = await asyncio.wait_for(run_in_threadpool(read), seconds)
        except TimeoutError:
            words = f"the platform's state could not be read within {seconds:g} s"
            return problem(503, words)
        if found.problem:
            return problem(503, found.problem, timestamp=found.at, components=_components(found))
        return JsonAnswer(
            {
                "status": found.status,
                "timestamp": found.at,
                "components": _components(found),
                "last": {name: _since(found.at, last) for name, last in found.last.items()},
                "totals": _camel(found.totals),
                "freeze": None if found.freeze is None else _freeze(found.freeze),
                "database": None if found.database is None else _camel(found.database),
            }
        )

    return router


def _freeze(freeze: Freeze) -> dict[str, Any]:
    return {
        "groups": freeze.groups,
        "author": freeze.author,
        "reason": freeze.reason,
        "beganAt": freeze.begins_at,
        "endsAt": freeze.ends_at,
    }


def _components(found: PlatformStatus) -> list[dict[str, Any]]:
    return [camel_keys(asdict(one)) for one in found.components]


def _since(now: datetime, last: datetime | None) -> dict[str, Any]:
    return {"at": last, "ageSeconds": None if last is None else round((now - last).total_seconds())}


def _camel(found: Mapping[str, Any]) -> dict[str, Any]:
    """Names in camelCase, also of objects in lists; those of `connections` are PostgreSQL's own states."""
    return {
        name: [_camel(one) for one in value] if isinstance(value, list) else value
        for name, value in camel_keys(found).items()
    }
