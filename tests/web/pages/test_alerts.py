"""The page on alerts, through the application that the plugin mounts, over a real database."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.alerts.acknowledgement import acknowledge_failure
from include.alerts.channels import ChannelError
from include.alerts.failures import record_failure
from include.alerts.preview import preview_silence
from include.alerts.silences import begin_silence
from include.web import build_app
from include.web.rendering import SCRIPTS
from tests.support.notices import FAILURE, Channels, fire, notify, pass_time
from tests.support.pages import Page
from tests.support.web import desk_host, find_person

NASTY = '<script>alert("x")</script>'


@pytest.fixture
def words(client):
    """The text of the page, in one line."""

    def read():
        answer = client.get("/tradeops/alerts")
        assert answer.status_code == 200
        return " ".join(Page(answer.text).words.split())

    return read


def evaluated(database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alert_evaluations (at, seconds, rule_set, rules, instances, changes, notices) "
                "VALUES (now(), 0.1, 'x', 33, 40, 0, 0)"
            )
        )


def test_all_is_well(database, words):
    evaluated(database)
    shown = words()
    assert "Nothing fires, and no failure of the last day is left unhealed." in shown
    assert "33 rules" in shown
    assert "None is in force." in shown


def test_the_watchdog_is_no_trouble_and_the_sentences_stand_apart(database, words):
    evaluated(database)
    fire(database)
    notify(database, kind="watchdog")
    shown = words()
    assert "Wrong now: 0" in shown
    assert "33 rules. The watchdog spoke just now. All times" in shown
    assert "1 notice not sent yet, the oldest noted just now" in shown
    notify(database, cause="another")
    assert "2 notices not sent yet" in words()


def test_a_rule_that_fires_twice_is_wrong_once_and_labels_are_words(database, words):
    for severity in ("warning", "critical"):
        fire(database, f"cpu_busy/{severity}/1", labels={"host": "vm"})
    fire(database, "cpu_busy/warning/2", labels={"host": "db"})
    notify(database, source="rule", cause="cpu_busy", severity="warning",
           fingerprint="cpu_busy/warning/1", labels={"host": "vm", "rule": "cpu_busy"})  # fmt: skip
    Channels(database, alert_channels={"slack": ["critical", "warning"]}).run()
    shown = words()
    assert "Wrong now: 2" in shown
    assert '{"host"' not in shown


def test_stacked_tables_keep_the_names_of_their_columns(database, client):
    fire(database)
    notify(database)
    begin_silence(database, "rule=cpu_*", author="anna", reason="new disks", lasts=timedelta(hours=2))
    page = client.get("/tradeops/alerts").text
    for name in ("What", "Why", "Who was told", "What to do", "Number", "Matches now", "Until", "By", "When"):
        assert f'data-label="{name}"' in page
    cells, named = page.count("<td"), page.count("<td data-label=")
    assert cells == named > 0
    assert "attr(data-label)" in page


def test_no_evaluation_is_no_good_news(words):
    assert "No rules have been evaluated yet" in words()


def test_a_person_sees_what_fires_since_when_who_was_told_and_what_to_do(database, words):
    fire(database, labels={"host": "db1"})
    notify(database)
    pass_time(database, timedelta(minutes=25))
    Channels(database).run()
    shown = words()
    for part in (
        "Wrong now: 1",
        "critical The processors are busy",
        "25 min ago",
        "It is 97.0 %, p95 is 97. The limit is above 95 %.",
        "platform",
        "slack 1 message, last",
        "host=db1, rule=cpu_busy",
    ):
        assert part in shown


def test_a_person_sees_a_failure_with_its_count_what_happens_next_and_its_link(database, client, words):
    for index in range(3):
        record_failure(database, replace(FAILURE, map_index=index))
    Channels(database).run()
    acknowledge_failure(database, FAILURE.cause.fingerprint, "anna", timedelta(hours=1))
    shown = words()
    for part in ("3 times; the last: RuntimeError: the disk is slow", "Nothing is lost.", "trading",
                 "taken over by anna, until", "1 message (3 notices)"):  # fmt: skip
        assert part in shown
    links = Page(client.get("/tradeops/alerts").text).links
    assert FAILURE.url in links
    fingerprint = urlencode({"fingerprint": FAILURE.cause.fingerprint})
    assert f"/tradeops/start/acknowledge_alert?{fingerprint}" in links


def test_its_buttons_fill_the_form_in_so_that_the_silence_matches_it_alone(database, client):
    fire(database, labels={"host": "db1"})
    fire(database, "cpu_busy/critical/2", labels={"host": 'db2, "odd"'})
    for link in Page(client.get("/tradeops/alerts").text).links:
        if "silence_alerts?matchers=" in link:
            found = preview_silence(database, parse_qs(urlsplit(link).query)["matchers"][0])
            assert (found.matched, found.alerts, found.broad) == (1, 2, False)


def test_a_runbook_is_a_link_to_its_page_in_this_airflow(database, client):
    fire(database)
    notify(database, runbook_url="docs/alert-rules.md#machines")
    assert "/tradeops/docs/alert-rules#machines" in Page(client.get("/tradeops/alerts").text).links


def test_a_silence_shows_what_it_matches_now_and_is_ended_by_a_button(database, client, words):
    fire(database, labels={"host": "db1"})
    notify(database)
    made = begin_silence(database, "rule=cpu_*", author="anna", reason="disks", lasts=timedelta(hours=2))
    begin_silence(database, "rule=other", author="anna", reason="typo", lasts=timedelta(hours=2))
    shown = words()
    assert "1 of 1 alert The processors are busy" in shown
    assert "0 of 1 alert" in shown
    assert f"silenced by number {made.id}" in shown
    links = Page(client.get("/tradeops/alerts").text).links
    assert f"/tradeops/start/silence_alerts?end={made.id}" in links


def test_a_channel_that_does_not_work_and_what_waits_for_it_is_said(database, words):
    channels = Channels(database)
    channels["slack"].broken = ChannelError("slack: answered 503")
    fire(database)
    notify(database)
    channels.run()
    shown = words()
    assert "slack does not work: slack: answered 503. Nothing is lost" in shown
    assert "1 waiting until" in shown


def test_silences_and_what_they_hold_back_are_shown(database, words):
    begin_silence(database, "rule=cpu_*", author="anna", reason="new disks", lasts=timedelta(hours=2))
    fire(database)
    notify(database)
    Channels(database).run()
    shown = words()
    assert "rule=cpu_*" in shown
    assert "1 held: silenced by anna until" in shown
    assert shown.count("new disks") >= 2


def test_what_was_told_lately_is_listed_and_a_flood_is_not(database, words):
    for number in range(50):
        notify(database, title=f"Flood {number}")
    notify(database, fingerprint="old/critical", cause="old", title="Something of yesterday")
    shown = words()
    assert "Something of yesterday" in shown
    assert shown.count("Flood") == 3
    assert "not looked at yet" in shown


def test_data_is_shown_as_text(database, client):
    record_failure(
        database, replace(FAILURE, error=NASTY + "x" * 100_000, owner=NASTY, url="javascript:alert(1)")
    )
    fire(database, labels={NASTY: NASTY})
    notify(database, title=NASTY, labels={NASTY: NASTY})
    begin_silence(database, {"rule": NASTY}, author=NASTY, reason=NASTY, lasts=timedelta(hours=1))
    answer = client.get("/tradeops/alerts")
    shown = Page(answer.text)
    assert NASTY in shown.words
    assert shown.scripts == list(SCRIPTS)
    assert shown.loaded == []
    assert not any(link.startswith("javascript") for link in shown.links)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_who_is_on_call_is_said(database):
    server = FastAPI()
    host = desk_host(on_call=("ann", "bert"), contacts={"ann": "+49 30 1234"}, on_call_since=date(2026, 1, 5))
    server.mount("/tradeops", build_app(lambda: nullcontext(database), [], find_person, host))
    shown = Page(TestClient(server).get("/tradeops/alerts").text).words
    assert "On call until" in shown
    assert "ann" in shown
    assert "bert" in shown
