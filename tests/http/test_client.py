import gzip
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import text

from include.database import connect
from include.http import (
    Auth,
    BadAnswerError,
    QuotaUnknownError,
    RateLimitedError,
    RequestRefusedError,
    Retry,
    ServiceError,
    ServiceUnavailableError,
    Timeout,
    VendorFault,
    identify,
    with_timeout,
)
from include.http import admission as admission_module
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint
from include.telemetry import metric_record
from tests.http.conftest import IMPATIENT, QUICK
from tests.support.http_server import raw, reply, reset

OK = reply({"price": 61942.5})


def metrics(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_performance_metrics ORDER BY timestamp")).all()


def state_of_service(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM http_services WHERE service = 'testing'")).one()


@pytest.fixture
def pauses(monkeypatch):
    """Nobody really sleeps; the list holds the pauses that were asked for."""
    asked = []
    monkeypatch.setattr(time, "sleep", lambda seconds: asked.append(seconds) if seconds else None)
    return asked


# -- what goes out -------------------------------------------------------------------------------------------


def test_it_answers_with_the_parsed_json(server, client_of):
    server.answers = [OK]
    assert client_of().get_json("/v1/price", {"symbol": "BTC", "limit": 5}) == {"price": 61942.5}
    (request,) = server.received
    assert (request.method, request.path, request.query) == (
        "GET",
        "/v1/price",
        {"symbol": "BTC", "limit": "5"},
    )
    assert request.headers["user-agent"] == "tradeops"


def test_it_posts_json(server, client_of):
    server.answers = [OK]
    assert client_of().post_json("/v1/query", {"ids": [1, 2]}) == {"price": 61942.5}
    (request,) = server.received
    assert (request.method, request.body) == ("POST", b'{"ids":[1,2]}')


@pytest.mark.parametrize(
    ("auth", "place", "expected"),
    [
        (Auth("header", "X-CMC_PRO_API_KEY"), "x-cmc_pro_api_key", "the-key"),
        (Auth("bearer"), "authorization", "Bearer the-key"),
    ],
)
def test_the_key_goes_into_the_declared_header(server, client_of, auth, place, expected):
    server.answers = [OK]
    client_of(auth=auth, secret="the-key").get_json("/")
    assert server.received[0].headers[place] == expected


def test_the_key_goes_into_the_query(server, client_of):
    server.answers = [OK]
    client_of(auth=Auth("query", "api_key"), secret="the/key&=1").get_json("/", {"id": "GDP"})
    assert server.received[0].query == {"id": "GDP", "api_key": "the/key&=1"}


def test_the_key_goes_into_the_json_of_a_post_and_of_nothing_else(server, client_of):
    server.answers = [OK]
    client = client_of(auth=Auth("json", "registrationkey"), secret="s3cret-key")
    client.post_json("/", {"seriesid": ["x"]})
    client.get_json("/")
    posted, got = server.received
    assert json.loads(posted.body) == {"seriesid": ["x"], "registrationkey": "s3cret-key"}
    assert "s3cret-key" not in repr(got) + repr(posted.headers) + repr(posted.query)


def test_who_calls_is_said_where_that_is_wanted_and_nobody_calls_without(server, client_of):
    server.answers = [OK]
    with pytest.raises(RequestRefusedError, match="`contact`"):
        client_of(wants_contact=True)
    service = identify(replace(QUICK, wants_contact=True), "Example ops@example.com")
    client_of(wants_contact=True, headers=service.headers).get_json("/")
    assert server.received[0].headers["user-agent"] == "tradeops Example ops@example.com"


def test_a_declared_pause_holds_everybody_after_a_refusal(server, client_of, database):
    server.answers = [reply({}, status=403, headers={"Retry-After": "5"})]
    client = client_of(pauses={403: 600.0})
    with pytest.raises(RequestRefusedError):
        client.get_json("/")
    with pytest.raises(RateLimitedError, match="it asked for a pause"):
        client.get_json("/")
    assert len(server.received) == 1


def test_a_service_in_a_hurry_is_asked_once_within_its_time(server, client_of):
    server.answers = [reply({}, status=500)]
    hurried = with_timeout(QUICK, 3.0)
    client = client_of(timeout=hurried.timeout, retry=hurried.retry)
    assert (client.milliseconds, client.sandbox) == (None, False)
    with pytest.raises(ServiceUnavailableError):
        client.get_json("/")
    assert len(server.received) == 1
    assert 0 < client.milliseconds < 3_000


def test_the_sandbox_is_known_by_its_header(server, client_of):
    server.answers = [reply({}, headers={"X-Sandbox": "1"}), OK]
    client = client_of()
    client.get_json("/")
    assert client.sandbox
    client.get_json("/")
    assert not client.sandbox


def test_a_service_without_authentication_never_sees_a_key(server, client_of):
    server.answers = [OK]
    client_of(secret="the-key").get_json("/")
    assert "the-key" not in str(server.received[0])


def test_the_declared_address_is_used_where_the_connection_names_none(database):
    # The guard of the tests refuses to look the host up, and says which it was.
    with (
        Client(find_service("kraken"), Endpoint("", None), database) as client,
        pytest.raises(RuntimeError, match=r"api\.kraken\.com"),
    ):
        client.get_json("/0/public/Time")


@pytest.mark.parametrize("path", ["https://evil.example/x", "//evil.example/x", "x", "/x?key=1", "/x#y"])
def test_a_path_stays_below_the_address(server, client_of, path):
    with pytest.raises(ValueError, match="begin with one slash"):
        client_of().get_json(path)
    assert not server.received


@pytest.mark.parametrize("secret", ["two words", "line\nbreak", "ключ", "tab\t"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(client_of, secret):
    with pytest.raises(RequestRefusedError, match="its key holds") as caught:
        client_of(auth=Auth("bearer"), secret=secret)
    assert secret not in str(caught.value)


def test_what_is_missing_is_said(database):
    with pytest.raises(
        RequestRefusedError, match=r"coinmarketcap: no key; store one .*connection 'market_coinmarketcap'"
    ):
        Client(find_service("coinmarketcap"), None, database)
    with pytest.raises(RequestRefusedError, match=r"sandbox: no address; .*connection 'market_sandbox'"):
        Client(find_service("sandbox"), None, database)
    with pytest.raises(RequestRefusedError, match=r"slack-bot: no key; .*connection 'slack_alerts'"):
        Client(find_service("slack-bot"), None, database)
    with pytest.raises(RequestRefusedError, match=r"fred: no key; .*connection 'fred'"):
        Client(find_service("fred"), None, database)
    with pytest.raises(RequestRefusedError, match="neither http:// nor https://"):
        Client(find_service("sandbox"), Endpoint("localhost:80"), database)
    with pytest.raises(ValueError, match=r"no service 'krakken' is declared.*kraken"):
        find_service("krakken")


# -- what comes back -----------------------------------------------------------------------------------------


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


# -- when it takes too long ----------------------------------------------------------------------------------


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


# -- when to come back ---------------------------------------------------------------------------------------


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


# -- POST ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoiler", ["status", "hang", "reset", "cut"])
def test_a_post_that_may_have_been_carried_out_is_not_repeated(server, client_of, spoiler):
    first = {
        "status": reply({}, status=503),
        "hang": server.hang,
        "reset": reset,
        "cut": reply(body=b"{"),
    }[spoiler]
    server.answers = [first, OK]
    with pytest.raises((ServiceUnavailableError, BadAnswerError)):
        client_of(timeout=IMPATIENT).post_json("/orders", {"side": "BUY"})
    assert len(server.received) == 1
    server.answers = [first, OK]
    assert client_of(timeout=IMPATIENT).post_json("/query", {"id": 1}, idempotent=True) == {"price": 61942.5}


def test_a_post_that_was_turned_away_is_repeated(server, client_of):
    server.answers = [reply({}, status=429), OK]
    assert client_of().post_json("/orders", {"side": "BUY"}) == {"price": 61942.5}
    assert [request.body for request in server.received] == [b'{"side":"BUY"}'] * 2


@pytest.mark.parametrize("answer", [b"ok", b"", b"<p>thanks</p>"])
def test_a_body_is_posted_as_it_is_and_any_answer_is_text(server, client_of, answer):
    server.answers = [reply(body=answer)]
    body = '{"a":  "ü"}'.encode()
    said = client_of(secret="T0/secret").post_text("/hooks/T0/secret", body, {"X-Signature": "v1=00"})
    assert said == answer.decode()
    (request,) = server.received
    assert (request.method, request.path, request.body) == ("POST", "/hooks/T0/secret", body)
    assert request.headers["x-signature"] == "v1=00"


def test_a_text_that_was_refused_is_an_error_with_the_service_s_words(server, client_of):
    server.answers = [reply(body=b"no_service", status=404)]
    with pytest.raises(RequestRefusedError, match="no_service"):
        client_of().post_text("/hooks", b"{}", {})


# -- errors under status 200 ---------------------------------------------------------------------------------


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


# -- without the database ------------------------------------------------------------------------------------


def test_without_the_database_nothing_is_called(server, client_of):
    away = connect("postgresql://tradeops:hunter2-hunter2@127.0.0.1:9/tradeops", application="tests")
    server.answers = [OK]
    with pytest.raises(QuotaUnknownError, match="not called, because its quota cannot be counted") as caught:
        client_of(engine=away).get_json("/")
    assert isinstance(caught.value, ServiceError)
    assert "hunter2" not in str(caught.value)
    assert not server.received


def test_an_answer_in_hand_outlives_a_database_that_goes_away(server, client_of, monkeypatch, caplog):
    server.answers = [reply({}, status=500), OK]
    monkeypatch.setattr(admission_module, "_NOTE", text("SELECT no_such_function(:service)"))
    assert client_of().get_json("/") == {"price": 61942.5}
    assert "The state of testing could not be noted: function no_such_function" in caplog.text


# -- measurements --------------------------------------------------------------------------------------------


def test_every_call_leaves_a_row(server, client_of, database):
    server.answers = [reply({}, status=500), reply([], after=0.1), reply({"error": "no"}, status=404)]
    client = client_of()
    client.get_json("/v1/prices", {"symbol": "BTC"})
    with pytest.raises(RequestRefusedError):
        client.post_json("/v1/other", {})
    client.close()
    ok, refused = metrics(database)
    assert (ok.metric_type, ok.metric_name, ok.unit) == ("api_response", "http.testing", "ms")
    assert 100 <= ok.value < 400  # the last answer
    assert ok.metadata == {
        "method": "GET",
        "path": "/v1/prices",
        "status": 200,
        "outcome": "ok",
        "attempts": 2,
    }
    assert refused.metadata == {
        "method": "POST",
        "path": "/v1/other",
        "status": 404,
        "outcome": "refused",
        "attempts": 1,
    }


def test_a_call_that_was_never_sent_leaves_no_row(server, client_of, database):
    server.answers = [reply({}, status=429, headers={"Retry-After": "600"})]
    with client_of() as client:
        for _ in range(2):
            with pytest.raises(RateLimitedError):
                client.get_json("/")
    assert [row.metadata["outcome"] for row in metrics(database)] == ["rate_limited"]


def test_measurements_of_calls_wait_on_disk_while_the_database_is_away(client_of, database, caplog):
    away = connect("postgresql://tradeops:hunter2-hunter2@127.0.0.1:9/tradeops", application="tests")
    client = client_of(engine=away)
    client._measurements.add(metric_record("api_response", "http.testing", 1.0, "ms"))
    client.close()
    assert "telemetry waits in" in caplog.text
    assert "hunter2" not in caplog.text
    client_of().close()
    assert [row.metric_name for row in metrics(database)] == ["http.testing"]


# -- secrets -------------------------------------------------------------------------------------------------


def everything_about(error):
    seen = []
    while error is not None:
        seen += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    "auth", [Auth("header", "X-Api-Key"), Auth("bearer"), Auth("query", "key")], ids=lambda auth: auth.place
)
def test_no_secret_gets_out(server, client_of, database, caplog, capfd, auth):
    secret = "s3cr3t/Key+value=="
    encoded = "s3cr3t%2FKey%2Bvalue%3D%3D"
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", "httpx")  # Airflow, where a test before this one imported it, quietens httpx
    echo = {"Set-Cookie": f"session={secret}", "Location": f"{server.url}/?key={secret}"}
    page = f"<html>your key {secret} or {encoded}".encode()
    answers = [
        reply({"message": f"the key {secret} is wrong"}, status=401, headers=echo),
        reply({"error": [f"E:{encoded}"]}, status=500, headers=echo),
        reply(status=302, headers=echo),
        reply(body=page, headers={"Content-Type": "text/html", **echo}),
        reply(body=page, headers=echo),
        reply({}, status=429, headers={"X": secret}),
        raw(page),
        raw(f"HTTP/1.1 200 {secret}\r\n{secret}\r\n\r\n".encode()),
        server.hang,
        reset,
        OK,
    ]
    told = []
    with client_of(
        auth=auth,
        secret=secret,
        timeout=IMPATIENT,
        retry=Retry(attempts=2, budget=20, wait_initial=0.01, jitter=0),
    ) as it:
        for answer in answers:
            server.answers = [answer]
            try:
                it.get_json(f"/hooks/{encoded}", {"symbol": "BTC"})
            except ServiceError as error:
                told.append(everything_about(error))
        told += [repr(it), repr(it.service)]
    assert len(told) == len(answers) - 1 + 2
    assert secret in str(server.received[0])  # it was sent, after all
    with database.connect() as connection:
        told += [str(row) for row in connection.execute(text("SELECT * FROM http_services"))]
    told += [str(row) for row in metrics(database)]
    assert len(metrics(database)) == len(answers)
    printed = capfd.readouterr()
    told += [caplog.text, *(str(vars(record)) for record in caplog.records), printed.out, printed.err]
    assert "HTTP Request: GET" in caplog.text  # httpx does log, and so does the retry
    assert "stamina.retry_scheduled" in printed.out
    for text_ in told:
        assert "s3cr3t" not in text_
