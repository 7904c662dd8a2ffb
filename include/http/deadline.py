"""A hard end for one HTTP exchange.

httpx's timeouts bound each single read, so a server that sends a byte now and then, in the body or already
in the headers, holds a caller for ever. Here every socket operation gets what is left until the deadline.
What cannot be bounded: the resolver's look-up of the host name (getaddrinfo has no timeout).
"""

import contextlib
import ssl
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from time import monotonic
from typing import Any

import httpcore
import httpx

_deadline: ContextVar[float] = ContextVar("http_deadline", default=float("inf"))


@contextlib.contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Within it, clients prepared by `obey_deadline` raise httpx's time-outs once `seconds` have passed."""
    token = _deadline.set(monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


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
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

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
