"""API keys: made, listed and revoked on the page and by command; only whoever may edit connections."""

import re
import subprocess
import sys
from uuid import UUID

import pytest
from sqlalchemy import text

from include.web.__main__ import main
from include.web.api_keys import ApiKeyError, list_keys, make_key, page_keys, revoke_key
from tests.support.pages import Page
from tests.support.web import ANNA, make_api

PAGE = "/tradeops/api-keys"
AS_OPERATOR = {"Authorization": "Bearer operator"}
KEY = re.compile(r"top_[\w-]{43}")
NASTY = '<script>alert("x")</script>'


def token_of(client, headers=AS_OPERATOR) -> str:
    page = client.get(PAGE, headers=headers)
    assert page.status_code == 200
    return re.search(r'name="token" value="([^"]+)"', page.text)[1]


def send(client, path, headers=AS_OPERATOR, **fields):
    return client.post(f"{PAGE}/{path}", data=fields, headers=headers)


@pytest.fixture
def form(client):
    return {
        "token": token_of(client),
        "user": str(ANNA),
        "name": "a dashboard",
        "scope": ["read", "write"],
        "days": "30",
    }


def test_a_key_is_made_shown_once_and_works(client, database, form):
    made = send(client, "make", **form)
    key = KEY.search(made.text)[0]
    assert make_api(database).client(key).get("/api/atge/openapi.json").status_code == 200
    page = client.get(PAGE, headers=AS_OPERATOR).text
    assert key not in page
    assert key[:12] in page
    assert "a dashboard" in page
    (stored,) = list_keys(database)
    assert (stored.user_id, stored.scopes, stored.made_by) == (ANNA, ["read", "write"], "operator")
    assert (stored.expires_at - stored.created_at).days in (29, 30)


def test_a_key_is_revoked_on_the_page(client, database, form):
    key = KEY.search(send(client, "make", **form).text)[0]
    (stored,) = list_keys(database)
    assert "revoked" in send(client, "revoke", token=form["token"], key=str(stored.id)).text
    assert make_api(database).client(key).get("/api/atge/openapi.json").status_code == 401
    assert send(client, "revoke", token=form["token"], key=str(stored.id)).status_code == 422
    assert list_keys(database)[0].revoked_by == "operator"


@pytest.mark.parametrize("name", ["viewer", "settler", "nobody"])
def test_who_may_not_edit_connections_sees_and_makes_no_keys(client, database, form, name):
    headers = {"Authorization": f"Bearer {name}"}
    assert client.get(PAGE, headers=headers).status_code == 403
    assert send(client, "make", headers, **form).status_code == 403
    assert list_keys(database) == []


def test_a_form_of_another_site_is_refused(client, database, form):
    for changed in ({"token": ""}, {"token": "x"}, {"token": "ü"}):
        assert send(client, "make", **form | changed).status_code == 403
    del form["token"]
    assert send(client, "make", **form).status_code == 403
    token = token_of(client)
    headers = AS_OPERATOR | {"Sec-Fetch-Site": "cross-site"}
    assert send(client, "make", headers, token=token, **form).status_code == 403
    client.cookies.clear()
    assert send(client, "make", token=token, **form).status_code == 403
    assert list_keys(database) == []


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"user": "me"}, "UUID"),
        ({"scope": []}, "no scope"),
        ({"scope": "admin"}, "admin"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"days": "-1"}, "days"),
        ({"days": "0"}, "lasts"),
        ({"days": "9999"}, "ten years"),
        ({"days": "²"}, "days"),
        ({"name": "a\x00b"}, "NUL"),
    ],
)
def test_a_wrong_form_says_what_to_correct(client, database, form, changed, word):
    answer = send(client, "make", **form | changed)
    assert answer.status_code == 422
    assert word in answer.text
    assert list_keys(database) == []


def test_data_is_shown_as_text(client, form):
    assert NASTY not in send(client, "make", **form | {"name": NASTY}).text
    assert NASTY not in send(client, "revoke", token=form["token"], key=NASTY).text


def test_the_cookie_stays_with_this_site(client):
    cookie = client.get(PAGE, headers=AS_OPERATOR).headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/tradeops" in cookie


def test_keys_by_command(database, database_url, monkeypatch, capsys):
    monkeypatch.setenv("TRADEOPS_DATABASE_URL", database_url)
    main(["keys", "list"])
    assert "no key" in capsys.readouterr().out
    main(["keys", "make", "--user", str(ANNA), "--name", "a bot", "--scope", "read", "--scope", "operate"])
    key = capsys.readouterr().out.strip()
    assert KEY.fullmatch(key)
    main(["keys", "list"])
    listed = capsys.readouterr().out
    assert key not in listed
    assert "valid  read,operate" in listed
    main(["keys", "revoke", key[:12]])
    assert "revoked" in capsys.readouterr().out
    for wrong in (["keys", "revoke", key[:12]], ["keys", "revoke", "top_"]):
        with pytest.raises(SystemExit, match="key"):
            main(wrong)


def test_the_command_says_where_the_database_is_expected():
    command = [sys.executable, "-m", "include.web", "keys", "list"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "TRADEOPS_DATABASE_URL" in done.stderr


def test_two_keys_that_begin_alike_are_named_by_id(database):
    for _ in range(2):
        make_key(database, user_id=UUID(int=1), scopes=["read"], name="x", made_by="y")
    with database.begin() as connection:
        connection.execute(text("UPDATE api_keys SET prefix = 'top_same'"))
    with pytest.raises(ApiKeyError, match="several"):
        revoke_key(database, "top_same", "me")


def test_hundreds_of_keys_come_in_pages_and_are_found(client, database):
    statement = (
        "INSERT INTO api_keys (key_hash, prefix, name, user_id, scopes, made_by, created_at, expires_at) "
        "SELECT sha256(n::text::bytea), 'top_' || lpad(n::text, 8, '0'), 'bot ' || n, CAST(:user AS uuid), "
        "'{read}', 'operator', CASE WHEN n > 100 THEN now() - interval '1 day' ELSE now() END, "
        "CASE WHEN n % 2 = 0 THEN now() - interval '1 hour' END FROM generate_series(1, 320) AS n"
    )
    with database.begin() as connection:
        connection.execute(text(statement), {"user": ANNA})
    seen, path, pages = [], PAGE, 0
    while path:
        shown = client.get(path, headers=AS_OPERATOR).text
        seen += re.findall(r"<code>(top_\d{8})…", shown)
        path, pages = next((link for link in Page(shown).links if "behind=" in link), None), pages + 1
    assert len(seen) == len(set(seen)) == 320
    assert pages == 7
    assert [one.name for one in page_keys(database, limit=5, find="top_00000017")] == ["bot 17"]
    assert [one.name for one in page_keys(database, limit=5, find="BOT 99")] == ["bot 99"]
    assert len(page_keys(database, limit=500, state="expired", find=str(ANNA))) == 160


@pytest.mark.parametrize(
    "query", ["state=x", "find=%00", f"find={'x' * 10_000}", "behind=x", "behind=2026-01-01~x"]
)
def test_a_wrong_filter_is_refused(client, query):
    assert client.get(f"{PAGE}?{query}", headers=AS_OPERATOR).status_code == 422
