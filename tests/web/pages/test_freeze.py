"""The page of the freeze, and the banner that every page has while one holds."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.freeze import begin_freeze, end_freeze
from tests.support.pages import page

HOSTILE = '<script>alert(1)</script> " ' + "x" * 400


def freeze(database, reason="a move", **chosen):
    return begin_freeze(database, author="ann", reason=reason, lasts=timedelta(hours=2), **chosen)


def test_without_one_it_says_so_and_offers_the_form(client):
    shown = page(client, "/tradeops/freeze")
    assert "Nothing is frozen." in shown.words
    assert "Nothing was frozen yet" in shown.words
    assert any("/start/freeze_work?action=begin" in link for link in shown.links)


def test_one_that_holds_is_said_on_every_page_and_can_be_given_back(client, database):
    freeze(database, groups=["probes"])
    shown = page(client, "/tradeops/freeze")
    assert any("/start/freeze_work?action=end" in link for link in shown.links)
    assert "probes of services: begin nothing new" in " ".join(shown.words.split()).lower()
    for path in ("freeze", "maintenance", "probes"):
        assert "Frozen by ann until" in " ".join(page(client, f"/tradeops/{path}").words.split())
    end_freeze(database, "bob")
    assert "Frozen by" not in page(client, "/tradeops/probes").words
    assert "ended by bob" in page(client, "/tradeops/freeze").words


def test_a_reason_is_text(client, database):
    freeze(database, reason=HOSTILE)
    answer = client.get("/tradeops/probes")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


def test_the_history_has_pages(client, database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO freezes (groups, author, reason, begins_at, ends_at)"
                " SELECT '{work}', 'ann', 'a move',"
                " now() - make_interval(hours => 2 * n), now() - make_interval(hours => 2 * n - 1)"
                " FROM generate_series(1, 120) AS n"
            )
        )
    seen, path = 0, "/tradeops/freeze"
    while path:
        answer = client.get(path)
        seen += answer.text.count('data-label="Number"')
        path = next((link for link in page(client, path).links if "before=" in link), None)
    assert seen == 120


@pytest.mark.parametrize("before", ["0", "x", "9223372036854775808", "%00", "1" * 10_000])
def test_a_page_that_cannot_be_is_refused(client, before):
    assert client.get(f"/tradeops/freeze?before={before}").status_code == 422
