"""From notices to messages: grouped, gathered, in threads, tried again, told once."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from include.alerts.channels import ChannelError
from include.alerts.failures import record_failure
from tests.support.notices import ALL, FAILURE, Channels, deliveries, notify, pass_time, scalar, states

MINUTE = timedelta(minutes=1)


@pytest.fixture
def channels(database):
    return Channels(database)


def test_what_is_critical_is_told_at_once_and_once(database, channels):
    notify(database)
    channels.run()
    channels.run()
    assert channels.headlines() == ["Firing: The processors are busy"]
    (delivery,) = deliveries(database)
    assert (delivery.state, delivery.attempts, delivery.response) == ("sent", 1, "ok")
    assert scalar(database, "SELECT count(*) FROM alert_notices WHERE handled_at IS NOT NULL") == 1


def test_warnings_are_gathered_and_told_within_fifteen_minutes(database, channels):
    notify(database, severity="warning", fingerprint="cpu_busy/warning/a")
    channels.run()
    assert channels.headlines() == []
    pass_time(database, 9 * MINUTE)
    notify(database, severity="warning", fingerprint="cpu_busy/warning/b")
    channels.run()
    assert channels.headlines() == []
    pass_time(database, 2 * MINUTE)
    channels.run()
    assert channels.headlines() == ["Firing: The processors are busy, and 1 more"]


def test_information_waits_for_the_daily_digest(database, channels):
    notify(database, severity="info", cause="api_unusual", fingerprint="api_unusual/info")
    notify(database, severity="info", cause="other", fingerprint="other/info", title="Something else")
    channels.run()
    assert channels.headlines() == []
    due = scalar(database, "SELECT max(to_char(due_at, 'HH24:MI')) FROM alert_deliveries")
    assert due == "08:00"
    pass_time(database, timedelta(days=1))
    channels.run()
    assert channels.headlines() == ["Daily digest: 2 notices about 2 alerts"]
    notify(database, severity="info", cause="other", fingerprint="other/info")
    channels.run()
    assert len(channels.headlines()) == 1, "the next digest is tomorrow's"


def test_each_severity_goes_to_the_channels_that_want_it(database):
    chosen = {"slack": ("critical", "warning"), "pagerduty": ("critical",), "webhook": ("info",), "email": ()}
    channels = Channels(database, alert_channels=chosen)
    notify(database)
    notify(database, severity="info", fingerprint="b/info", cause="b")
    channels.run()
    counts = {name: len(channels[name].messages) for name in ALL}
    assert counts == {"slack": 1, "pagerduty": 1, "webhook": 1, "email": 0}


def test_an_escalation_goes_where_it_says_and_an_unknown_channel_is_visible(database):
    channels = Channels(database, alert_channels={"slack": ("critical",), "email": ()})
    notify(database, kind="escalated", channels=["email", "pagerduty"])
    channels.run()
    assert channels.headlines("email") == ["Escalated: The processors are busy"]
    (left_out,) = deliveries(database, channel="pagerduty")
    assert (left_out.state, left_out.reason) == (
        "dropped",
        "the setting alert_channels does not name this channel",
    )
    assert channels.headlines() == []


def test_a_notice_that_no_channel_wants_is_handled(database):
    channels = Channels(database, alert_channels={"slack": ("critical",)})
    notify(database, severity="info")
    channels.run()
    assert scalar(database, "SELECT count(*) FROM alert_notices WHERE handled_at IS NOT NULL") == 1


def test_twenty_alerts_of_one_rule_are_one_message(database, channels):
    for number in range(20):
        notify(database, fingerprint=f"service_down/critical/{number}", cause="service_down")
    channels.run()
    (message,) = channels["slack"].messages
    assert len(message.items) == 20
    assert message.headline == "Firing: The processors are busy, and 19 more"


def test_pagerduty_gets_one_incident_an_alert(database):
    channels = Channels(database, alert_channels={"pagerduty": ("critical",)})
    for number in range(3):
        notify(database, fingerprint=f"service_down/critical/{number}", cause="service_down")
    channels.run()
    assert sorted(message.subject for message in channels["pagerduty"].messages) == [
        f"service_down/critical/{number}" for number in range(3)
    ]


def test_what_follows_waits_for_a_growing_interval_and_goes_into_the_thread(database, channels):
    told = []
    for minute in [*range(6), *range(10, 600, 10)]:
        notify(database, fingerprint="cpu_busy/critical/b")
        if channels.run().sent:
            told.append(minute)
        pass_time(database, (1 if minute < 5 else 5 if minute == 5 else 10) * MINUTE)
    assert told == [0, 5, 40, 280, 520]  # after 5 minutes, 30 minutes, 4 hours, 4 hours
    first, *others = channels["slack"].messages
    assert first.reference == {}
    assert all(message.reference == {"ts": "1"} for message in others)
    assert "again, 5 times more" in others[0].headline


def test_an_end_bypasses_the_interval_and_closes_the_thread(database, channels):
    notify(database)
    channels.run()
    notify(database, kind="resolved")
    channels.run()
    assert channels.headlines()[-1] == "Resolved: The processors are busy"
    assert channels["slack"].messages[-1].kind == "ended"
    notify(database)
    channels.run()
    assert channels["slack"].messages[-1].reference == {}, "a new thread"
    assert len(channels.headlines()) == 3


def test_a_thread_stays_open_until_all_in_it_has_ended(database, channels):
    for name in "ab":
        notify(database, fingerprint=f"service_down/critical/{name}", cause="service_down")
    channels.run()
    notify(database, kind="resolved", fingerprint="service_down/critical/a", cause="service_down")
    channels.run()
    assert scalar(database, "SELECT count(*) FROM alert_threads WHERE closed_at IS NULL") == 1
    notify(database, kind="resolved", fingerprint="service_down/critical/b", cause="service_down")
    channels.run()
    assert scalar(database, "SELECT count(*) FROM alert_threads WHERE closed_at IS NULL") == 0


def test_what_ended_before_anybody_was_told_is_not_told(database, channels):
    notify(database, severity="warning")
    channels.run()
    notify(database, severity="warning", kind="resolved")
    channels.run()
    pass_time(database, timedelta(hours=1))
    channels.run()
    assert channels.headlines() == []
    assert states(database) == ["dropped", "dropped"]


def test_an_end_goes_where_the_beginning_went(database):
    channels = Channels(database, alert_channels={"slack": ("critical",), "email": ("critical",)})
    notify(database, channels=["email"])
    channels.run()
    notify(database, kind="resolved")
    channels.run()
    assert channels.headlines() == []
    assert len(channels.headlines("email")) == 2


def test_a_channel_that_is_down_loses_nothing(database, channels):
    channels["slack"].broken = ChannelError("slack: answered 503")
    for number in range(3):
        notify(database, fingerprint=f"rule{number}/critical", cause=f"rule{number}")
    for _ in range(5):
        channels.run()
        pass_time(database, MINUTE)
    assert states(database) == ["waiting"] * 3
    assert scalar(database, "SELECT max(trouble) FROM alert_threads") == "slack: answered 503"
    channels["slack"].broken = None
    pass_time(database, timedelta(minutes=20))
    channels.run()
    assert states(database) == ["sent"] * 3
    assert len(channels.headlines()) == 3
    assert scalar(database, "SELECT count(*) FROM alert_threads WHERE trouble IS NOT NULL") == 0


def test_one_channel_that_is_down_does_not_keep_another_from_being_told(database):
    channels = Channels(database, alert_channels={"slack": ("critical",), "pagerduty": ("critical",)})
    channels["slack"].broken = ChannelError("slack: answered 503")
    for number in range(3):
        notify(database, fingerprint=f"rule{number}/critical", cause=f"rule{number}")
    done = channels.run()
    assert len(channels["pagerduty"].messages) == 3
    assert done.left == 2, "after its first failure a channel is left alone until the next pass"


def test_attempts_are_further_and_further_apart_and_given_up_after_three_days(database, channels):
    channels["slack"].broken = ChannelError("slack: answered 503")
    notify(database)
    attempts = []
    for _ in range(16):
        channels.run()
        attempts.append(deliveries(database)[0].attempts)
        pass_time(database, MINUTE)
    assert attempts == [1, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5]  # 0.5, 1, 2, 4, 8 minutes
    pass_time(database, timedelta(days=2, hours=23))
    channels.run()
    assert states(database) == ["waiting"]
    pass_time(database, timedelta(hours=1))
    channels.run()
    (delivery,) = deliveries(database)
    assert delivery.state == "failed"
    assert delivery.reason == "given up: slack: answered 503"


def test_a_pause_that_the_service_asks_for_is_kept(database, channels):
    channels["slack"].broken = ChannelError("slack: 429", pause=timedelta(minutes=30))
    notify(database)
    channels.run()
    pass_time(database, 29 * MINUTE)
    channels["slack"].broken = None
    channels.run()
    assert channels.headlines() == []
    pass_time(database, 2 * MINUTE)
    channels.run()
    assert len(channels.headlines()) == 1


def test_what_a_channel_will_never_take_is_given_up_at_once_and_the_rest_goes_on(database, channels):
    channels["slack"].broken = ChannelError("slack: invalid_blocks", final=True)
    notify(database)
    channels.run()
    assert states(database) == ["failed"]
    channels["slack"].broken = None
    notify(database, fingerprint="other/critical", cause="other")
    channels.run()
    assert len(channels.headlines()) == 1


def test_a_fault_of_our_own_in_one_message_does_not_keep_the_others(database, channels):
    notify(database, body={"error": "x"}, title="poison")
    notify(database, fingerprint="other/critical", cause="other")

    class Faulty:
        def send(self, message):
            if "poison" in message.headline:
                raise KeyError("a fault in the code")
            return channels["slack"].send(message)

    from include.alerts.delivery import deliver

    for _ in range(2):
        deliver(database, lambda name: Faulty(), channels.settings)
    assert channels.headlines() == ["Firing: The processors are busy"]
    assert sorted(states(database)) == ["sent", "waiting"]


def test_a_pass_that_died_while_sending_is_made_up_for(database, channels):
    notify(database)

    class Dies:
        def send(self, message):
            raise KeyboardInterrupt

    from include.alerts.delivery import deliver

    with pytest.raises(KeyboardInterrupt):
        deliver(database, lambda name: Dies(), channels.settings)
    channels.run()
    assert channels.headlines() == [], "somebody is sending, as far as anyone knows"
    pass_time(database, 3 * MINUTE)
    channels.run()
    assert len(channels.headlines()) == 1


def test_passes_side_by_side_tell_everything_once(database, channels):
    for number in range(20):
        notify(database, fingerprint=f"rule{number}/critical", cause=f"rule{number}")
    threads = [threading.Thread(target=channels.run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(channels.headlines()) == ["Firing: The processors are busy"] * 20
    assert states(database) == ["sent"] * 20


def test_five_hundred_failures_of_one_cause_are_at_most_three_messages_and_as_many_rows(database, channels):
    for number in range(500):
        error = f"RuntimeError: batch {number} of 'trade-{number:08x}' failed after {number}.5 s"
        record_failure(database, replace(FAILURE, map_index=number, error=error))
        if number < 20:
            channels.run()
    for _ in range(20):
        channels.run()
        pass_time(database, MINUTE)
    assert scalar(database, "SELECT count(*) FROM atge_error_logs") == 500
    assert set(states(database)) == {"sent"}
    assert len(channels["slack"].messages) == 2
    assert sum(message.counted for message in channels["slack"].messages) == 500


def test_a_flood_of_many_causes_is_at_most_three_messages_too(database, channels):
    for number in range(500):
        failure = replace(FAILURE, dag_id=f"dag_{number % 50}", map_index=number)
        record_failure(database, failure)
        if number % 25 == 0:
            channels.run()
    for _ in range(8):
        channels.run()
        pass_time(database, MINUTE)
    assert len(channels["slack"].messages) <= 3
    assert sum(message.counted for message in channels["slack"].messages) == 500
    assert "causes" in channels.headlines()[-1]


def test_failures_reported_side_by_side_are_at_most_three_messages(database, channels):
    def fail(start):
        for number in range(start, start + 25):
            record_failure(database, replace(FAILURE, map_index=number))
            channels.run(limit=5)

    threads = [threading.Thread(target=fail, args=(25 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for _ in range(8):
        channels.run()
        pass_time(database, MINUTE)
    assert scalar(database, "SELECT count(*) FROM atge_error_logs") == 100
    assert len(channels["slack"].messages) <= 3
    assert sum(message.counted for message in channels["slack"].messages) == 100


def test_old_notices_are_forgotten_with_their_deliveries(database, channels):
    from include.alerts.delivery import forget_delivered

    notify(database)
    channels.run()
    notify(database, kind="resolved")
    channels.run()
    pass_time(database, timedelta(days=91))
    notify(database, fingerprint="new/critical", cause="new")
    assert forget_delivered(database) == 2
    assert scalar(database, "SELECT count(*) FROM alert_notices") == 1
    assert scalar(database, "SELECT count(*) FROM alert_deliveries") == 0
    with database.connect() as connection:
        assert connection.execute(text("SELECT * FROM alert_threads")).all() == []
