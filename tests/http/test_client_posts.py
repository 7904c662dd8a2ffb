"""What the client posts, and when it posts it again."""

import pytest

from include.http import (
    BadAnswerError,
    RequestRefusedError,
    ServiceUnavailableError,
)
from tests.http.conftest import IMPATIENT
from tests.support.http_server import OK, reply, reset


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
