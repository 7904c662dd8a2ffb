"""Answers broken on the wire: what the client sees, over real HTTP."""

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.app import SERVICES
from sandbox.faults import WIRE_KINDS
from tests.sandbox.asking import KEYS, SYMBOLS, WEBHOOK, ask


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_answers_soundly_and_says_sandbox(sandbox, service):
    answer = ask(sandbox, service)
    assert answer.is_success, answer.text
    assert answer.headers["x-sandbox"] == "1"
    (request,) = sandbox.requests(service)
    assert request["status"] == answer.status_code
    assert request["fault"] is None


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_status_fails_in_the_form_of_the_vendor(sandbox, service, status):
    sandbox.fail(service, "status", status=status, retry_after=7, times=1)
    answer = ask(sandbox, service)
    assert answer.status_code == status
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-sandbox"] == "1"
    assert ask(sandbox, service).is_success
    first = sandbox.requests(service)[0]
    assert (first["status"], first["fault"]) == (status, "status")


@pytest.mark.parametrize(
    ("service", "status", "found"),
    [
        ("coinmarketcap", 429, lambda answer: answer.json()["status"]["error_code"] == 1008),
        ("coinmarketcap", 403, lambda answer: answer.json()["status"]["error_code"] == 1006),
        ("coingecko", 429, lambda answer: answer.json()["status"]["error_code"] == 429),
        ("kraken", 503, lambda answer: answer.json()["error"] == ["EService:Unavailable"]),
        ("binance", 429, lambda answer: answer.json()["code"] == -1003),
        ("llm", 429, lambda answer: answer.json()["error"]["code"] == "rate_limit_exceeded"),
        ("llm", 500, lambda answer: answer.json()["error"]["type"] == "server_error"),
        ("slack", 404, lambda answer: answer.text == "no_service"),
        ("slack", 400, lambda answer: answer.text == "invalid_payload"),
        ("pagerduty", 429, lambda answer: answer.json()["message"] == "Rate Limit Exceeded"),
    ],
)
def test_the_bodies_of_failures_are_the_vendors(sandbox, service, status, found):
    sandbox.fail(service, "status", status=status)
    answer = ask(sandbox, service)
    assert answer.status_code == status
    assert "retry-after" not in answer.headers
    assert found(answer), answer.text


def test_timeout_waits_then_answers_504(sandbox):
    sandbox.fail("market", "timeout", seconds=0.3)
    started = time.monotonic()
    answer = sandbox.http.get(SYMBOLS)
    assert 0.3 <= time.monotonic() - started < 2.0
    assert answer.status_code == 504
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.get(SYMBOLS, timeout=0.1)


def test_hang_never_answers_and_spares_the_others(sandbox):
    sandbox.fail("market", "hang", times=1)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.get(SYMBOLS, timeout=0.2)
    assert sandbox.http.get(SYMBOLS).is_success
    assert [(r["status"], r["fault"]) for r in sandbox.requests("market")] == [(None, "hang"), (200, None)]


def test_reset_is_a_tcp_reset(sandbox):
    sandbox.fail("market", "reset", times=2)
    with httpx.Client(base_url=sandbox.url) as client, pytest.raises(httpx.ReadError):
        client.get(SYMBOLS)
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(b"GET /market/symbols HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert [r["fault"] for r in sandbox.requests("market")] == ["reset", "reset"]
    assert sandbox.http.get(SYMBOLS).is_success


def test_truncated_promises_more_than_it_sends(sandbox):
    whole = sandbox.http.get(SYMBOLS).content
    sandbox.fail("market", "truncated")
    with httpx.Client(base_url=sandbox.url) as client, client.stream("GET", SYMBOLS) as answer:
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(whole)
        received = b""
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            for piece in answer.iter_raw():
                received += piece
    assert received == whole[: len(whole) // 2]


def test_html_garbage_and_empty_are_no_json(sandbox):
    sandbox.fail("market", "html", times=1)
    page = sandbox.http.get(SYMBOLS)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.startswith("<!DOCTYPE html>")
    sandbox.fail("market", "html", status=403, times=1)
    assert sandbox.http.get(SYMBOLS).status_code == 403
    for kind in ("garbage", "empty"):
        sandbox.fail("market", kind, times=1)
        answer = sandbox.http.get(SYMBOLS)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert (answer.content == b"") == (kind == "empty")
        with pytest.raises(ValueError):
            answer.json()


def test_slow_drip_outlives_a_read_timeout_but_not_a_deadline(sandbox):
    whole = sandbox.http.get(SYMBOLS).content
    sandbox.fail("market", "slow_drip", seconds=1.0)
    started, pieces = time.monotonic(), 0
    with sandbox.http.stream("GET", SYMBOLS, timeout=0.5) as answer:  # each read is quicker than that
        received = b""
        for piece in answer.iter_raw():
            received += piece
            pieces += 1
    assert received == whole
    assert pieces >= 10
    assert 0.8 < time.monotonic() - started < 4.0


def test_latency_delays_a_sound_answer(sandbox):
    whole = sandbox.http.get(SYMBOLS).content
    sandbox.fail("market", "latency", seconds=0.3)
    started = time.monotonic()
    assert sandbox.http.get(SYMBOLS).content == whole
    assert 0.3 <= time.monotonic() - started < 2.0


@pytest.mark.parametrize(
    ("kind", "options", "carried_out"),
    [
        ("status", {"status": 503}, False),
        ("reset", {}, False),
        ("hang", {}, False),
        ("html", {}, False),
        ("truncated", {}, True),
        ("latency", {"seconds": 5.0}, True),
        ("slow_drip", {"seconds": 5.0}, True),
    ],
)
def test_a_message_counts_as_received_only_where_the_request_was_carried_out(
    sandbox, kind, options, carried_out
):
    sandbox.fail("slack", kind, **options)
    with httpx.Client(base_url=sandbox.url, timeout=0.2) as client:
        try:
            client.post(WEBHOOK, json={"text": "hello"})
        except httpx.HTTPError:
            assert kind != "status"
    assert len(sandbox.received("slack")) == carried_out
    assert len(sandbox.requests("slack")) == 1


@pytest.mark.parametrize("kind", WIRE_KINDS)
def test_no_wire_fault_reaches_the_controls(sandbox, kind):
    options = {"status": 500} if kind == "status" else {}
    for service in SERVICES:
        sandbox.fail(service, kind, **options)
    assert sandbox.http.get("/health", timeout=2.0).json()["sandbox"] is True
    assert len(sandbox.faults()) == len(SERVICES)


def test_error_in_200_is_the_vendors(sandbox):
    for service in ("kraken", "coinmarketcap", "slack"):
        sandbox.fail(service, "error_in_200")
    assert ask(sandbox, "kraken").json() == {"error": ["EGeneral:Too many requests"]}
    answer = ask(sandbox, "coinmarketcap")
    assert (answer.status_code, answer.json()["status"]["error_code"]) == (200, 1008)
    answer = sandbox.http.post(
        "/slack/api/chat.postMessage", json={"channel": "c", "text": "t"}, headers=KEYS
    )
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": "channel_not_found"})
    assert ask(sandbox, "slack").text == "ok"  # webhooks do not fail like that
