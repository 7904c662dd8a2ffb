"""The imitation of PagerDuty, and the plain webhook."""

import pytest

from tests.support.recorded import assert_same_shape, load_recorded

ENQUEUE = "/pagerduty/v2/enqueue"
PAYLOAD = {"summary": "late", "source": "sweep", "severity": "critical", "custom_details": {"late": 3}}
EVENT = {"routing_key": "k", "event_action": "trigger", "dedup_key": "sweep/late", "payload": PAYLOAD}


def test_an_event_is_accepted_and_kept(sandbox):
    answer = sandbox.http.post(ENQUEUE, json=EVENT)
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "sweep/late"}
    (received,) = sandbox.received("pagerduty")
    assert (received["via"], received["body"]) == ("trigger", EVENT)
    samples = load_recorded("transcribed/slack_pagerduty.json")
    assert_same_shape(answer.json(), samples["pagerduty_202"]["body"])


def test_a_key_is_made_where_none_is_given(sandbox):
    event = {name: value for name, value in EVENT.items() if name != "dedup_key"}
    keys = {sandbox.http.post(ENQUEUE, json=event).json()["dedup_key"] for _ in range(2)}
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_an_alert_is_acknowledged_and_resolved_by_its_key(sandbox):
    for action in ("acknowledge", "resolve"):
        event = {"routing_key": "k", "event_action": action, "dedup_key": "sweep/late"}
        assert sandbox.http.post(ENQUEUE, json=event).status_code == 202
    assert [entry["via"] for entry in sandbox.received("pagerduty")] == ["acknowledge", "resolve"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({**EVENT, "routing_key": ""}, "routing_key"),
        ({**EVENT, "event_action": "shout"}, "event_action"),
        ({**EVENT, "dedup_key": "x" * 256}, "dedup_key"),
        ({"routing_key": "k", "event_action": "resolve"}, "dedup_key"),
        ({**EVENT, "payload": None}, "payload"),
        ({**EVENT, "payload": {**PAYLOAD, "summary": "x" * 1025}}, "summary"),
        ({**EVENT, "payload": {**PAYLOAD, "source": ""}}, "source"),
        ({**EVENT, "payload": {**PAYLOAD, "severity": "high"}}, "severity"),
        ([], "object"),
    ],
)
def test_a_bad_event_is_refused_with_its_reason(sandbox, event, words):
    answer = sandbox.http.post(ENQUEUE, json=event)
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid event"
    (problem,) = answer.json()["errors"]
    assert words in problem
    assert sandbox.received("pagerduty") == []


def test_what_is_not_json_is_refused(sandbox):
    assert sandbox.http.post(ENQUEUE, content=b"{").status_code == 400


def test_the_plain_webhook_takes_any_json(sandbox):
    assert sandbox.http.post("/webhook/ops", json=[1, {"a": None}]).json() == {"ok": True}
    assert sandbox.http.post("/webhook/audit", json="text").is_success
    assert sandbox.http.post("/webhook/ops", content=b"{").status_code == 400
    assert [(entry["via"], entry["body"]) for entry in sandbox.received("webhook")] == [
        ("ops", [1, {"a": None}]), ("audit", "text"),
    ]  # fmt: skip
