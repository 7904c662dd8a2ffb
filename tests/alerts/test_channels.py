"""Slack, PagerDuty and webhooks over real HTTP: what they get, and what becomes of it when they fail."""

import hashlib
import hmac
import http.server
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from include.alerts.channels import CHANNELS, ChannelError, StoredConnection, open_channels
from include.alerts.channels.pagerduty import PagerDuty, dedup_key
from include.alerts.channels.slack import SlackBot, SlackWebhook, slack_payload
from include.alerts.channels.webhook import Webhook
from include.alerts.delivery import deliver
from include.alerts.failures import record_failure
from include.http import Limit, Retry
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint, Settings
from local.state import CHECKOUT
from tests.alerts.written import failure, hostile, row, written
from tests.support.notices import FAILURE, pass_time, scalar, states

QUICK = {"retry": Retry(attempts=2, budget=4.0, wait_initial=0.01, jitter=0.0), "limits": (Limit(1000, 1),)}


@contextmanager
def client(service, url, secret, database):
    quick = replace(
        find_service(service), timeout=replace(find_service(service).timeout, read=0.5, total=1.0), **QUICK
    )
    with Client(quick, Endpoint(url, secret), database) as opened:
        yield opened


@pytest.fixture
def webhook(database, sandbox):
    with client("slack", f"{sandbox.url}/slack/services", "T0/B0/secret", database) as opened:
        yield SlackWebhook(opened, "T0/B0/secret")


@pytest.fixture
def bot(database, sandbox):
    with client("slack-bot", f"{sandbox.url}/slack/api", "xoxb-secret", database) as opened:
        yield SlackBot(opened, "#alerts")


@pytest.fixture
def pagerduty(database, sandbox):
    with client("pagerduty", f"{sandbox.url}/pagerduty", "routing-key", database) as opened:
        yield PagerDuty(opened, "routing-key")


@pytest.fixture
def receiver_in_the_sandbox(database, sandbox):
    with client("webhook", sandbox.url, "shared-secret", database) as opened:
        yield Webhook(opened, "/webhook/alerts", "shared-secret")


# Each channel that is asked over HTTP, and the ways in which it is opened here.
WAYS = {
    "slack": ("webhook", "bot"),
    "pagerduty": ("pagerduty",),
    "webhook": ("receiver_in_the_sandbox",),
}
OTHERWISE = {"email": "test_email.py"}  # asked over SMTP


def test_every_channel_goes_through_every_fault():
    assert set(CHANNELS) == {*WAYS, *OTHERWISE}
    for module in OTHERWISE.values():
        assert Path(__file__).with_name(module).is_file()


@pytest.fixture(params=[way for name in CHANNELS for way in WAYS.get(name, ())])
def channel(request):
    return request.getfixturevalue(request.param)


def service_of(channel):
    names = {PagerDuty: "pagerduty", Webhook: "webhook"}
    return names.get(type(channel), "slack")


def texts(value):
    """Every text in a payload."""
    if isinstance(value, dict):
        return [inner for part in value.values() for inner in texts(part)]
    if isinstance(value, list):
        return [inner for part in value for inner in texts(part)]
    return [value] if isinstance(value, str) else []


def test_every_channel_takes_every_kind_of_message(channel, sandbox):
    messages = [
        written(),
        written(row(kind="resolved")),
        written(row(kind="acknowledged", body={"by": "anna"})),
        written(failure(counted=500), first=False),
        written(row(), failure(), subject="failures"),
        written(*(row(fingerprint=f"a/{number}") for number in range(60))),
        written(*(failure("x" * 4_000, fingerprint=f"failure/{number}") for number in range(60))),
        written(row(kind="silences", body={"list": "1: rule=x"}), subject="silences"),
        hostile(),
    ]
    for message in messages:
        assert channel.send(message).response
    assert len(sandbox.received(service_of(channel))) == len(messages)


def test_five_hundred_failures_of_as_many_causes_are_at_most_three_messages(webhook, sandbox, database):
    settings = Settings(alert_channels={"slack": ("critical",)})

    def run(**named):
        deliver(database, lambda name: webhook, settings, **named)

    for number in range(500):
        symbol = "".join("ABCDEFGHIJ"[int(digit)] for digit in str(number))
        failure = replace(FAILURE, map_index=number, error=f"ValueError: no candle of {symbol} is left")
        record_failure(database, failure)
        if number in (0, 100, 200, 499):  # as callbacks do, while others still fail
            run(limit=5)
    for _ in range(60):
        run()
        pass_time(database, timedelta(minutes=1))
    assert scalar(database, "SELECT count(*) FROM atge_error_logs") == 500
    assert scalar(database, "SELECT count(DISTINCT cause) FROM alert_notices") == 500
    assert set(states(database)) == {"sent"}
    headlines = [request["body"]["text"] for request in sandbox.received("slack")]
    assert len(headlines) == 3
    assert [words.partition(":")[0] for words in headlines[1:]] == [
        "100 failures of 100 causes",
        "399 failures of 399 causes",
    ]


