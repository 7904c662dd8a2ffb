"""What the client makes of an answer: JSON, or the error that fits."""

import gzip

import pytest

from include.http import (
    Auth,
    BadAnswerError,
    RateLimitedError,
    RequestRefusedError,
    Retry,
    ServiceUnavailableError,
    VendorFault,
)
from include.services import find_service
from tests.support.http_server import OK, raw, reply

# -- what comes back


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 418, 451])
def test_a_refusal_is_final_and_says_why(server, client_of, status):
    server.answers = [reply({"status": {"error_message": "This API Key is invalid."}}, status=status)]
    with pytest.raises(
        RequestRefusedError, match=rf"^testing: answered {status}: This API Key is invalid\.$"
    ) as caught:
        client_of().get_json("/")
    assert (caught.value.service, caught.value.status) == ("testing", status)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 522])
def test_a_passing_failure_is_tried_again(server, client_of, status):
    server.answers = [reply({}, status=status), OK]
    assert client_of().get_json("/") == {"price": 61942.5}
    assert len(server.received) == 2


def test_a_lasting_failure_ends_after_the_attempts(server, client_of):
    page = b"<html><head><title>502 Bad Gateway</title></head></html>"
    server.answers = [reply(status=502, body=page, headers={"Content-Type": "text/html"})]
    with pytest.raises(ServiceUnavailableError, match="answered 502: 502 Bad Gateway") as caught:
        client_of().get_json("/")
    assert caught.value.status == 502
    assert len(server.received) == 3


def test_a_server_error_that_is_no_overload_is_not_tried_again(server, client_of):
    server.answers = [reply({"message": "not implemented"}, status=501)]
    with pytest.raises(ServiceUnavailableError, match="not implemented"):
        client_of().get_json("/")
    assert len(server.received) == 1


def test_words_of_a_service_are_such_that_postgresql_holds_them(server, client_of):
    """They are stored with the breaker, and by whoever asked."""
    server.answers = [reply({"error": "out of\x00 order \ud800"}, status=500)]
    with pytest.raises(ServiceUnavailableError, match=r"out of� order \?"):
        client_of().get_json("/")


def test_too_many_requests_end_as_rate_limited(server, client_of):
    server.answers = [reply({"error": "slow down"}, status=429)]
    with pytest.raises(RateLimitedError, match="answered 429: slow down"):
        client_of().get_json("/")
    assert len(server.received) == 3


@pytest.mark.parametrize(
    "answer",
    [
        reply(body=b'{"price": 619'),
        reply(body=b""),
        reply(body=b"\x00\xff\xfe garbage \x80"),
        reply(body=b'{"price": NaN}'),
        reply(body=b'{"price": -Infinity}'),
        reply(body=b"[" * 200_000),
        reply(body=b'{"price": ' + b"9" * 5000 + b"}"),
        reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
        reply(body=b'{"price": 1}', length=500),
        reply(body=b"5\r\n{}", length=0, headers={"Transfer-Encoding": "chunked"}),
    ],
    ids=["cut", "empty", "garbage", "nan", "infinity", "deep", "digits", "gzip", "broken off", "chunks"],
)
def test_a_spoilt_answer_is_tried_again_and_then_a_bad_answer(server, client_of, answer):
    server.answers = [answer, OK]
    assert client_of().get_json("/") == {"price": 61942.5}
    server.answers = [answer]
    with pytest.raises(BadAnswerError) as caught:
        client_of().get_json("/")
    assert str(caught.value).isprintable()
    assert len(server.received) == 2 + 3


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "image/png", "application/xml"])
def test_another_content_type_is_a_bad_answer_at_once(server, client_of, kind):
    page = b"<!DOCTYPE html><title>Missing Key</title> A valid <em>key</em> is needed"
    server.answers = [reply(body=page, headers={"Content-Type": kind})]
    with pytest.raises(BadAnswerError, match="instead of JSON: Missing Key A valid key is needed"):
        client_of().get_json("/")
    assert len(server.received) == 1


@pytest.mark.parametrize("kind", ["application/problem+json", "text/json", "text/plain; charset=utf-8", ""])
def test_json_by_other_names_is_json(server, client_of, kind):
    server.answers = [reply([1, 2], headers={"Content-Type": kind})]
    assert client_of().get_json("/") == [1, 2]


def test_packed_json_is_unpacked(server, client_of):
    server.answers = [reply(body=gzip.compress(b"[1, 2]"), headers={"Content-Encoding": "gzip"})]
    assert client_of().get_json("/") == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        reply(body=b" " * 200_000 + b"1"),
        reply(body=b"", length=10**12),
        reply(body=gzip.compress(b" " * 5_000_000), headers={"Content-Encoding": "gzip"}),
        raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * 200_000),
    ],
    ids=["long", "announced", "gzip bomb", "no length"],
)
def test_a_huge_body_is_refused(server, client_of, answer):
    server.answers = [answer]
    with pytest.raises(BadAnswerError, match="more than the 100000 bytes"):
        client_of(max_bytes=100_000).get_json("/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server, client_of, status):
    server.answers = [reply(status=status, headers={"Location": f"{server.url}/missing_key.html"})]
    with pytest.raises(
        RequestRefusedError, match=rf"answered {status}, a redirect to .*missing_key.html \(not followed"
    ):
        client_of(auth=Auth("bearer"), secret="the-key").get_json("/data")
    assert [request.path for request in server.received] == ["/data"]


# -- errors under status 200


def test_an_error_under_status_200_is_an_error(server, client_of):
    def find(payload):
        return VendorFault(RequestRefusedError, payload["error"]) if payload.get("error") else None

    server.answers = [reply({"error": "unknown coin"})]
    with pytest.raises(RequestRefusedError, match="answered 200: unknown coin") as caught:
        client_of(find_fault=find).get_json("/")
    assert caught.value.status == 200
    assert len(server.received) == 1


def test_a_passing_error_under_status_200_is_tried_again_when_the_vendor_says(server, client_of, pauses):
    find = find_service("coinmarketcap").find_fault
    busy = reply({"status": {"error_code": 1008, "error_message": "Rate limits reset every minute."}})
    server.answers = [busy, OK]
    client_of(find_fault=find, retry=Retry(attempts=3, budget=90)).get_json("/")
    assert pauses[0] == 60
    server.answers = [busy]
    with pytest.raises(
        RateLimitedError, match=r"error 1008: Rate limits reset every minute\.; try again in 60 s"
    ):
        client_of(find_fault=find, name="another").get_json("/")


def test_an_error_text_that_is_no_json_is_found_too(server, client_of):
    def find(payload):
        return VendorFault(RateLimitedError, "throttled") if "Threshold Exceeded" in str(payload) else None

    page = b"<html><title>SEC.gov | Request Rate Threshold Exceeded</title>"
    server.answers = [reply(status=403, body=page, headers={"Content-Type": "text/html"}), OK]
    assert client_of(find_fault=find).get_json("/") == {"price": 61942.5}
