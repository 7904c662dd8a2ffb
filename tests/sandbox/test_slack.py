"""The imitation of Slack, over plain HTTP and through slack_sdk."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from tests.support.recorded import load_recorded

WEBHOOK = "/slack/services/T0/B0/secret"


def section(length):
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


def header(length):
    return {"type": "header", "text": {"type": "plain_text", "text": "x" * length}}


def test_a_webhook_says_ok_and_keeps_the_message(sandbox):
    message = {"text": "hello", "blocks": [header(150), section(3000), {"type": "divider"}]}
    answer = sandbox.http.post(WEBHOOK, json=message)
    assert (answer.status_code, answer.text) == (200, "ok")
    (received,) = sandbox.received("slack")
    assert (received["via"], received["body"]) == ("webhook", message)
    assert "secret" not in str(received)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ([], "invalid_payload"),
        ("text", "invalid_payload"),
        ({"text": 3}, "invalid_payload"),
        ({"blocks": [header(151)]}, "invalid_blocks"),
        ({"blocks": [header(0)]}, "invalid_blocks"),
        ({"blocks": [section(3001)]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 3001}]}]},
            "invalid_blocks",
        ),
        ({"blocks": [{"type": "section", "fields": 3}]}, "invalid_blocks"),
        ({"blocks": [{"text": "no type"}]}, "invalid_blocks"),
        ({"text": "t", "blocks": "none"}, "invalid_blocks"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"blocks": [section(2700)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_a_bad_message_is_refused_and_not_kept(sandbox, message, error):
    answer = sandbox.http.post(WEBHOOK, json=message)
    assert (answer.status_code, answer.text) == (400, error)
    assert sandbox.received("slack") == []


def test_answers_are_the_documented_ones(sandbox):
    samples = load_recorded("transcribed/slack_pagerduty.json")
    bad = sandbox.http.post(WEBHOOK, content=b"{")
    assert (bad.status_code, bad.text) == (400, samples["slack_webhook_bad"]["text"])
    sandbox.fail("slack", "status", status=404, times=1)
    gone = sandbox.http.post(WEBHOOK, json={"text": "t"})
    assert (gone.status_code, gone.text) == (404, samples["slack_webhook_gone"]["text"])
    sandbox.fail("slack", "error_in_200")
    answer = sandbox.http.post("/slack/api/chat.postMessage", json={"channel": "c", "text": "t"})
    assert answer.json() == samples["slack_web_api_error"]["body"]


def test_slack_sdk_posts_through_a_webhook(sandbox):
    client = WebhookClient(f"{sandbox.url}{WEBHOOK}")
    assert client.send(text="hello").body == "ok"
    assert client.send(text="").status_code == 400  # it does not raise
    sandbox.fail("slack", "status", status=429, retry_after=30)
    throttled = client.send(text="hello")
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "30")
    assert len(sandbox.received("slack")) == 1


def test_slack_sdk_posts_through_the_web_api(sandbox):
    client = WebClient(token="xoxb-any", base_url=f"{sandbox.url}/slack/api/")
    answer = client.chat_postMessage(channel="#ops", text="hello")
    assert answer["ok"] is True
    assert float(answer["ts"]) > 1.7e9
    assert sandbox.received("slack")[0]["body"]["channel"] == "#ops"
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.chat_postMessage(channel="", text="hello")
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        client.chat_postMessage(channel="#ops", text="hello", blocks=[section(3001)])
    sandbox.fail("slack", "status", status=429, retry_after=30)
    with pytest.raises(SlackApiError, match="ratelimited"):
        client.chat_postMessage(channel="#ops", text="hello")


def test_the_web_api_wants_a_token_and_json(sandbox):
    def post(headers, **body):
        return sandbox.http.post("/slack/api/chat.postMessage", headers=headers, **body).json()["error"]

    assert post({}, json={"channel": "c", "text": "t"}) == "not_authed"
    assert post({"Authorization": "Bearer x"}, content=b"channel=c") == "invalid_json"
    assert post({"Authorization": "Bearer x"}, json={"channel": "c"}) == "no_text"


BEARER = {"Authorization": "Bearer xoxb-anything"}
UPLOAD, COMPLETE = "/slack/api/files.getUploadURLExternal", "/slack/api/files.completeUploadExternal"


def announce(sandbox, **asked):
    return sandbox.http.get(UPLOAD, params=asked, headers=BEARER).json()


def test_a_file_goes_up_in_three_steps_through_slack_sdk(sandbox):
    client = WebClient(token="xoxb-anything", base_url=f"{sandbox.url}/slack/api/")
    client.files_upload_v2(
        filename="a.png",
        content=b"bytes",
        title="A",
        alt_txt="words",
        channel="C0123456",
        initial_comment="hello",
    )
    (received,) = sandbox.received("slack")
    assert received["body"]["text"] == "hello"
    (file,) = received["body"]["files"]
    assert (file["name"], file["length"], file["title"], file["alt_txt"]) == ("a.png", 5, "A", "words")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"filename": "a.png", "length": 0}, "invalid_arguments"),
        ({"filename": "a.png", "length": -1}, "invalid_arguments"),
        ({"length": 1}, "invalid_arguments"),
        ({"filename": "a.png", "length": 1, "alt_txt": "x" * 1001}, "alt_txt_too_large"),
    ],
)
def test_a_file_of_no_length_or_name_is_refused(sandbox, asked, error):
    assert announce(sandbox, **asked) == {"ok": False, "error": error}


def test_an_upload_takes_what_was_announced_and_once(sandbox):
    said = announce(sandbox, filename="a.png", length=3)
    assert said["upload_url"].startswith(sandbox.url)
    assert sandbox.http.post(said["upload_url"], content=b"four").status_code == 400
    assert sandbox.http.post(said["upload_url"], content=b"abc").status_code == 200
    assert sandbox.http.post(said["upload_url"], content=b"abc").status_code == 404


@pytest.mark.parametrize("channel", ["#general", "general"])
def test_a_file_is_shown_in_a_channel_that_its_id_names_or_to_nobody(sandbox, channel):
    said = announce(sandbox, filename="a.png", length=3)
    body = {"files": [{"id": said["file_id"]}], "channel_id": "C0123456"}

    def complete(**changes):
        return sandbox.http.post(COMPLETE, json=body | changes, headers=BEARER).json()

    assert complete()["error"] == "file_not_found"  # its bytes have not come
    sandbox.http.post(said["upload_url"], content=b"abc")
    assert complete(channel_id=channel)["error"] == "channel_not_found"
    assert complete(channel_id=None)["ok"] is True and sandbox.received("slack") == []
    assert complete()["error"] == "file_not_found"  # it is completed
    assert sandbox.http.post(COMPLETE, json=body).json()["error"] == "not_authed"
