"""A server of raw sockets that answers as it is told: soundly, wrongly, slowly, or not at all."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[[socket.socket], None]

REASON = "Whatever"
PATIENCE = 5.0  # seconds after which a hanging answer gives up, so that no thread outlives a test for long


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    at: float  # time.monotonic()
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # by lower-case name
    body: bytes


@dataclass
class Server:
    """Answers one request a connection: each by the next of `answers`, the last one again and again."""

    answers: list[Answer] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(accepted)
            connection.settimeout(PATIENCE)
            try:
                if self.tls:
                    connection = stack.enter_context(self.tls.wrap_socket(accepted, server_side=True))
                request = _read_request(connection)
                if request is None:
                    return
                with self._lock:
                    self.received.append(request)
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                answer(connection)
            except OSError:
                return  # the client has hung up: its right

    # -- answers ---------------------------------------------------------------------------------------------

    def hang(self, connection: socket.socket) -> None:
        """Say nothing until the client gives up or the test ends."""
        connection.settimeout(0.05)
        until = time.monotonic() + PATIENCE
        while not self.stopping.is_set() and time.monotonic() < until:
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    def drip(self, parts: Iterable[bytes], every: float = 0.05) -> Answer:
        """Send the parts one by one, each soon enough for any read timeout."""

        def answer(connection: socket.socket) -> None:
            until = time.monotonic() + PATIENCE
            for part in parts:
                if self.stopping.is_set() or time.monotonic() > until:
                    return
                connection.sendall(part)
                time.sleep(every)

        return answer


def reply(
    payload: Any = None,
    *,
    status: int = 200,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    length: int | None = None,
    after: float = 0.0,
) -> Answer:
    """A whole HTTP answer: `payload` as JSON or `body` as it is; `length` lies about Content-Length."""
    if body is None:
        body = json.dumps(payload).encode()
    fields = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body) if length is None else length),
        "Connection": "close",
        **(headers or {}),
    }
    head = f"HTTP/1.1 {status} {REASON}\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in fields.items()
    )

    def answer(connection: socket.socket) -> None:
        time.sleep(after)
        connection.sendall(head.encode() + b"\r\n" + body)

    return answer


def raw(data: bytes) -> Answer:
    """These bytes and the end."""
    return lambda connection: connection.sendall(data)


def reset(connection: socket.socket) -> None:
    """Break the connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_request(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    at = time.monotonic()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    url = urlsplit(target)
    return Received(at, method, url.path, dict(parse_qsl(url.query)), headers, body)


OK = reply({"price": 61942.5})