def test_a_hostile_text_is_shown_in_slack_and_means_nothing(webhook, sandbox):
    webhook.send(hostile())
    (received,) = sandbox.received("slack")
    for shown in texts(received["body"]):
        assert len(shown) <= 3_000
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    for block in received["body"]["blocks"]:
        for part in [block.get("text"), *block.get("fields", [])]:
            if part and part["type"] == "mrkdwn":
                assert not re.search(r"<(?!http://localhost)", part["text"]), "no mention, no link of theirs"
                assert part["verbatim"] is True
    assert "<" not in received["body"]["text"]
    (quoted,) = [shown for shown in texts(received["body"]) if shown.startswith("```")]
    assert quoted.count("```") == 2
    assert "&lt;!channel&gt;" in quoted
    assert "1,000," in quoted and "characters in all" in quoted
    assert "javascript" not in json.dumps(received)


def test_a_failure_in_slack_says_what_where_who_and_what_next(webhook, sandbox):
    webhook.send(written(failure()))
    shown = "\n".join(texts(sandbox.received("slack")[0]["body"]))
    for part in ("settle_trades.settle[2]", "try 3", "Owner: trading", "RuntimeError: the disk is slow",
                 "Run: scheduled__1", "next*\nWait.", "<http://localhost:8080/dags/x/runs/y|Op"):  # fmt: skip
        assert part in shown


def test_an_escaped_character_is_never_cut_in_half():
    for length in range(2_480, 2_520):
        for block in slack_payload(written(failure("x" * (length % 7) + "&" * length)))["blocks"]:
            if block.get("text", {}).get("type") == "mrkdwn":
                assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", block["text"]["text"], re.DOTALL)


def test_a_bot_s_later_messages_go_into_the_thread(bot, sandbox):
    first = bot.send(written())
    assert set(first.reference) == {"channel", "ts"}
    bot.send(written(first=False, reference=first.reference))
    ended = bot.send(written(row(kind="resolved"), reference=first.reference))
    assert ended.reference == {}
    bodies = [received["body"] for received in sandbox.received("slack")]
    assert "thread_ts" not in bodies[0]
    assert bodies[1]["thread_ts"] == bodies[2]["thread_ts"] == first.reference["ts"]
    assert (bodies[1]["reply_broadcast"], bodies[2]["reply_broadcast"]) == (False, True)


def test_an_error_under_status_200_is_a_failure(bot, sandbox):
    sandbox.fail("slack", "error_in_200")
    with pytest.raises(ChannelError, match="channel_not_found") as caught:
        bot.send(written())
    assert not caught.value.final, "the bot may be invited yet"
    assert caught.value.pause == timedelta(minutes=15)


def test_pagerduty_triggers_acknowledges_and_resolves_one_incident(pagerduty, sandbox):
    for kind in ("firing", "acknowledged", "resolved"):
        pagerduty.send(written(row(kind=kind), subject="cpu_busy/critical"))
    events = [received["body"] for received in sandbox.received("pagerduty")]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {"tradeops:cpu_busy/critical"}
    payload = events[0]["payload"]
    assert payload["severity"] == "critical"
    assert payload["custom_details"]["Value"] == "97 %"
    assert events[0]["links"] == [{"href": "http://localhost:8080/dags/x/runs/y", "text": "Open in Airflow"}]


def test_a_long_subject_keeps_its_own_dedup_key():
    keys = {dedup_key("failure/" + "x" * 500 + str(number)) for number in range(3)}
    assert len(keys) == 3
    assert all(len(key) <= 255 for key in keys)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_service_that_fails_is_tried_again_later(channel, sandbox, status):
    sandbox.fail(service_of(channel), "status", status=status)
    with pytest.raises(ChannelError, match=str(status)) as caught:
        channel.send(written())
    assert not caught.value.final
    sandbox.heal()
    channel.send(written())


def test_a_service_that_limits_its_rate_says_when(channel, sandbox):
    sandbox.fail(service_of(channel), "status", status=429, retry_after=90)
    with pytest.raises(ChannelError) as caught:
        channel.send(written())
    assert caught.value.pause == timedelta(seconds=90)
    assert not caught.value.final


def test_a_short_pause_is_waited_for(channel, sandbox):
    sandbox.fail(service_of(channel), "status", status=429, retry_after=0, times=1)
    channel.send(written())
    assert len(sandbox.received(service_of(channel))) == 1


@pytest.mark.parametrize("kind", ["hang", "timeout", "slow_drip", "reset"])
def test_a_service_that_is_slow_or_broken_costs_no_more_than_its_time(channel, sandbox, kind):
    sandbox.fail(service_of(channel), kind)
    with pytest.raises(ChannelError) as caught:
        channel.send(written())
    assert not caught.value.final


