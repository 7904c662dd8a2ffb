"""One line makes a channel known, and without it nobody knows it."""

import json
import re

import pytest

from include.alerts import channels as registry
from include.alerts.channels import (
    CHANNELS,
    ChannelError,
    UnknownChannelError,
    check_channel_names,
    find_channel,
    open_channels,
)
from include.alerts.rule_file import RulesRefusedError, read_rules
from include.services import SERVICES
from include.settings.reader import SettingsError
from include.settings_check import read_checked_settings
from local.state import CHECKOUT
from tests.alerts.passes import write_rules
from tests.support.notices import ALL, Channels, deliveries, notify, states

FOLDER = CHECKOUT / "include" / "alerts" / "channels"
TAKEN_OUT = "pagerduty"


@pytest.fixture
def taken_out(monkeypatch):
    """The line of a channel is deleted; its file is still there."""
    monkeypatch.setattr(registry, "CHANNELS", tuple(name for name in CHANNELS if name != TAKEN_OUT))


def test_a_file_a_channel_and_a_line_a_file():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "channel"}
    assert files == set(CHANNELS)


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_says_what_it_needs(name):
    kind = find_channel(name)
    assert kind.connection and kind.needs and callable(kind.opened)


@pytest.mark.parametrize("name", CHANNELS)
def test_the_service_of_a_channel_complains_of_the_channel_s_connection(name):
    if name in SERVICES and SERVICES[name].base_url:
        assert SERVICES[name].connection_id == find_channel(name).connection


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_is_documented_with_its_connection(name):
    page = (CHECKOUT / "docs" / "alerts.md").read_text()
    assert re.search(rf"^\| {name}(, \w+)? \| `{find_channel(name).connection}` \|", page, re.MULTILINE)


def test_a_misspelt_channel_is_answered_with_those_that_there_are():
    with pytest.raises(UnknownChannelError) as caught:
        check_channel_names(["slack", "pagrduty"])
    assert "pagerduty" in str(caught.value)
    assert all(name in str(caught.value) for name in CHANNELS)


def test_without_its_line_no_setting_names_a_channel(taken_out):
    text = json.dumps({"alert_channels": {TAKEN_OUT: ["critical"]}})
    with pytest.raises(SettingsError, match=f"alert_channels: unknown channel '{TAKEN_OUT}'"):
        read_checked_settings(text)


def test_an_unknown_channel_of_the_environment_is_named_as_such(monkeypatch):
    monkeypatch.setenv("TRADEOPS_ALERT_CHANNELS", '{"fax": ["critical"]}')
    with pytest.raises(SettingsError, match="TRADEOPS_ALERT_CHANNELS: unknown channel 'fax'"):
        read_checked_settings("{}")


def test_without_its_line_no_rule_names_a_channel(taken_out, tmp_path):
    escalations = {"plain": [{"after": "0s", "channels": [TAKEN_OUT]}]}
    with pytest.raises(RulesRefusedError, match=f"unknown channel '{TAKEN_OUT}'"):
        read_rules(write_rules(tmp_path, escalations=escalations))


def test_without_its_line_nothing_is_sent_to_a_channel(taken_out, database):
    with open_channels(database, {}.get) as open_channel, pytest.raises(ChannelError, match=TAKEN_OUT):
        open_channel(TAKEN_OUT)


def test_a_notice_for_a_channel_that_is_gone_is_dropped_and_the_others_are_sent(database, monkeypatch):
    notify(database, channels=["slack", TAKEN_OUT])
    monkeypatch.setattr("include.alerts.delivery.CHANNELS", ("slack", "email"))
    Channels(database, alert_channels=ALL).run()
    assert states(database, channel="slack") == ["sent"]
    (dropped,) = deliveries(database, channel=TAKEN_OUT)
    assert (dropped.state, "alert_channels" in dropped.reason) == ("dropped", True)
