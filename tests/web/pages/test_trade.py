"""A trade's page: its facts, its trail, and feedback by a form that works without a script."""

import re
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from include.actor import Actor, act_as
from include.web.rendering import SCRIPTS
from tests.support.pages import Page, page
from tests.support.rows import insert_settled
from tests.support.trades import insert, rows, run

AS_VIEWER = {"Authorization": "Bearer viewer"}
NASTY = '<script>alert("x")</script>'


@pytest.fixture
def trade(database):
    with database.begin() as connection:
        return insert_settled(connection, "completed_success", 12.5, galaxy=7)


@pytest.fixture
def path(trade):
    return f"/tradeops/trades/{trade}"


def words(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status
    return " ".join(Page(answer.text).words.split())


def fields(client, path):
    page = client.get(path).text
    found = {name: re.search(f'name="{name}" value="([^"]+)"', page)[1] for name in ("token", "feedback_id")}
    return found | {"feedback_type": "trade_accuracy", "rating": "5", "comment": ""}


def test_a_settled_trade_shows_its_facts_and_who_changed_it(database, client, path):
    with database.begin() as connection:
        act_as(connection, Actor("task", "replay_trades.replay", "manual__1 +é", "ann"))
        connection.execute(text("UPDATE trade_results SET net_profit_loss = -3.25"))
    shown = words(client, path)
    for part in (
        "BTC LONG 1h completed success", "Net -3.25 USD", "task replay_trades.replay", "asked by ann",
        "database role tradeops", "net_profit_loss: 12.5 → -3.25", "trade_results written",
    ):  # fmt: skip
        assert part in shown
    assert "/dags/replay_trades/runs/manual__1%20%2B%C3%A9" in Page(client.get(path).text).links


def test_an_analysis_says_which_model_wrote_it(database, client, path):
    for detail, said in (
        ('{"model": "<m>", "choice": "second"}', "It rose. By <m>, the second model."),
        ('{"model": "m"}', "It rose. By m. "),  # of a time when there was one
        ("[]", "It rose. Errors"),
    ):
        statement = (
            "UPDATE trade_results SET ai_analysis = 'It rose.', ai_analysis_detail = CAST(:detail AS jsonb)"
        )
        run(database, statement, detail=detail)
        assert said in words(client, path)


def test_an_active_trade_and_times_of_no_calendar_are_shown(database, client):
    (id_,) = insert(database, {})
    run(database, "UPDATE trade_signals SET expires_at = 'infinity'")
    shown = words(client, f"/tradeops/trades/{id_}")
    assert "Not settled yet" in shown and "Expires infinity" in shown


def test_a_trade_that_is_gone_has_its_trail_and_one_that_never_was_has_nothing(database, client, path):
    run(database, "DELETE FROM trade_signals")
    shown = words(client, path, 404)
    assert "trade that is gone" in shown and "trade_signals deleted" in shown
    assert 'name="rating"' not in client.get(path).text
    assert "No such trade" in words(client, f"/tradeops/trades/{uuid4()}", 404)


def test_a_long_trail_has_pages(database, client, path):
    assert client.get(f"{path}x").status_code == 422
    for number in range(110):
        run(database, "UPDATE trade_signals SET stop_loss = :n", n=number)
    seen, at = [], path
    while at:
        shown = page(client, at)
        seen += re.findall(r"stop_loss: (\d+) → (\d+)", shown.words)
        older = [link for link in shown.links if "before=" in link]
        at = older[0].partition("#")[0] if older else None
    assert seen[0] == ("108", "109") and len(seen) == len(set(seen)) == 110
    assert "no older changes" in words(client, f"{path}?before=1")
    for wrong in ("before=0", "before=x", f"before={2**70}", "zoom=longer", "whole=x"):
        assert client.get(f"{path}?{wrong}").status_code == 422


def test_feedback_is_stored_once_and_names_the_person(database, client, path, trade):
    form = fields(client, path) | {"comment": "Well seen.\r\nMore."}
    for _ in range(2):
        sent = client.post(f"{path}/feedback", data=form, headers=AS_VIEWER, follow_redirects=False)
        assert (sent.status_code, sent.headers["location"]) == (303, f"{path}?thanks=true#feedback")
    (row,) = rows(database, "SELECT * FROM atge_user_feedback")
    assert (row.rating, row.feedback_type, row.trade_signal_id) == (5, "trade_accuracy", trade)
    assert (row.user_id, row.metadata["person"]) == (None, "viewer")
    shown = words(client, f"{path}?thanks=true")
    assert "Thank you" in shown and "5 of 5, trade accuracy" in shown and "Well seen. More." in shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"rating": "6"},
        {"rating": "5.0"},
        {"rating": "", "comment": "  "},
        {"feedback_type": "praise"},
        {"comment": "x" * 10_001},
        {"feedback_id": "x"},
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_nothing_is_stored(database, client, path, wrong):
    form = fields(client, path) | {"comment": "as before"} | wrong
    answer = client.post(f"{path}/feedback", data=form, headers=AS_VIEWER)
    assert answer.status_code == 422
    assert "Nothing was stored" in answer.text
    assert form["comment"].strip() in answer.text
    assert rows(database, "SELECT FROM atge_user_feedback") == []


def test_a_form_of_another_site_of_nobody_or_of_a_trade_that_is_gone_is_refused(database, client, path):
    form = fields(client, path)
    go = lambda form, **headers: client.post(f"{path}/feedback", data=form, headers=headers)  # noqa: E731
    assert go(form | {"token": "x"}, **AS_VIEWER).status_code == 403
    assert go(form, **AS_VIEWER, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert go(form).status_code == 403
    run(database, "DELETE FROM trade_signals")
    assert go(form, **AS_VIEWER).status_code == 404
    assert rows(database, "SELECT FROM atge_user_feedback") == []


def test_data_is_shown_as_text(database, client, path):
    run(database, "UPDATE trade_signals SET ai_reasoning = :x, status_reason = :x, symbol = :x", x=NASTY)
    form = fields(client, path) | {"comment": NASTY}
    client.post(f"{path}/feedback", data=form, headers=AS_VIEWER)
    answer = client.get(path)
    assert Page(answer.text).scripts == list(SCRIPTS)
    assert answer.text.count("&lt;script&gt;") >= 4
    assert isinstance(UUID(form["feedback_id"]), UUID)
