"""Which channel gets what: by severity, by a rule's own channels, by level; and what a test message says."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from include.alerts.channel_test import send_test_messages
from include.alerts.channels import (
    ChannelError,
    StoredConnection,
    UnknownChannelError,
    check_channel_names,
    open_channels,
    own_connection,
)
from include.alerts.channels.slack import SlackBot
from include.alerts.delivery import deliver
from include.alerts.rule_file import read_rules
from include.alerts.rules import escalation_of
from include.settings import Settings
from tests.alerts.passes import write_rules
from tests.support.notices import Remembering, deliveries, notify, pass_time

INCIDENTS, MONITORING = "slack:#incidents", "slack:#monitoring"


class Places(dict):
    """A channel that remembers for every name that is opened."""

    def __missing__(self, name):
        self[name] = Remembering()
        return self[name]


def went_to(database, settings=None, **notice):
    notify(database, **notice)
    deliver(database, Places().__getitem__, settings or Settings())
    return {row.channel: row.state for row in deliveries(database)}


@pytest.mark.parametrize(
    ("severity", "channel"), [("critical", INCIDENTS), ("warning", MONITORING), ("info", MONITORING)]
)
def test_by_default_what_is_critical_goes_to_incidents_and_the_rest_to_monitoring(
    database, severity, channel
):
    assert set(went_to(database, severity=severity)) == {channel}


def test_slack_in_a_rule_is_the_channel_that_takes_the_severity(database):
    assert set(went_to(database, severity="critical", channels=["slack"])) == {INCIDENTS}


def test_slack_in_a_rule_is_itself_where_the_setting_names_it(database):
    settings = Settings(alert_channels={"slack": ("critical",), MONITORING: ("critical",)})
    assert set(went_to(database, settings, channels=["slack"])) == {"slack"}


def test_a_channel_that_a_rule_names_and_the_setting_does_not_is_left_out_in_words(database):
    assert went_to(database, channels=["slack:#quants"]) == {"slack:#quants": "dropped"}


def test_a_rule_has_channels_of_its_own_and_so_has_each_level(tmp_path):
    escalations = {"plain": [{"after": "0s"}, {"after": "5m", "channels": ["email"]}]}
    rules = read_rules(write_rules(tmp_path, escalations=escalations))
    rule = rules.rules[0]
    own = rule.model_copy(update={"channels": ["slack:#trading-performance"], "escalation": "plain"})
    steps = escalation_of(rules, own, rule.severities[0])
    assert [step.channels for step in steps] == [["slack:#trading-performance"], ["email"]]
    plain = escalation_of(rules, rule.model_copy(update={"escalation": "plain"}), rule.severities[0])
    assert [step.channels for step in plain] == [None, ["email"]]


def test_threads_are_each_channel_s_own_and_one_that_is_down_holds_up_no_other(database):
    both = Settings(alert_channels={INCIDENTS: ("critical",), MONITORING: ("critical",)})
    places = Places()
    places[INCIDENTS].broken = ChannelError("slack: answered 503")
    notify(database)
    deliver(database, places.__getitem__, both)
    assert {row.channel: row.state for row in deliveries(database)} == {
        INCIDENTS: "waiting",
        MONITORING: "sent",
    }
    places[INCIDENTS].broken = None
    pass_time(database, timedelta(minutes=1))
    deliver(database, places.__getitem__, both)
    assert [len(places[name].messages) for name in (INCIDENTS, MONITORING)] == [1, 1]


@pytest.mark.parametrize("name", ["slack:", "slack:incidents", "slack:#In Cidents", "email:#x", "slak:#x"])
def test_a_name_that_cannot_be_is_refused_with_the_way_to_write_it(name):
    with pytest.raises(UnknownChannelError):
        check_channel_names([name])


def test_the_connection_of_a_channel_within_slack():
    assert own_connection("slack:#trading-performance") == "slack_trading_performance"
    assert own_connection("slack") is None


def slack(sandbox, kind="services", key="T0/B0/token", **extra):
    return StoredConnection(base_url=f"{sandbox.url}/slack/{kind}", secret=key, read_extra=lambda: extra)


def try_channels(database, connections, *names):
    with open_channels(database, connections.get) as open_channel:
        return send_test_messages(names, open_channel, "ann")


def test_a_webhook_of_its_own_is_used_and_the_common_one_says_for_whom(database, sandbox):
    connections = {"slack_alerts": slack(sandbox), "slack_incidents": slack(sandbox, key="T0/B0/own")}
    answered, failed = try_channels(database, connections, INCIDENTS, MONITORING)
    assert failed == {}
    assert answered[INCIDENTS] == "ok"
    assert "there is no connection slack_monitoring" in answered[MONITORING]
    headlines = [message["body"]["text"] for message in sandbox.received("slack")]
    assert headlines == [f"TEST: Test message for {name}" for name in (INCIDENTS, MONITORING)]


def test_a_bot_posts_into_each_channel(database, sandbox):
    bot = slack(sandbox, "api", "xoxb-1", channel="#alerts")
    answered, failed = try_channels(database, {"slack_alerts": bot}, INCIDENTS, MONITORING, "slack")
    assert failed == {} and len(answered) == 3
    assert [message["body"]["channel"] for message in sandbox.received("slack")] == [
        "#incidents",
        "#monitoring",
        "#alerts",
    ]


def test_a_bot_that_is_no_member_falls_back_to_the_common_channel_and_says_so():
    posted = []

    def post_json(path, payload):
        posted.append(payload["channel"])
        if payload["channel"] == "#incidents":
            return {"ok": False, "error": "not_in_channel"}
        return {"ok": True, "channel": "C1", "ts": "1.0"}

    bot = SlackBot(SimpleNamespace(post_json=post_json), "#incidents", "#alerts")
    answered, failed = send_test_messages([INCIDENTS], lambda name: bot, "ann")
    assert posted == ["#incidents", "#alerts"]
    assert "not_in_channel, so it went to #alerts" in answered[INCIDENTS]
    assert failed == {}


def test_a_channel_that_fails_holds_up_no_other_and_pagerduty_s_incident_is_resolved(database, sandbox):
    connections = {
        "slack_alerts": slack(sandbox),
        "pagerduty": StoredConnection(base_url=f"{sandbox.url}/pagerduty", secret="key"),
    }
    answered, failed = try_channels(database, connections, "email", INCIDENTS, "pagerduty")
    assert set(answered) == {INCIDENTS, "pagerduty"}
    assert "smtp_alerts" in failed["email"]
    events = [event["body"]["event_action"] for event in sandbox.received("pagerduty")]
    assert events == ["trigger", "resolve"]
