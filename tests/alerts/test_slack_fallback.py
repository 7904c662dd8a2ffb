"""Telling Slack without the database: seldom, and from one process at a time."""

import os
import threading
import time

import pytest

from include.alerts.channels import ChannelError, StoredConnection
from include.alerts.slack_fallback import may_notify_slack, notify_slack_directly
from tests.support.notices import FAILURE


def test_a_cause_is_told_once_in_ten_minutes(tmp_path):
    folder = tmp_path / "spool"
    assert may_notify_slack(folder, "a") is True
    assert may_notify_slack(folder, "a") is False
    assert may_notify_slack(folder, "b") is True
    eleven_minutes_ago = time.time() - 660
    for mark in folder.glob("told-*"):
        os.utime(mark, (eleven_minutes_ago, eleven_minutes_ago))
    assert may_notify_slack(folder, "a") is True


def test_a_mark_of_the_future_keeps_no_cause_from_being_told(tmp_path):
    for cause in ("a", "b", "c"):
        assert may_notify_slack(tmp_path, cause) is True
    in_a_year = time.time() + 365 * 86_400
    for mark in tmp_path.glob("told-*"):
        os.utime(mark, (in_a_year, in_a_year))
    assert may_notify_slack(tmp_path, "a") is True


def test_a_flood_of_causes_is_three_messages(tmp_path):
    told = [may_notify_slack(tmp_path, f"cause {number}") for number in range(50)]
    assert told.count(True) == 3


def test_who_looks_after_others_tells_only_when_nobody_else_has(tmp_path):
    assert may_notify_slack(tmp_path, "database", after_others=True) is False
    assert may_notify_slack(tmp_path, "database") is True
    for mark in tmp_path.glob("told-*"):
        mark.unlink()
    assert may_notify_slack(tmp_path, "database", after_others=True) is False
    (seen,) = tmp_path.glob("seen-*")
    eleven_minutes_ago = time.time() - 660
    os.utime(seen, (eleven_minutes_ago, eleven_minutes_ago))
    assert may_notify_slack(tmp_path, "database", after_others=True) is True
    assert may_notify_slack(tmp_path, "database", after_others=True) is False


def test_a_mark_of_a_clock_that_was_ahead_keeps_nobody_quiet(tmp_path):
    may_notify_slack(tmp_path, "a")
    (mark,) = tmp_path.glob("told-*")
    tomorrow = time.time() + 86_400
    os.utime(mark, (tomorrow, tomorrow))
    assert may_notify_slack(tmp_path, "a") is True


def test_failures_side_by_side_ask_one_after_the_other(tmp_path):
    told = []
    threads = [
        threading.Thread(target=lambda: told.append(may_notify_slack(tmp_path, "a"))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(True) == 1


def slack(sandbox, channel, secret):
    """The stored connections: Slack's, of a bot where it has a channel."""
    address = f"{sandbox.url}/slack/{'api' if channel else 'services'}"
    stored = StoredConnection(address, secret, read_extra=lambda: {"channel": channel} if channel else {})
    return {"slack_alerts": stored}.get


def test_without_a_connection_slack_is_not_notified_and_it_is_said():
    with pytest.raises(ChannelError, match="slack_alerts"):
        notify_slack_directly({}.get, FAILURE)


@pytest.mark.parametrize("channel", [None, "#ops"])
def test_it_says_that_the_database_is_away(sandbox, channel):
    notify_slack_directly(slack(sandbox, channel, "xoxb-token" if channel else "T0/B0/token"), FAILURE)
    (message,) = sandbox.received("slack")
    assert "The database is away" in str(message["body"])
    assert "the disk is slow" in str(message["body"])


@pytest.mark.parametrize("channel", [None, "#ops"])
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "reset"}])
def test_slack_that_fails_is_an_error_without_the_secret(sandbox, channel, fault):
    sandbox.fail("slack", **fault)
    connections = slack(sandbox, channel, "xoxb-hidden-1234" if channel else "T0/B0/hidden")
    with pytest.raises(ChannelError) as caught:
        notify_slack_directly(connections, FAILURE)
    assert "hidden" not in str(caught.value)
