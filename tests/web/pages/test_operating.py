"""The page for whoever operates the platform."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.web import build_app
from tests.support.pages import page
from tests.support.web import desk_host, find_person


def client_with(database, **settings):
    from contextlib import contextmanager

    @contextmanager
    def open_database():
        yield database

    server = FastAPI()
    server.mount("/tradeops", build_app(open_database, [], find_person, desk_host(**settings)))
    return TestClient(server)


def test_without_people_it_says_what_to_set_and_shows_severities_and_lists(client):
    shown = page(client, "/tradeops/operating")
    for word in ("Nobody is named", "P0", "P3", "Daily", "Weekly", "Monthly", "No contacts are set"):
        assert word in shown.words
    assert "/tradeops/docs/incidents" in shown.links


def test_people_and_contacts_are_shown_as_text(database):
    hostile = "<script>alert(1)</script>"
    client = client_with(database, on_call=("ann",), contacts={"ann": hostile, "x" * 300: "y" * 300})
    answer = client.get("/tradeops/operating")
    assert answer.status_code == 200
    assert hostile not in answer.text
    assert "&lt;script&gt;alert" in answer.text
