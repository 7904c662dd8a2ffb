"""Silences and inhibitions: what is held back, for how long, and what comes of it then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from include.alerts.acknowledgement import acknowledge_failure
from include.alerts.failures import record_failure
from include.alerts.inhibition import read_inhibitions
from include.alerts.matching import matches, read_matchers
from include.alerts.rule_file import DEFAULT_RULES, read_rules
from include.alerts.silences import begin_silence, end_silence, list_silences, read_silences
from include.database import DatabaseError
from tests.support.notices import FAILURE, Channels, deliveries, end, fire, notify, pass_time, scalar, states

AWAY = replace(
    FAILURE,
    error="DatabaseError: the database cannot be reached",
    raised=DatabaseError("the database cannot be reached", away=True, platform=True),
)
HOUR = timedelta(hours=1)


@pytest.fixture
def channels(database):
    return Channels(database)


def silenced(database, matchers="rule=cpu_*", lasts=HOUR, **named):
    return begin_silence(database, matchers, author="anna", reason="new disks", lasts=lasts, **named)


@pytest.mark.parametrize(
    ("matchers", "labels", "expected"),
    [
        ({"rule": "cpu_busy"}, {"rule": "cpu_busy"}, True),
        ({"rule": "cpu_*"}, {"rule": "cpu_busy"}, True),
        ({"rule": "cpu_*", "host": "db1"}, {"rule": "cpu_busy", "host": "db2"}, False),
        ({"host": "*"}, {"rule": "cpu_busy"}, False),
        ({"rule": "cpu"}, {"rule": "cpu_busy"}, False),
        ({"rule": "cpu?busy"}, {"rule": "cpu_busy"}, False),
        ({"rule": "cpu[_]busy"}, {"rule": "cpu_busy"}, False),
        ({"rule": "CPU_BUSY"}, {"rule": "cpu_busy"}, False),
        ({}, {"rule": "cpu_busy"}, False),
    ],
)
def test_every_label_must_be_as_it_is_said(matchers, labels, expected):
    assert matches(matchers, labels) is expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("rule=cpu_*", {"rule": "cpu_*"}),
        ("rule = cpu_*, host='db1'\nowner=platform", {"rule": "cpu_*", "host": "db1", "owner": "platform"}),
        ('{"rule": "a=b"}', {"rule": "a=b"}),
        ({"rule": "x"}, {"rule": "x"}),
    ],
)
def test_matchers_are_read_as_people_write_them(written, read):
    assert read_matchers(written) == read


@pytest.mark.parametrize(
    "written",
    ["", "   ", "{}", "{", "[]", "rule", "=x", "rule=", "rule=*", '{"rule": 3}', "a=" + "x" * 201,
     {"a\n": "x"}, 7, {str(number): "x" for number in range(21)}],
)  # fmt: skip
def test_other_matchers_are_refused_in_words(written):
    with pytest.raises(ValueError, match=r"label|JSON|match|character|empty"):
        read_matchers(written)


def test_a_pattern_cannot_take_for_ever():
    assert not matches({"rule": "*a" * 80 + "b"}, {"rule": "a" * 200})


def test_a_silence_holds_back_messages_and_what_still_fires_at_its_end_is_told(database, channels):
    silenced(database)
    fire(database)
    notify(database)
    notify(database, fingerprint="other/critical", cause="other")
    channels.run()
    assert channels.headlines() == ["Firing: The processors are busy"]
    (held,) = deliveries(database, state="held")
    assert held.reason.startswith("silenced by anna until")
    assert held.reason.endswith("new disks")
    pass_time(database, HOUR)
    channels.run()
    assert len(channels.headlines()) == 2
    assert states(database) == ["sent", "sent"]


def test_what_is_silenced_does_not_go_out_early_with_others_of_its_rule(database, channels):
    silenced(database, "rule=cpu_busy, host=db2")
    notify(database, severity="warning", labels={"host": "db2"}, fingerprint="cpu_busy/warning/db2")
    notify(database, labels={"host": "db1"})
    channels.run()
    notify(database, kind="escalated", labels={"host": "db1"})
    notify(database, labels={"host": "db2"}, fingerprint="cpu_busy/critical/db2")
    channels.run()
    assert [len(message.items) for message in channels["slack"].messages] == [1, 1]
    assert states(database, state="held") == ["held", "held"]


def test_what_ends_within_a_silence_is_not_told(database, channels):
    silenced(database)
    fire(database)
    notify(database)
    channels.run()
    end(database)
    notify(database, kind="resolved")
    channels.run()
    pass_time(database, 2 * HOUR)
    channels.run()
    assert channels.headlines() == []


def test_an_end_is_told_in_spite_of_a_silence_where_the_beginning_was(database, channels):
    notify(database)
    channels.run()
    silenced(database)
    notify(database, kind="resolved")
    channels.run()
    assert [message.kind for message in channels["slack"].messages] == ["began", "ended"]


def test_a_failure_within_a_silence_is_over_when_it_ends(database, channels):
    silenced(database, "dag_id=settle_trades")
    record_failure(database, FAILURE)
    channels.run()
    pass_time(database, 2 * HOUR)
    channels.run()
    assert channels.headlines() == []
    (delivery,) = deliveries(database)
    assert delivery.state == "dropped"
    assert "silenced by anna" in delivery.reason
    assert scalar(database, "SELECT count(*) FROM atge_error_logs") == 1


def test_a_silence_begins_when_it_says(database, channels):
    silenced(database, starts_at=datetime.now(UTC) + HOUR)
    notify(database)
    channels.run()
    assert len(channels.headlines()) == 1
    pass_time(database, HOUR)
    notify(database, kind="escalated")
    channels.run()
    assert states(database)[-1] == "held"


def test_a_silence_that_is_ended_early_holds_nothing_back(database, channels):
    made = silenced(database)
    assert end_silence(database, made.id, "ben").ended_by == "ben"
    with pytest.raises(LookupError, match="no silence"):
        end_silence(database, made.id, "ben")
    notify(database)
    channels.run()
    assert len(channels.headlines()) == 1


def test_one_that_has_not_begun_never_will(database):
    made = silenced(database, starts_at=datetime.now(UTC) + HOUR)
    end_silence(database, made.id, "ben")
    with database.connect() as connection:
        assert read_silences(connection) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"author": " "},
        {"reason": ""},
        {"lasts": timedelta(days=31)},
        {"lasts": timedelta(0)},
        {"lasts": -HOUR},
    ],
)
def test_a_silence_without_author_reason_or_end_is_refused(database, changes):
    with pytest.raises(ValueError, match="silence"):
        begin_silence(database, "rule=x", **{"author": "anna", "reason": "why", "lasts": HOUR, **changes})


@pytest.mark.parametrize(
    "columns",
    [
        {"ends": "now() - interval '1 hour'"},
        {"ends": "now() + interval '31 days'"},
        {"matchers": "'{}'"},
        {"author": "' '"},
        {"reason": "''"},
    ],
)
def test_the_database_refuses_it_too(database, columns):
    values = {
        "matchers": '\'{"a": "b"}\'',
        "author": "'x'",
        "reason": "'x'",
        "ends": "now() + interval '1 day'",
    }
    values |= columns
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alert_silences (matchers, author, reason, ends_at) VALUES "
                f"({values['matchers']}, {values['author']}, {values['reason']}, {values['ends']})"
            )
        )


def next_monday():
    now = datetime.now(UTC)
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    return midnight + timedelta(days=7 - now.weekday())


def test_silences_are_listed_on_mondays_and_at_no_other_time(database, channels):
    monday = next_monday()
    assert list_silences(database, 8, at=monday + timedelta(hours=9)) is False, "there are none"
    silenced(database, lasts=timedelta(days=20))
    ended = silenced(database, "rule=old")
    end_silence(database, ended.id, "ben")
    assert list_silences(database, 0) is False, "they were made after this week's list"
    assert list_silences(database, 8, at=monday + timedelta(hours=7, minutes=59)) is False
    assert list_silences(database, 8, at=monday + timedelta(hours=8)) is True
    for later in (timedelta(hours=9), timedelta(days=4)):
        assert list_silences(database, 8, at=monday + later) is False
    channels.run()
    (message,) = channels["slack"].messages
    assert message.kind == "silences"
    assert f"{monday:%G-W%V}: 2" in message.headline
    assert "rule=cpu_*, until" in message.items[0].quote
    assert "by anna: new disks" in message.items[0].quote
    assert "ended by ben" in message.items[0].quote
    assert list_silences(database, 8, at=monday + timedelta(days=7, hours=8)) is True


def test_what_follows_from_something_is_held_back_counted_and_told_when_that_is_over(database, channels):
    fire(database, "service_down/critical/kraken", labels={"service": "kraken"})
    for number in range(40):
        fire(database, f"calls_stopped/warning/{number}", labels={"service": "kraken"})
        notify(
            database, fingerprint=f"calls_stopped/warning/{number}", cause="calls_stopped",
            labels={"service": "kraken"},
        )  # fmt: skip
    notify(
        database,
        fingerprint="calls_stopped/warning/other",
        cause="calls_stopped",
        labels={"service": "coingecko"},
    )
    done = channels.run()
    assert done.held == 40
    (message,) = channels["slack"].messages
    assert len(message.items) == 1
    assert "a service that is down is also called no more" in deliveries(database, state="held")[0].reason
    end(database, "service_down/critical/kraken")
    end(database, "calls_stopped/warning/7")
    pass_time(database, timedelta(minutes=6))
    channels.run()
    assert len(channels["slack"].messages[1].items) == 39
    assert states(database, fingerprint="calls_stopped/warning/7") == ["dropped"]


def test_the_database_is_down_is_not_forty_messages(database, channels):
    for number in range(40):
        record_failure(database, replace(AWAY, dag_id=f"dag_{number}"))
    for rule in ("sweep_stalled", "queries_slow", "api_slow", "probes_silent"):
        fire(database, f"{rule}/critical")
        notify(database, fingerprint=f"{rule}/critical", cause=rule, labels={})
    done = channels.run()
    assert done.held == 4
    assert channels.headlines() == [
        "40 failures: The database is away: task dag_0.settle_batch.settle[2] failed on try 3"
    ]


def test_the_file_of_inhibitions_is_sound():
    names = [rule.name for rule in read_inhibitions()]
    assert len(names) == len(set(names)) >= 5


def test_inhibitions_speak_of_rules_that_there_are():
    rules = {rule.name for rule in read_rules(DEFAULT_RULES).rules}
    for inhibition in read_inhibitions():
        for matchers in (inhibition.because, inhibition.holds_back):
            if "rule" in matchers:
                assert any(matches({"rule": matchers["rule"]}, {"rule": name}) for name in rules), matchers


def test_failures_of_the_database_are_explained_by_its_probe(database, channels):
    record_failure(database, AWAY)
    fire(database, "service_down/critical/postgres", labels={"service": "postgres"})
    notify(
        database, fingerprint="service_down/critical/postgres", cause="service_down",
        labels={"service": "postgres"},
    )  # fmt: skip
    channels.run()
    assert len(channels.headlines()) == 1
    assert deliveries(database, state="held")[0].source == "failure"


def test_a_broken_file_of_inhibitions_is_refused(tmp_path):
    path = tmp_path / "inhibitions.yaml"
    path.write_text("- {name: x, because: {rule: a}, holds_back: {}, typo: 1}")
    with pytest.raises(ValueError, match=r"typo|holds_back"):
        read_inhibitions(path)


def test_an_acknowledged_cause_rests_and_its_end_is_told(database, channels):
    record_failure(database, FAILURE)
    channels.run()
    acknowledge_failure(database, FAILURE.cause.fingerprint, "anna", 4 * HOUR)
    channels.run()
    assert channels["slack"].messages[-1].kind == "acknowledged"
    assert dict(channels["slack"].messages[-1].items[0].facts)["Acknowledged by"] == "anna"
    record_failure(database, replace(FAILURE, map_index=9))
    pass_time(database, 2 * HOUR)
    channels.run()
    assert len(channels.headlines()) == 2
    pass_time(database, 2 * HOUR)
    channels.run()
    assert len(channels.headlines()) == 3


def test_only_what_is_open_can_be_acknowledged(database):
    with pytest.raises(LookupError, match="no failure"):
        acknowledge_failure(database, "failure/none", "anna", HOUR)
    with pytest.raises(ValueError, match="named"):
        acknowledge_failure(database, "failure/none", " ", HOUR)
    with pytest.raises(ValueError, match="days"):
        acknowledge_failure(database, "failure/none", "anna", timedelta(days=8))


def test_many_that_are_held_keep_no_newer_one_from_being_judged(database, channels, monkeypatch):
    monkeypatch.setattr("include.alerts.delivery.MAX_NOTICES", 2)
    silenced(database)
    for number in range(4):
        notify(database, fingerprint=f"cpu_busy/critical/{number}")
        channels.run()
    assert states(database) == ["held"] * 4
    assert channels.headlines() == []
