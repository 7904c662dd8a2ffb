"""The form of a DAG on the desk: filled in by its address, sent once, refused in words."""

import re
from contextlib import contextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.database import DatabaseError
from include.web import build_app
from include.web.dag_forms import DagFormError
from include.web.host import RunNotStartedError
from include.web.rendering import start_path
from tests.support.pages import Page
from tests.support.trades import run
from tests.support.web import ANNA, BERT, FORM, desk_host, find_person

NASTY = '"><script>alert(1)</script>'
PATH = "/tradeops/start/replay_trades"


@pytest.fixture
def client(client):
    client.headers["Authorization"] = "Bearer operator"
    return client


def hidden(text: str) -> dict[str, str]:
    return dict(re.findall('type="hidden" name="([^"]*)" value="([^"]*)"', text))


def test_the_form_is_filled_in_by_its_address(client):
    path = start_path(
        "replay_trades", symbols=["BTC", "A B"], redo=["candles"], dry_run=False, hours=4, reason=NASTY
    )
    shown = client.get(f"/tradeops{path}").text
    assert ">BTC\nA B</textarea>" in shown
    assert re.search(r'value="candles" checked.*value="settlement"> ', shown, re.DOTALL)
    assert re.search(r'name="dry_run"[^>]*>', shown)[0].count("checked") == 0
    assert 'value="4"' in shown
    assert NASTY not in shown
    assert "alert(1)" in Page(shown).words  # it stands in the field, as text


def test_without_values_the_defaults_stand_there(client):
    shown = client.get(PATH).text
    assert re.search(r'name="dry_run"[^>]* checked', shown)
    assert re.search(r'value="settlement" checked', shown)


def test_what_is_sent_becomes_the_run_s_conf_and_is_one_run_however_often(client, runs):
    fields = hidden(client.get(PATH).text)
    sent = {"symbols": "BTC\r\n\r\n A B ", "redo": ["candles", "settlement"], "first_day": "", "hours": "1.5",
            "end": "", "action": "verify", "reason": "why"}  # fmt: skip
    for _ in range(2):
        answer = client.post(PATH, data=sent | fields, follow_redirects=False)
        assert answer.status_code == 303
    assert runs.started == {
        ("replay_trades", f"desk__{fields['run']}"): {
            "symbols": ["BTC", "A B"], "redo": ["candles", "settlement"], "first_day": None, "hours": 1.5,
            "end": None, "dry_run": False, "action": "verify", "reason": "why",
            "users": [], "backup_id": None,
        }
    }  # fmt: skip
    there = answer.headers["location"]
    assert f"/dags/replay_trades/runs/desk__{fields['run']}" in Page(client.get(there).text).links
    assert client.get(there, headers={"Authorization": "Bearer viewer"}).status_code == 403
    assert client.get(there.replace(fields["run"], str(UUID(int=1)))).status_code == 404


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("hours", "inf", "number"), ("end", "1.5", "whole"), ("hours", "x", "number")],
)
def test_a_wrong_value_is_refused_in_words_and_what_was_typed_stays(client, runs, name, value, word):
    fields = hidden(client.get(PATH).text)
    answer = client.post(PATH, data={name: value, "reason": "kept words"} | fields)
    assert answer.status_code == 422
    assert word in answer.text
    assert "kept words" in answer.text
    assert hidden(answer.text)["run"] == fields["run"]
    assert runs.started == {}


def test_what_airflow_refuses_is_said(client, runs):
    runs.fails = RunNotStartedError("Airflow did not start it: Invalid input", certain=True)
    answer = client.post(PATH, data=hidden(client.get(PATH).text))
    assert (answer.status_code, "Invalid input" in answer.text) == (422, True)


@pytest.mark.parametrize("query", ["nothing=1", "reason=%00", "reason=" + "x" * 10_001])
def test_an_address_with_a_wrong_value_is_refused_on_the_page(client, query):
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert "<h1>" in answer.text


def test_only_who_may_start_the_dag_sees_its_form_or_starts_it(client, runs):
    viewer = {"Authorization": "Bearer viewer"}
    fields = hidden(client.get(PATH).text)
    assert client.get(PATH, headers=viewer).status_code == 403
    assert client.post(PATH, data=fields, headers=viewer).status_code == 403
    assert client.post(PATH, data={"run": fields["run"]}).status_code == 403  # no token of a form of ours
    assert runs.started == {}


def test_there_is_no_form_of_an_unknown_dag(client):
    assert client.get("/tradeops/start/elsewhere").status_code == 404


def test_json_is_read_or_refused():
    field = type(FORM[0])("extra", {}, {"type": "object", "title": "Extra"}, "")
    assert field.sent('{"a": 1}') == {"a": 1}
    with pytest.raises(DagFormError, match="Extra"):
        field.sent("{")


def test_a_description_may_have_a_link_and_is_text_otherwise(client):
    answer = client.get(PATH)
    assert "/tradeops/trades" in Page(answer.text).links
    assert "&lt;b&gt;" in answer.text


def test_users_and_backups_are_chosen_from_what_is_there(client, runs, database):
    run(database, "INSERT INTO atge_performance_cache (user_id, total_trades) VALUES (:anna, 7), (:bert, 1)",
        anna=ANNA, bert=BERT)  # fmt: skip
    run(database, "INSERT INTO backups (id, kind, status, location, started_at, finished_at, manifest) "
        "VALUES ('20261121T020000Z-full-3f9c2a', 'full', 'complete', '/b', now(), now(), '{}'), "
        "('20261122T020000Z-logs-3f9c2a', 'logs', 'complete', '/b', now(), now(), '{}')")  # fmt: skip
    shown = client.get(f"{PATH}?users={BERT}").text
    assert re.search(rf'value="{BERT}" checked', shown)
    assert re.search(rf'value="{ANNA}">.*7 settled', shown)
    assert '<option value="20261121T020000Z-full-3f9c2a">full of' in shown
    assert "20261122T020000Z" not in shown  # of a kind that the field does not take
    other = UUID(int=9)
    client.post(
        PATH,
        data={**hidden(shown), "hours": "1", "action": "list", "users": [str(ANNA), f"{other}\r\n{ANNA}"]},
    )
    ((_, conf),) = runs.started.items()
    assert conf["users"] == [str(ANNA), str(other)]


def test_without_the_database_ids_are_typed(runs):
    @contextmanager
    def away():
        raise DatabaseError("it is away")
        yield

    server = FastAPI()
    server.mount("/tradeops", build_app(away, [], find_person, desk_host(runs=runs)))
    shown = TestClient(server, headers={"Authorization": "Bearer operator"}).get(PATH)
    assert shown.status_code == 200
    assert 'name="backup_id"' in shown.text
    assert "it is away" in shown.text
