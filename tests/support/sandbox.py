"""The sandbox for tests: a real server on a free loopback port, one for each test process.

`tests/conftest.py` imports the fixtures. A test asks for `sandbox`; faults, requests and messages are
forgotten before each such test.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest


class Sandbox:
    """A running sandbox and its controls. `url` has no slash at its end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30.0, trust_env=False)

    def fail(self, service: str, kind: str, **options: Any) -> None:
        """Switch on a fault; see `sandbox/faults.py`."""
        answer = self.http.post("/_faults", json={"service": service, "kind": kind, **options})
        assert answer.status_code == 201, answer.text

    def heal(self, service: str | None = None) -> None:
        """Switch off the faults of one service, or all."""
        self.http.delete("/_faults", params={"service": service} if service else None).raise_for_status()

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are switched on."""
        return list(self.http.get("/_faults").raise_for_status().json()["faults"])

    def requests(self, service: str) -> list[dict[str, Any]]:
        """What was asked of a service since the test began, newest last."""
        return list(self.http.get(f"/_requests/{service}").raise_for_status().json()["requests"])

    def received(self, service: str) -> list[dict[str, Any]]:
        """The messages that a service accepted since the test began, newest last."""
        return list(self.http.get(f"/_recorded/{service}").raise_for_status().json()["messages"])

    def exchange(self, what: str, **body: Any) -> dict[str, Any]:
        """Move the exchange's hand; see `sandbox/exchange_control.py`."""
        answer = self.http.post(f"/_exchange/{what}", json={name: str(value) for name, value in body.items()})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def token(self, what: str, **body: Any) -> None:
        """Move the hand over Solana's tokens; see `sandbox/token_control.py`."""
        answer = self.http.post(f"/_token/{what}", json=body)
        assert answer.status_code == 200, answer.text

    def reset(self) -> None:
        """Forget faults, requests, messages, and what the exchange and the chain know."""
        for what in ("_faults", "_requests", "_recorded", "_exchange", "_token"):
            self.http.delete(f"/{what}").raise_for_status()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The sandbox of this test process."""
    from sandbox.app import create_server  # tests without it shall not pay for the import

    server = create_server("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, name="sandbox", daemon=True)
    thread.start()
    deadline = time.monotonic() + 20.0
    while not server.started:
        assert thread.is_alive(), "the sandbox ended before it answered"
        assert time.monotonic() < deadline, "the sandbox did not start within 20 seconds"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    running = Sandbox(f"http://127.0.0.1:{port}")
    yield running
    running.http.close()
    server.should_exit = True
    thread.join(20.0)
    assert not thread.is_alive(), "the sandbox did not stop within 20 seconds"


@pytest.fixture(autouse=True)
def fresh_sandbox(request: pytest.FixtureRequest) -> None:
    """Reset the sandbox before each test that uses it, and only then start it."""
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox").reset()
