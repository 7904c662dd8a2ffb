"""Who may call the API: keys, people, nobody; and how much."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.web import WebHost, build_api
from include.web.api_keys import revoke_key
from tests.support.reading import statements_of
from tests.support.web import BERT, find_person, make_api

DESCRIPTION = "/api/atge/openapi.json"


@pytest.mark.parametrize("path", [DESCRIPTION, "/api/atge/docs", "/api/atge/trades", "/api/atge/nowhere"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer top_wrong"},
        {"Authorization": "Bearer nobody"},
        {"X-API-Key": "x"},
        {"X-API-Key": ""},
        {"Authorization": "Basic eDp5"},
        {"Cookie": "_token="},
    ],
    ids=str,
)
def test_strangers_are_told_how_to_log_in(api, path, headers):
    answer = api.client().get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (body["success"], body["status"], body["instance"]) == (False, 401, path)
    assert body["error"] == body["detail"]


def test_a_key_opens_in_both_headers(api):
    key = api.key("read")
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
        {"X-API-Key": key},
    ):
        assert api.client().get(DESCRIPTION, headers=headers).status_code == 200


def test_a_revoked_key_and_an_expired_one_are_refused_at_once(api):
    key, other = api.key("read"), api.key("read")
    assert api.client(key).get(DESCRIPTION).status_code == 200
    revoke_key(api.engine, key[:12], "anna")
    answer = api.client(key).get(DESCRIPTION)
    assert answer.status_code == 401
    assert "revoked" in answer.json()["error"]
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    assert api.client(other).get(DESCRIPTION).status_code == 200
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE api_keys SET expires_at = now() WHERE revoked_at IS NULL"))
    answer = api.client(other).get(DESCRIPTION)
    assert answer.status_code == 401
    assert "expired" in answer.json()["error"]


def test_only_a_hash_is_stored(api):
    key = api.key("read")
    with api.engine.connect() as connection:
        stored = connection.execute(text("SELECT api_keys::text FROM api_keys")).scalar_one()
    assert key not in stored
    assert len(key) >= 47


def test_last_use_is_noted_at_most_once_a_minute(api):
    client = api.with_key("read")
    read = text("SELECT last_used_at, xmin FROM api_keys")

    def used():
        client.get(DESCRIPTION)
        with api.engine.connect() as connection:
            return connection.execute(read).one()

    first = used()
    assert first.last_used_at is not None
    assert used() == first
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE api_keys SET last_used_at = now() - interval '2 min'"))
    assert used().last_used_at > first.last_used_at
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE api_keys SET last_used_at = now() + interval '2 years'"))
    later = used().last_used_at
    assert later.year == first.last_used_at.year


def test_a_key_needs_the_scope_of_the_method(api):
    refused = api.with_key("write").get(DESCRIPTION)
    assert refused.status_code == 403
    assert "read" in refused.json()["error"]
    refused = api.with_key("read").post("/api/atge/generate", json={})
    assert refused.status_code == 403
    assert api.with_key("operate").get(DESCRIPTION).status_code == 200


def test_people_read_by_airflows_permission(api):
    assert api.as_person("viewer").get(DESCRIPTION).status_code == 200
    assert api.as_person("stranger").get(DESCRIPTION).status_code == 403
    refused = api.as_person("viewer").post("/api/atge/generate", json={})
    assert refused.status_code == 403
    assert "read only" in refused.json()["error"]


def test_a_page_of_another_site_makes_nobody_write(api):
    client = api.as_person("operator")
    answer = client.post("/api/atge/generate", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]


def test_too_much_is_refused_for_each_caller_alone_and_by_all_workers(serve):
    api, second_worker = serve(api_requests_per_minute=3), serve(api_requests_per_minute=3)
    key = api.key("read")
    left = []
    for number in range(3):
        answer = (api, second_worker)[number % 2].client(key).get(DESCRIPTION)
        assert answer.status_code == 200
        left.append(answer.headers["RateLimit"].split(";")[1])
    assert left == ["r=2", "r=1", "r=0"]
    refused = second_worker.client(key).get(DESCRIPTION)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert refused.headers["RateLimit-Policy"] == '"requests";q=3;w=60'
    assert api.with_key("read", user=BERT).get(DESCRIPTION).status_code == 200
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE api_limits SET busy_until = busy_until - interval '21 s'"))
    assert api.client(key).get(DESCRIPTION).status_code == 200
    assert api.client(key).get(DESCRIPTION).status_code == 429


def test_a_clock_that_was_ahead_locks_nobody_out(serve):
    api = serve(api_requests_per_minute=2)
    client = api.with_key("read")
    client.get(DESCRIPTION)
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE api_limits SET busy_until = 'infinity'"))
    assert client.get(DESCRIPTION).status_code == 200


def test_a_database_that_is_away_is_503_in_words(postgres_server):
    from include.database import connect

    engine = connect("postgresql://nobody@127.0.0.1:1/tradeops", application="tests")
    for client in (make_api(engine).client(f"top_{'k' * 43}"), make_api(engine).as_person("viewer")):
        answer = client.get(DESCRIPTION)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "database" in answer.json()["error"]
        assert "nobody" not in answer.text


def test_a_wrong_key_costs_no_statement_or_one_and_locks_nobody_out(api):
    key = api.key("read")
    unknown = f"top_{'x' * 43}"
    for wrong, cost in (
        ("top_x", 0),
        (f"{key}x", 0),
        ("top_" + "x" * 100_000, 0),
        (unknown, 1),
        (unknown, 0),
    ):
        with statements_of(api.engine) as statements:
            assert api.client().get(DESCRIPTION, headers={"X-API-Key": wrong}).status_code == 401
        assert len(statements) == cost, wrong[:60]
    assert api.client(key).get(DESCRIPTION).status_code == 200


def test_unknown_keys_are_remembered_within_bounds():
    from include.web.api.guard import MOST_UNKNOWN, _UnknownKeys

    unknown = _UnknownKeys()
    for number in range(MOST_UNKNOWN + 5):
        unknown.note(number.to_bytes(32, "big"))
    assert len(unknown._until) == MOST_UNKNOWN
    assert [unknown.has(number.to_bytes(32, "big")) for number in (0, MOST_UNKNOWN)] == [False, True]


def test_the_host_is_asked_on_the_loop_only_when_it_has_all_at_hand(database):
    """What Airflow's database would have to say is read in a thread: nobody else is to wait for it."""
    api, asked = make_api(database), []

    def is_on_the_loop() -> bool:
        try:
            return asyncio.get_running_loop() is not None
        except RuntimeError:
            return False

    for at_hand in (True, False):
        host = WebHost(
            engine=lambda: asked.append(is_on_the_loop()) or database,
            settings=lambda: api.settings,
            person=find_person,
            cron_secret=lambda: None,
            runs=api.runs,
            at_hand=lambda: at_hand,  # noqa: B023 - asked within the round
        )
        server = FastAPI()
        server.mount("/api/atge", build_api(host))
        client = TestClient(server, headers={"X-API-Key": api.key("read")})
        assert client.get("/api/atge/trades").status_code == 200
    assert asked == [True, False]
