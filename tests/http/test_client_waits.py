"""How long the client waits: time limits, broken connections, Retry-After."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from include.http import (
    RateLimitedError,
    Retry,
    ServiceUnavailableError,
    Timeout,
)
from include.http.client import Client
from include.settings import Endpoint
from tests.http.conftest import IMPATIENT, QUICK, metrics, state_of_service
from tests.support.http_server import OK, raw, reply, reset

# -- when it takes too long


def test_a_server_that_hangs_is_unavailable(server, client_of):
    server.answers = [server.hang]
    started = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match=r"no complete answer within [01]\.\d s"):
        client_of(
            timeout=IMPATIENT, retry=Retry(attempts=2, budget=20, wait_initial=0.01, jitter=0.01)
        ).get_json("/")
    assert time.monotonic() - started < 4  # the server would hang for 5 s each time
    assert len(server.received) == 2


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b" "] * 100],
        [b"HTTP/1.1 200 OK\r\n", *[b"X-Slow: 1\r\n"] * 100],
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 100,
    ],
    ids=["body", "headers", "continue"],
)
def test_a_slow_drip_ends_at_the_total_time(server, client_of, parts):
    server.answers = [server.drip(parts)]  # every byte comes within 0.05 s, the read timeout is 0.25 s
    started = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match=r"no complete answer within [01]\.\d s"):
        client_of(
            timeout=Timeout(connect=0.5, read=0.25, total=0.3), retry=Retry(attempts=1, budget=5)
        ).get_json("/")
    assert 0.3 <= time.monotonic() - started < 4  # all of it would take 5 s


def test_the_budget_bounds_all_attempts_together(server, client_of):
    server.answers = [reply({}, status=503, after=0.15)]
    started = time.monotonic()
    with pytest.raises(ServiceUnavailableError):
        client_of(retry=Retry(attempts=50, budget=0.5, wait_initial=0.05, jitter=0.01)).get_json("/")
    assert time.monotonic() - started < 6  # fifty attempts would take 10 s
    assert len(server.received) <= 4


def test_an_attempt_does_not_outlast_the_budget(server, client_of):
    server.answers = [server.hang]
    started = time.monotonic()
    with pytest.raises(ServiceUnavailableError):
        client_of(timeout=Timeout(connect=3, read=3, total=3), retry=Retry(attempts=3, budget=0.3)).get_json(
            "/"
        )
    assert time.monotonic() - started < 2.9  # the timeout of one attempt is 3 s


def test_a_broken_connection_is_tried_again(server, client_of):
    server.answers = [
        reset,
        raw(b""),
        raw(b"\x00\x01 this is no HTTP\r\n\r\n"),
        reply(body=b"", length=10**30),
        OK,
    ]
    client = client_of(retry=Retry(attempts=5, budget=5, wait_initial=0.01, jitter=0.01))
    assert client.get_json("/") == {"price": 61942.5}
    server.answers = [reset]
    with pytest.raises(ServiceUnavailableError, match="connection broken"):
        client_of().get_json("/")


def test_nobody_at_home(server, client_of, database):
    dead = Endpoint("http://127.0.0.1:9")  # the port of the discard service: nobody listens
    with (
        Client(QUICK, dead, database) as client,
        pytest.raises(ServiceUnavailableError, match=r"no connection to 127\.0\.0\.1"),
    ):
        client.get_json("/")
    assert metrics(database)[0].metadata["attempts"] == 3


# -- when to come back


def date(after: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=after), usegmt=True)


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {"Retry-After": "30"},
        lambda: {"Retry-After": date(30)},
        lambda: {"Retry-After": date(3630), "Date": date(3600)},  # a server whose clock runs an hour ahead
    ],
    ids=["seconds", "date", "clock ahead"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(server, client_of, pauses, headers, status):
    server.answers = [reply({}, status=status, headers=headers()), OK]
    client_of(retry=Retry(attempts=3, budget=60)).get_json("/")
    assert pauses[0] == pytest.approx(30, abs=2)


def test_without_retry_after_the_pauses_grow_and_differ(server, client_of, pauses):
    server.answers = [reply({}, status=500)]
    with pytest.raises(ServiceUnavailableError):
        client_of(retry=Retry(attempts=5, budget=60, wait_initial=1, wait_max=4, jitter=0.5)).get_json("/")
    for pause, least in zip(pauses, [1, 2, 4, 4], strict=True):
        assert least <= pause <= least + 0.5
    assert pauses[2] != pauses[3]


def test_a_pause_beyond_the_budget_fails_at_once_and_keeps_all_from_calling(server, client_of, database):
    server.answers = [reply({"error": "slow down"}, status=429, headers={"Retry-After": "600"})]
    with pytest.raises(RateLimitedError, match=r"slow down; try again in 600 s, after 20\d\d-") as caught:
        client_of().get_json("/")
    assert caught.value.retry_after == 600
    with pytest.raises(RateLimitedError, match=r"it asked for a pause; try again in (600|599) s"):
        client_of().get_json("/")
    assert len(server.received) == 1


@pytest.mark.parametrize("asked", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_pause_holds_for_an_hour_at_most(server, client_of, database, asked):
    server.answers = [reply({}, status=429, headers={"Retry-After": asked})]
    with pytest.raises(RateLimitedError, match="try again in 31622400 s"):
        client_of().get_json("/")
    held = state_of_service(database).held_until - datetime.now(UTC)
    assert timedelta(minutes=59) < held < timedelta(minutes=61)


@pytest.mark.parametrize(
    "asked", ["soon", "-5", "", "1e3", "Fri, 99 Foo 2026", "Sat, 01 Jan 2000 00:00:00 GMT", "٣٠x"]
)
def test_a_senseless_retry_after_changes_nothing(server, client_of, asked):
    server.answers = [reply({}, status=429, headers={"Retry-After": asked.encode().decode("latin-1")}), OK]
    started = time.monotonic()
    client_of().get_json("/")
    assert time.monotonic() - started < 1
