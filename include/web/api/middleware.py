"""ASGI middlewares of the API: the size of a body, and how long an answer took."""

import time

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.telemetry import record_metric
from include.web.api.errors import ApiError, refuse


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
            await refuse(ApiError(413, self._words), scope, receive, send)
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


class Measure:
    """Measures every answer as `api_response`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and measure until its answer has been sent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = scope.get("route")
            name = f"api.{scope['method']} {route.path}" if route else "api.refused"
            outcome = "ok" if 0 < status < 500 else str(status or "failed")
            seconds = time.monotonic() - began
            record_metric("api_response", name, seconds * 1000, "ms", metadata={"outcome": outcome})
