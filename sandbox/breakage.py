"""Breaking answers on the wire: ASGI middleware over the imitations, and the server that makes it possible.

The middleware also stamps every answer with `X-Sandbox: 1` and its date, and writes the request log.
"""

import asyncio
import math
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from email.utils import formatdate
from typing import Any, cast

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.faults import ERROR_IN_200, WIRE_KINDS, Fault
from sandbox.records import hide_secrets
from sandbox.service import Service, State

HTML_PAGE = "<!DOCTYPE html><html><head><title>Sandbox</title></head><body><h1>{}</h1></body></html>"
GARBAGE = b'\x00\xff{"sandbox": [1, 2,,\xc3\x28'
DRIPS = 20


class TransportProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with the connection's transport in `scope["state"]["transport"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the transport for the requests of this connection."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Breakage:
    """ASGI middleware: takes the fault that is switched on for a request and breaks its answer."""

    def __init__(self, app: ASGIApp, services: Mapping[str, Service], state: State) -> None:
        self._app = app
        self._services = services
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service = self._services.get(scope["path"].split("/")[1])
        entry: dict[str, Any] = {}

        async def stamped_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                stamps = (b"x-sandbox", b"1"), (b"date", formatdate(usegmt=True).encode())
                message["headers"] = [*message.get("headers", ()), *stamps]
            await send(message)

        if service is None:
            await self._app(scope, receive, stamped_send)
            return
        request = Request(scope, receive)
        with suppress(ClientDisconnect):  # it left in the middle of its own request: nothing was asked
            body = await request.body()
            path, query = hide_secrets(request.url.path, request.query_params)
            entry = self._state.requests.append(
                service.name, method=request.method, path=path, query=query, status=None, fault=None
            )
            fault = self._take_fault(service, request, body)
            if fault is None:
                await self._app(scope, _replay(body, receive), stamped_send)
                entry["fault"] = getattr(request.state, "fault", None)
            else:
                entry["fault"] = fault.kind
                await self._break(fault, service, request, body, receive, stamped_send)

    def _take_fault(self, service: Service, request: Request, body: bytes) -> Fault | None:
        path = request.url.path
        kinds = list(WIRE_KINDS)
        if service.error_in_200 and service.error_in_200(path):
            kinds += ERROR_IN_200
        symbol = service.symbol_of(request, body) if service.symbol_of else None
        return self._state.faults.take(service.name, kinds, symbol, path)

    async def _break(
        self, fault: Fault, service: Service, request: Request, body: bytes, receive: Receive, send: Send
    ) -> None:
        scope, path, seconds = request.scope, request.url.path, fault.seconds or 0.0
        match fault.kind:
            case "status":
                answer = service.fail(path, fault.status or 500)
                if fault.retry_after is not None:
                    answer.headers["Retry-After"] = str(fault.retry_after)
                await answer(scope, receive, send)
            case "timeout":
                if not await _client_leaves(receive, seconds):
                    page = HTMLResponse(HTML_PAGE.format("504 Gateway Time-out"), 504)
                    await page(scope, receive, send)
            case "hang":
                await _client_leaves(receive)
            case "reset":
                await _reset(_transport(scope), receive)
            case "html":
                page = HTMLResponse(HTML_PAGE.format("Down for maintenance"), fault.status or 200)
                await page(scope, receive, send)
            case "garbage":
                await Response(GARBAGE, media_type="application/json")(scope, receive, send)
            case "empty":
                await Response(b"", media_type="application/json")(scope, receive, send)
            case "error_in_200":
                answer_or_none = service.error_in_200(path) if service.error_in_200 else None
                await cast("Response", answer_or_none)(scope, receive, send)
            case "latency" | "truncated" | "slow_drip":
                start, content = await self._carry_out(scope, _replay(body, receive))
                if fault.kind == "latency":
                    if not await _client_leaves(receive, seconds):
                        await _send_in_pieces(start, [content], 0.0, receive, send)
                elif fault.kind == "slow_drip":
                    size = max(1, math.ceil(len(content) / DRIPS))
                    pieces = [content[at : at + size] for at in range(0, len(content), size)]
                    await _send_in_pieces(start, pieces, seconds / max(1, len(pieces)), receive, send)
                else:
                    await send(start)
                    half = content[: len(content) // 2]
                    await send({"type": "http.response.body", "body": half, "more_body": True})
                    _transport(scope).close()
                    await _client_leaves(receive)
            case kind:
                raise AssertionError(f"no way to break an answer by {kind!r}")

    async def _carry_out(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """Let the imitation answer; return its head and its whole body."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, keep)
        return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body, already read, once more."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _client_leaves(receive: Receive, seconds: float | None = None) -> bool:
    """Wait until the client hangs up, or for so many seconds; whether it did."""

    async def hung_up() -> bool:
        while (await receive())["type"] != "http.disconnect":
            pass
        return True

    try:
        return await asyncio.wait_for(hung_up(), seconds)
    except TimeoutError:
        return False


async def _send_in_pieces(
    start: Message, pieces: list[bytes], pause: float, receive: Receive, send: Send
) -> None:
    await send(start)
    for piece in pieces:
        if pause and await _client_leaves(receive, pause):
            return
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _reset(transport: asyncio.Transport, receive: Receive) -> None:
    """Close with a TCP reset: SO_LINGER on, zero seconds."""
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _client_leaves(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    try:
        return cast("asyncio.Transport", scope["state"]["transport"])
    except KeyError:
        raise RuntimeError("this fault needs the sandbox's own server: python -m sandbox") from None
