"""A model's endpoint that says what a test wants, for what the sandbox has no fault for."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Said:
    """One answer: a body that is no bytes is sent as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def endpoint(say: Callable[[dict[str, Any], int], Said]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve what `say` makes of each request and its number; give the address and the requests."""
    requests: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            requests.append(asked)
            said = say(asked, len(requests))
            content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in {"content-type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", requests
        finally:
            server.shutdown()
            thread.join()


def completion(
    content: str | None, *, usage: Any = "counted", finish: str = "stop", **message: Any
) -> dict[str, Any]:
    """A chat completion as OpenAI shapes it."""
    counted = {"prompt_tokens": 90, "completion_tokens": 40, "total_tokens": 130}
    said = {"role": "assistant", "content": content, **message}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "local",
        "choices": [{"index": 0, "finish_reason": finish, "message": said}],
        "usage": counted if usage == "counted" else usage,
    }  # fmt: skip
