"""What the client sends: the path, the key, the contact, and what it refuses to send."""

import json
from dataclasses import replace

import pytest

from include.http import (
    Auth,
    RateLimitedError,
    RequestRefusedError,
    ServiceUnavailableError,
    identify,
    with_timeout,
)
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint
from tests.http.conftest import QUICK
from tests.support.http_server import OK, reply


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
