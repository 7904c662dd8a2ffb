"""A report stored, then sent: once, by each channel for itself, whatever dies in between."""

import json
import re

import pytest
from sqlalchemy import text

from include.alerts.channels import StoredConnection
from include.mail import MailServer
from include.reports import last_period
from include.reports.build import ReportKey, build_report, read_report
from include.reports.mail import compose_mail
from include.reports.past import find_report, read_page
from include.reports.render import MAIL_LIMIT, render_html
from include.reports.send import ReportNotSentError, send_report
from include.reports.store import (
    ReportNotStoredError,
    ReportReplacedError,
    draw_report,
    forget_reports,
    store_report,
)
from include.storage import StorageError, open_storage
from tests.reports.conftest import NOW, SETTINGS

DESK = "http://airflow:8080/tradeops"
FIRST_RUN, SECOND_RUN = "http://airflow/first", "http://airflow/second"
CHANNEL = "C0REPORTS00"


def deliveries(database):
    with database.connect() as connection:
        return connection.execute(
            text("SELECT channel, version, state, attempts, reason FROM report_deliveries ORDER BY 1, 2")
        ).all()


@pytest.fixture
def stored(past, storage, key):
    """The key of a report with its files. The pictures are drawn by a test of their own."""
    return _store(past, storage, key)


def _store(past, storage, key):
    folder = _folder(past, key)
    for name in ("equity", "errors"):
        storage.write(f"{folder}/{name}.png", [b"\x89PNG\r\n\x1a\n" + name.encode()])
    store_report(past, storage, key, ["equity.png", "errors.png"], desk_url=DESK)
    return key


def _folder(past, key):
    period = read_report(past, key).period
    return f"{period.kind}/{period.start}/v{key.version}"


@pytest.fixture
def connections(mail_port, sandbox):
    """What an operator has stored: a mail server, and Slack by a bot's token."""
    return {
        "report_mail": StoredConnection(
            "",
            None,
            "127.0.0.1",
            mail_port,
            read_extra=lambda: {
                "from": "tradeops@example.com",
                "to": ["ops@example.com", "anna@example.com"],
                "security": "none",
            },
        ),
        "report_slack": StoredConnection(
            f"{sandbox.url}/slack/api", "xoxb-token", read_extra=lambda: {"channel": CHANNEL}
        ),
    }


def send(past, storage, key, channel, connections, run=FIRST_RUN, **more):
    return send_report(past, storage, key, channel, connections.get, desk_url=DESK, run_url=run, **more)


def test_run_twice_there_is_one_report_of_the_first_figures(past, week, key):
    again = build_report(past, week, SETTINGS, free_bytes=None, run_url=SECOND_RUN)
    assert again == key
    with past.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM reports")).scalar_one() == 1


def test_built_again_it_is_a_new_version_once_a_run(past, week, key):
    for _ in range(2):  # the second time is a retry of the same run
        newer = build_report(past, week, SETTINGS, free_bytes=None, run_url=SECOND_RUN, again=True)
        assert newer == ReportKey(key.id, 2)
    with pytest.raises(LookupError, match="version 1"):
        read_report(past, key)


def test_it_is_drawn_and_stored_with_its_figures(past, storage, key, tmp_path):
    pictures = draw_report(past, storage, key)
    assert pictures == ["equity.png", "symbols.png", "errors.png", "capacity.png"]
    store_report(past, storage, key, pictures, desk_url=DESK)
    folder = tmp_path / "reports" / _folder(past, key)
    assert {path.name for path in folder.iterdir()} == {*pictures, "report.json", "report.html"}
    for name in pictures:
        png = (folder / name).read_bytes()
        assert png.startswith(b"\x89PNG") and png.endswith(b"IEND\xaeB`\x82") and len(png) > 10_000
    figures = json.loads((folder / "report.json").read_text())
    with past.connect() as connection:
        row = connection.execute(text("SELECT * FROM reports")).one()
    assert figures == {"version": 1, **row.figures}
    assert row.location == str(tmp_path / "reports")
    html = (folder / "report.html").read_text()
    assert set(re.findall(r'src="([^"]+)"', html)) == set(pictures)
    page = read_page(storage, find_report(past, key.id))
    assert page.count("data:image/png;base64,") == 4 and 'src="equity' not in page


def test_a_report_replaced_meanwhile_is_not_stored_over_the_new_one(past, storage, week, key):
    build_report(past, week, SETTINGS, free_bytes=None, run_url=SECOND_RUN, again=True)
    with pytest.raises((ReportReplacedError, LookupError)):
        _store(past, storage, key)


