"""A server that speaks just enough of Redis's protocol (RESP) to answer, or refuse, a ping."""

import socket
import threading
from typing import Self

HELLO = b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"


class RedisServer:
    """Answers `ping` with the given line; None: never. With a password, AUTH is checked."""

    def __init__(self, pong: bytes | None = b"+PONG\r\n", password: str | None = None) -> None:
        self._pong, self._password = pong, password

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(5)
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as lines:
                while head := lines.readline():
                    words = []
                    for _ in range(int(head[1:])):
                        lines.readline()
                        words.append(lines.readline().strip().decode())
                    if answer := self._answer(words):
                        connection.sendall(answer)
        except (OSError, ValueError):
            return  # it has hung up, or the test is over

    def _answer(self, words: list[str]) -> bytes | None:
        name = words[0].upper()
        if self._password and name in ("AUTH", "HELLO") and self._password not in words:
            return b"-WRONGPASS invalid username-password pair\r\n"
        if name == "HELLO":
            return HELLO
        return self._pong if name == "PING" else b"+OK\r\n"