@pytest.mark.parametrize("kind", ["html", "garbage", "empty", "truncated"])
def test_an_answer_that_confirms_nothing_is_a_failure(channel, sandbox, kind):
    sandbox.fail(service_of(channel), kind)
    if isinstance(channel, Webhook) and kind != "truncated":
        assert channel.send(written()).response, "of a program nobody knows the words; its status counts"
        return
    with pytest.raises(ChannelError):
        channel.send(written())


def test_pagerduty_s_400_is_never_tried_again(pagerduty, sandbox):
    sandbox.fail("pagerduty", "status", status=400)
    with pytest.raises(ChannelError) as caught:
        pagerduty.send(written())
    assert caught.value.final
    assert len(sandbox.requests("pagerduty")) == 1


@pytest.mark.parametrize(
    ("status", "word"), [(403, "action_prohibited"), (404, "no_service"), (410, "archived")]
)
def test_a_webhook_that_was_removed_waits_for_a_person(webhook, sandbox, status, word):
    sandbox.fail("slack", "status", status=status)
    with pytest.raises(ChannelError, match=word) as caught:
        webhook.send(written())
    assert (caught.value.final, caught.value.pause) == (False, timedelta(minutes=15))


def test_a_webhook_s_secret_is_in_no_error_and_no_measurement(webhook, sandbox, database):
    sandbox.fail("slack", "status", status=404)
    with pytest.raises(ChannelError) as caught:
        webhook.send(written())
    assert "secret" not in str(caught.value)
    webhook._client.close()
    with database.connect() as connection:
        measured = connection.execute(text("SELECT * FROM atge_performance_metrics")).all()
    assert "secret" not in str(measured)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets; answers with nothing at all."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.got = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def documented_check():
    """The receiver's check, as docs/alerts.md shows it."""
    page = (CHECKOUT / "docs" / "alerts.md").read_text()
    (code,) = re.findall(r"```python\n(.*?is_genuine.*?)```", page, re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 (our own page)
    return names["is_genuine"]


def test_a_receiver_that_wants_a_bearer_token_gets_it_beside_the_signature(receiver, database):
    stored = StoredConnection(
        base_url=f"http://127.0.0.1:{receiver.server_port}/hooks",
        secret="shared-secret",
        read_extra=lambda: {"bearer_token": "t0ken-of-the-receiver"},
    )
    with open_channels(database, {"alert_webhook": stored}.get) as open_channel:
        open_channel("webhook").send(written())
    ((_, headers, _),) = receiver.got
    assert headers["Authorization"] == "Bearer t0ken-of-the-receiver"
    assert headers["X-Tradeops-Signature"].startswith("v1=")


def test_a_bearer_token_is_in_no_error_and_no_measurement(sandbox, database):
    stored = StoredConnection(
        base_url=f"{sandbox.url}/webhook/alerts",
        secret="shared-secret",
        read_extra=lambda: {"bearer_token": "t0ken-of-the-receiver"},
    )
    sandbox.fail("webhook", "status", status=401)
    opened = open_channels(database, {"alert_webhook": stored}.get)
    with opened as open_channel, pytest.raises(ChannelError) as caught:
        open_channel("webhook").send(written())
    with database.connect() as connection:
        measured = connection.execute(text("SELECT * FROM atge_performance_metrics")).all()
    assert "t0ken" not in str(caught.value) + str(measured) + repr(stored)


def test_a_webhook_is_signed_and_the_documented_check_accepts_only_that(receiver, database):
    url = f"http://127.0.0.1:{receiver.server_port}"
    with client("webhook", url, "shared-secret", database) as opened:
        Webhook(opened, "/hooks/alerts", "shared-secret").send(written(failure(), row(), subject="failures"))
    ((path, headers, body),) = receiver.got
    assert path == "/hooks/alerts"
    moment, signature = headers["X-Tradeops-Timestamp"], headers["X-Tradeops-Signature"]
    expected = hmac.new(b"shared-secret", moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert signature == f"v1={expected}"
    is_genuine = documented_check()
    now = int(moment)
    assert is_genuine(b"shared-secret", headers, body, now)
    assert not is_genuine(b"other-secret", headers, body, now)
    assert not is_genuine(b"shared-secret", headers, body + b" ", now)
    assert not is_genuine(b"shared-secret", headers, body, now + 301), "a replay"
    assert not is_genuine(b"shared-secret", {**headers, "X-Tradeops-Timestamp": str(now + 10)}, body, now)
    assert not is_genuine(b"shared-secret", {}, body, now)
    told = json.loads(body)
    assert headers["X-Tradeops-Id"] == told["id"]
    assert [alert["title"] for alert in told["alerts"]] == [
        "Task settle_trades.settle[2] failed on try 3",
        "The processors are busy",
    ]
    assert told["alerts"][0]["quote"] == "RuntimeError: the disk is slow"


def test_a_webhook_without_a_secret_is_not_sent(receiver, database):
    url = f"http://127.0.0.1:{receiver.server_port}"
    with client("webhook", url, None, database) as opened, pytest.raises(ChannelError, match="no secret"):
        Webhook(opened, "/", "").send(written())
    assert receiver.got == []