def test_a_storage_that_is_away_says_so_and_nothing_is_sent(past, key, connections, mailbox, tmp_path):
    (tmp_path / "file").write_text("no folder")
    away = open_storage(str(tmp_path / "file" / "reports"))
    with pytest.raises(StorageError, match="file"):
        draw_report(past, away, key)
    with pytest.raises(ReportNotStoredError, match="not stored"):
        send(past, away, key, "mail", connections)
    assert mailbox.mails == [] and deliveries(past) == []


def test_the_mail_is_whole(past, storage, stored, connections, mailbox):
    """Text and HTML, every picture by its Content-ID, small enough, and answered by no machine."""
    assert "ops@example.com" in send(past, storage, stored, "mail", connections)
    ((envelope, mail),) = mailbox.mails
    assert envelope.rcpt_tos == ["ops@example.com", "anna@example.com"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    plain, related = mail.iter_parts()
    assert plain.get_content_type() == "text/plain"
    assert related.get_content_type() == "multipart/related"
    html, *pictures = related.iter_parts()
    shown = html.get_content()
    assert len(shown.encode()) < MAIL_LIMIT
    cids = set(re.findall(r'src="cid:([^"]+)"', shown))
    assert cids == {picture["Content-ID"].strip("<>") for picture in pictures} and len(cids) == 2
    assert all(picture.get_content_type() == "image/png" for picture in pictures)
    assert set(re.findall(r'src="([a-z]+):', shown)) == {"cid"}  # nothing else is loaded
    report = read_report(past, stored)
    for section in report.sections:  # the text has all that the HTML has
        assert section.title.upper() in plain.get_content()
        for figure in section.figures:
            assert figure.label in plain.get_content()
    assert DESK in plain.get_content()


def test_sent_twice_it_is_sent_once(past, storage, stored, connections, mailbox, sandbox):
    for run in (FIRST_RUN, FIRST_RUN, SECOND_RUN):
        for channel in ("mail", "slack"):
            send(past, storage, stored, channel, connections, run)
    assert len(mailbox.mails) == 1
    assert len(sandbox.received("slack")) == 1
    assert [(row.channel, row.state) for row in deliveries(past)] == [("mail", "sent"), ("slack", "sent")]


def test_asked_for_again_it_is_sent_once_more_and_is_the_same_mail(
    past, storage, stored, connections, mailbox
):
    send(past, storage, stored, "mail", connections)
    for _ in range(2):  # the second is a retry of the run that was asked
        send(past, storage, stored, "mail", connections, SECOND_RUN, again=True)
    first, second = (mail for _, mail in mailbox.mails)
    assert first["Message-ID"] == second["Message-ID"]


def test_a_newer_version_follows_in_the_conversation(past, storage, week, stored, connections, mailbox):
    send(past, storage, stored, "mail", connections)
    newer = build_report(past, week, SETTINGS, free_bytes=None, run_url=SECOND_RUN, again=True)
    send(past, storage, _store(past, storage, newer), "mail", connections, SECOND_RUN)
    first, second = (mail for _, mail in mailbox.mails)
    assert second["References"] == first["Message-ID"] != second["Message-ID"]
    assert [row.version for row in deliveries(past)] == [1, 2]


class KilledError(BaseException):
    """Stands for the end of a process."""


def test_killed_between_store_and_send_it_is_sent_once(past, storage, stored, connections, mailbox):
    def die(name):
        raise KilledError

    with pytest.raises(KilledError):
        send_report(past, storage, stored, "mail", die, desk_url=DESK, run_url=FIRST_RUN)
    with pytest.raises(ReportNotSentError, match="another task"):  # its claim holds
        send(past, storage, stored, "mail", connections)
    with past.begin() as connection:  # five minutes later
        connection.execute(text("UPDATE report_deliveries SET claimed_until = now() - interval '1 second'"))
    for _ in range(2):
        send(past, storage, stored, "mail", connections)
    assert len(mailbox.mails) == 1
    assert [row.attempts for row in deliveries(past)] == [2]


def test_a_channel_that_fails_is_noted_retried_and_holds_up_no_other(
    past, storage, stored, connections, mailbox, sandbox
):
    mailbox.answer = "451 later"
    with pytest.raises(ReportNotSentError, match="later"):
        send(past, storage, stored, "mail", connections)
    send(past, storage, stored, "slack", connections)
    assert [row.state for row in deliveries(past)] == ["failed", "sent"]
    mailbox.answer = None
    send(past, storage, stored, "mail", connections)
    assert [row.state for row in deliveries(past)] == ["sent", "sent"]
    assert (len(mailbox.mails), len(sandbox.received("slack"))) == (1, 1)


@pytest.mark.parametrize(
    ("channel", "stored_connection", "word"),
    [
        ("mail", None, "report_mail"),
        ("slack", None, "report_slack"),
        ("mail", StoredConnection("", host="127.0.0.1"), "nobody to write to"),
        ("slack", StoredConnection("http://127.0.0.1:1"), "password"),
        (
            "slack",
            StoredConnection("http://127.0.0.1:1", "xoxb-1", read_extra=lambda: {"channel": "#all"}),
            "#all",
        ),
    ],
)
def test_what_a_connection_lacks_is_said(past, storage, stored, channel, stored_connection, word):
    with pytest.raises(ReportNotSentError, match=word):
        send_report(
            past, storage, stored, channel, lambda name: stored_connection, desk_url=DESK, run_url=FIRST_RUN
        )
    assert word in deliveries(past)[0].reason


def test_slack_gets_the_pictures_in_its_channel(past, storage, stored, connections, sandbox):
    send(past, storage, stored, "slack", connections)
    (received,) = sandbox.received("slack")
    body = received["body"]
    assert (received["via"], body["channel"]) == ("files.completeUploadExternal", CHANNEL)
    assert [file["name"] for file in body["files"]] == ["equity.png", "errors.png"]
    assert all(file["length"] > 8 and file["alt_txt"] for file in body["files"])
    report = read_report(past, stored)
    assert report.title in body["text"] and f"{DESK}/reports/{stored.id}" in body["text"]
    assert "xoxb" not in json.dumps([row._asdict() for row in deliveries(past)])


def test_a_webhook_gets_a_link(past, storage, stored, connections, sandbox):
    connections["report_slack"] = StoredConnection(f"{sandbox.url}/slack/services", "T0/B0/secret")
    send(past, storage, stored, "slack", connections)
    (received,) = sandbox.received("slack")
    assert received["via"] == "webhook"
    assert f"{DESK}/reports/{stored.id}" in json.dumps(received["body"])
    assert "cannot upload" in _response(past)


def _response(past):
    with past.connect() as connection:
        return connection.execute(text("SELECT response FROM report_deliveries")).scalar_one()


def test_slack_that_refuses_is_quoted(past, storage, stored, connections, sandbox):
    sandbox.fail("slack", "error_in_200")
    with pytest.raises(ReportNotSentError, match="channel_not_found"):
        send(past, storage, stored, "slack", connections)
    assert sandbox.received("slack") == []


def test_hostile_names_are_data_and_the_mail_stays_small(past, storage, key, report):
    """The longest symbols and messages, full of markup."""
    nasty = "<script>\"&'" * 30
    with past.begin() as connection:
        figures = connection.execute(text("SELECT figures FROM reports")).scalar_one()
        for section in figures["sections"]:
            for table in section["tables"]:
                table["rows"] = [
                    [nasty if isinstance(cell, str) else cell for cell in row] for row in table["rows"]
                ]
            section["notes"] = [nasty[:200]]
            for point in section["series"].get("symbols", []):
                point["symbol"] = nasty
        connection.execute(text("UPDATE reports SET figures = CAST(:f AS jsonb)"), {"f": json.dumps(figures)})
    server = MailServer("localhost", 25, "a@example.com", ("b@example.com",), security="none")
    mail = compose_mail(read_report(past, key), {"equity": b"png"}, server, desk_url=DESK)
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html and len(html.encode()) < MAIL_LIMIT
    assert all("\n" not in str(value) for value in mail.values())


def test_a_report_of_an_empty_platform_is_stored_and_readable(database, storage):
    period = last_period("monthly", NOW)
    key = build_report(database, period, SETTINGS, free_bytes=None, run_url=FIRST_RUN)
    pictures = draw_report(database, storage, key)
    assert pictures == []  # nothing to draw
    store_report(database, storage, key, pictures, desk_url=DESK)
    html = render_html(read_report(database, key), {}, desk_url=DESK)
    assert "<img" not in html and "not known" in html


def test_old_reports_go_with_their_files(past, storage, stored, week, tmp_path):
    assert forget_reports(past, storage, week.end) == 0
    elsewhere = open_storage(str(tmp_path / "elsewhere"))
    assert forget_reports(past, elsewhere, NOW.date()) == 0  # its files are not there
    assert forget_reports(past, storage, NOW.date()) == 1
    assert list(storage.list()) == []
    assert find_report(past, stored.id) is None
