"""A hard end for one HTTP exchange, by the clock or because nobody wants its answer any more.

httpx's timeouts bound each single read, so a server that sends a byte now and then, in the body or already
in the headers, holds a caller for ever. Here every socket operation gets what is left until the deadline.
What cannot be bounded: the resolver's look-up of the host name (getaddrinfo has no timeout).
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from time import monotonic
from typing import Any

import httpcore
import httpx

STOP_DELAY = 0.5  # seconds that an exchange may go on after it was stopped; not while it connects

_deadline: ContextVar[float] = ContextVar("http_deadline", default=float("inf"))
_stopped: ContextVar[threading.Event | None] = ContextVar("http_stopped", default=None)


class CallStoppedError(BaseException):
    """Nobody wants the answer any more. No failure of the service, hence no Exception: nobody counts it."""


@contextlib.contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Within it, clients prepared by `obey_deadline` raise httpx's time-outs once `seconds` have passed."""
    token = _deadline.set(monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


@contextlib.contextmanager
def stopped_by(event: threading.Event) -> Iterator[None]:
    """Within it, calls of this thread raise CallStoppedError soon after the event is set."""
    token = _stopped.set(event)
    try:
        yield
    finally:
        _stopped.reset(token)


def can_be_stopped() -> bool:
    """Say whether this thread is within `stopped_by`."""
    return _stopped.get() is not None


def wait_for(seconds: float) -> None:
    """Wait so long. Raises CallStoppedError."""
    event = _stopped.get()
    if event is None:
        time.sleep(seconds)
    elif event.wait(seconds):
        raise CallStoppedError


def obey_deadline(client: httpx.Client) -> httpx.Client:
    """Make every connection of this client, also those through proxies, obey `limited_to`.

    httpx has no door for a network backend of one's own, hence the three private names. If an upgrade moves
    them, this raises AttributeError or the tests of slow headers and slow bodies fail.
    """
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool
            pool._network_backend = _Backend(pool._network_backend)
    return client


def _left(timeout: float | None, error: type[Exception]) -> float:
    left = _deadline.get() - monotonic()
    if left <= 0:
        raise error("the time for the whole exchange is over")
    return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, seconds, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not can_be_stopped():
            return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        until = monotonic() + (float("inf") if timeout is None else timeout)
        while True:  # a read that times out has taken nothing from the socket
            wait_for(0)
            left = _left(until - monotonic(), httpcore.ReadTimeout)
            try:
                return self._inner.read(max_bytes, min(max(left, 0.001), STOP_DELAY))
            except httpcore.ReadTimeout:
                if left <= STOP_DELAY:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
