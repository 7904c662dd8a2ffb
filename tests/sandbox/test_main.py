"""The sandbox as a process of its own."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "sandbox"]


@pytest.fixture
def process():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = subprocess.Popen([*COMMAND, "--port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert running.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
        yield running, port
    finally:
        running.kill()
        running.communicate()


def listening_addresses(port):
    """Where somebody listens on this port, as /proc/net writes it: IPv4, then IPv6."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if local.endswith(f":{port:04X}") and state == "0A":
                yield local.split(":")[0]


def test_it_serves_on_loopback_alone_and_stops_although_a_request_hangs(process):
    running, port = process
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/health").json() == {"status": "ok", "sandbox": True}
        assert list(listening_addresses(port)) == ["0100007F"]
        client.post("/_faults", json={"service": "market", "kind": "hang"}).raise_for_status()
        with socket.create_connection(("127.0.0.1", port)) as hanging:
            hanging.sendall(b"GET /market/symbols HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            while not client.get("/_requests/market").json()["requests"]:
                time.sleep(0.02)
            running.terminate()
            output, _ = running.communicate(timeout=15)
    assert output.startswith(f"sandbox: {url}")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_the_port_must_be_given():
    asked = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 2
    assert "--port" in asked.stderr
