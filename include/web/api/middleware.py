"""ASGI middlewares of the API: the size of a body, headers of every answer, and how long it took."""

import time

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.telemetry import record_metric
from include.web.api.errors import ApiError, answer_problem
from include.web.pages import SECURITY_HEADERS


class LimitBody:
    """A body of more than so many bytes is refused with 413."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most = most_bytes
        self._words = f"The body has more than {most_bytes} bytes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what arrives."""
        announced = Headers(scope=scope).get("content-length", "0") if scope["type"] == "http" else "0"
        if announced.isdecimal() and int(announced[:20]) > self._most:
            refusal = answer_problem(ApiError(413, self._words), Request(scope).url.path)
            await refusal(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._most:
                raise HTTPException(413, self._words)
            return message

        await self._app(scope, counted, send)


class Finish:
    """Gives every answer its headers, and measures it as `api_response`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and measure until its answer has been sent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def finished(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, finished)
        finally:
            route = scope.get("route")
            name = f"api.{scope['method']} {route.path}" if route else "api.refused"
            outcome = "ok" if 0 < status < 500 else str(status or "failed")
            seconds = time.monotonic() - began
            record_metric("api_response", name, seconds * 1000, "ms", metadata={"outcome": outcome})
