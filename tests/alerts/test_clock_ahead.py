"""The clock was ahead for a pass or two, then it is right: rules, messages and "alive" go by it at once."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.alerts.evaluate import evaluate_rules
from include.alerts.rule_file import rules_in_force
from tests.alerts.passes import SLOW, write_rules
from tests.support.notices import Channels

AHEAD = [timedelta(hours=2), timedelta(days=1500)]
DOG = "kind = 'watchdog'"


def ask(engine, statement, **values):
    with engine.begin() as connection:
        done = connection.execute(text(statement), values)
        return done.all() if done.returns_rows else []


def now(engine):
    return ask(engine, "SELECT now() AS at")[0].at


def alive(engine):
    return ask(engine, "SELECT alive FROM alert_chain_health")[0].alive


def slow_answers(engine, at):
    for second in range(20):
        ask(
            engine,
            "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value) "
            "VALUES (:at, 'api_response', 'answer', 900)",
            at=at - timedelta(seconds=second),
        )


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_passes_of_the_future_keep_no_rule_from_being_evaluated(database, tmp_path, ahead):
    path, right = write_rules(tmp_path, SLOW), now(database)
    for minute in range(3):  # everything that these passes write lies in the future
        slow_answers(database, right + ahead + timedelta(minutes=minute))
        assert evaluate_rules(database, path, at=right + ahead + timedelta(minutes=minute)).skipped is None
    for minute in (1, 2):
        at = right + timedelta(minutes=minute)
        slow_answers(database, at)
        assert evaluate_rules(database, path, at=at).skipped is None
    states = ask(database, "SELECT * FROM alert_states WHERE rule = 'slow'")
    assert [(one.state, one.evaluated_at) for one in states] == [("firing", at)]
    assert states[0].fired_at <= at
    titles = [row.title for row in ask(database, "SELECT title FROM alert_notices WHERE source = 'system'")]
    assert "1 row of alert_evaluations is from the future" not in titles  # there were three
    assert "3 rows of alert_evaluations are from the future" in titles
    assert evaluate_rules(database, path, at=at).skipped  # a pass that comes twice still says so


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_cooldown_watchdog_and_acknowledgement_of_the_future_hold_nothing_back(database, tmp_path, ahead):
    path, right = write_rules(tmp_path, SLOW), now(database)
    slow_answers(database, right + ahead)
    evaluate_rules(database, path, at=right + ahead)
    dogs = len(ask(database, f"SELECT 1 FROM alert_notices WHERE {DOG}"))
    evaluate_rules(database, path, at=right + timedelta(minutes=1))
    assert len(ask(database, f"SELECT 1 FROM alert_notices WHERE {DOG}")) == dogs + 1


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_messages_of_the_future_are_told_and_hold_no_others_back(database, tmp_path, ahead):
    channels, path = Channels(database), write_rules(tmp_path, SLOW)
    ask(database, "DELETE FROM alert_notices")
    for number, at in enumerate((now(database) + ahead, now(database))):
        ask(
            database,
            "INSERT INTO alert_notices (notice_key, created_at, source, kind, fingerprint, cause, severity, "
            "title, owner) VALUES (:key, :at, 'failure', 'failure', :key, :key, 'critical', :key, 'ops')",
            key=f"failure/{number}",
            at=at,
        )
    ask(  # two messages about failures were sent while the clock was ahead: nobody's flood
        database,
        "INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, owner, "
        "handled_at) SELECT 'old' || n, 'failure', 'failure', 'failure/old', 'failure/old', "
        "'critical', 'x', 'o', "
        "now() FROM generate_series(1, 3) AS n",
    )
    ask(
        database,
        "INSERT INTO alert_deliveries (notice_id, channel, subject, state, due_at, settled_at, message_id) "
        "SELECT id, 'slack', 'failure/old', 'sent', now(), now() + CAST(:ahead AS interval), "
        "gen_random_uuid() "
        "FROM alert_notices WHERE cause = 'failure/old'",
        ahead=ahead,
    )
    done = channels.run()
    assert done.sent["slack"] >= 1
    told = {item.title for message in channels["slack"].messages for item in message.items}
    assert {"failure/0", "failure/1"} <= told
    evaluate_rules(database, path)
    channels.run()
    assert alive(database)


def test_a_thread_that_was_to_rest_until_the_future_speaks(database):
    channels = Channels(database)
    ask(
        database,
        "INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, owner) "
        "VALUES ('k', 'rule', 'firing', 'disk', 'disk', 'critical', 'The disk is full', 'ops')",
    )
    ask(
        database,
        "INSERT INTO alert_threads (channel, subject, messages, told_at, next_at) VALUES "
        "('slack', 'disk', 1, now() + interval '2 hours', now() + interval '2 hours 5 minutes')",
    )
    ask(
        database,
        "INSERT INTO alert_states (fingerprint, rule, severity, state, since, observed, evaluated_at, "
        "fired_at) VALUES ('disk', 'disk', 'critical', 'firing', now(), 'bad', now(), now() - "
        "interval '1 hour')",
    )
    assert channels.run().sent["slack"] >= 1
    assert any("The disk is full" in line for line in channels.headlines())


def test_rules_that_were_adopted_in_the_future_give_way_to_those_adopted_now(database, tmp_path):
    evaluate_rules(database, write_rules(tmp_path, SLOW))
    ask(database, "UPDATE alert_rule_sets SET adopted_at = now() + interval '2 years'")
    changed = write_rules(tmp_path, SLOW | {"name": "slower"})
    evaluate_rules(database, changed, at=now(database) + timedelta(seconds=5))
    changed.write_text("no rules")
    with database.begin() as connection:
        names = [rule.name for rule in rules_in_force(connection, changed).rules.rules]
    assert "slower" in names


def test_alive_needs_a_pass_of_the_present_that_looked_at_rules(database, tmp_path):
    done = (
        "INSERT INTO alert_evaluations (at, seconds, rule_set, rules, instances, changes, notices) "
        "VALUES (now() + CAST(:ahead AS interval), 1, '', :rules, 1, 0, 0)"
    )
    assert not alive(database)
    ask(database, done, ahead="2 hours", rules=9)
    assert not alive(database)
    ask(database, done, ahead="-1 second", rules=0)
    assert not alive(database)
    ask(database, done, ahead="0", rules=9)
    assert alive(database)
    ask(database, "UPDATE alert_evaluations SET at = at - interval '6 minutes' WHERE at <= now()")
    assert not alive(database)


def test_alive_needs_what_is_to_be_told_to_go_out(database, tmp_path):
    channels, path = Channels(database), write_rules(tmp_path, SLOW)
    evaluate_rules(database, path)
    assert alive(database)  # the watchdog's first notice is a moment old
    ask(database, "UPDATE alert_notices SET created_at = now() - interval '6 minutes'")
    assert not alive(database)  # and nobody has taken it up: delivery does not run
    channels.run()
    assert alive(database)  # it waits for the daily digest


def test_alive_is_over_while_a_channel_fails_for_long(database, tmp_path):
    channels, path = Channels(database), write_rules(tmp_path, SLOW)
    ask(
        database,
        "INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, owner) "
        "VALUES ('k', 'failure', 'failure', 'failure/x', 'failure/x', 'critical', 'x', 'ops')",
    )
    from include.alerts.channels import ChannelError

    channels["slack"].broken = ChannelError("slack: no answer")
    channels.run()
    evaluate_rules(database, path)
    assert alive(database)
    ask(
        database, "UPDATE alert_deliveries SET due_at = now() - interval '20 minutes' WHERE state = 'waiting'"
    )
    assert not alive(database)
    channels["slack"].broken = None
    ask(database, "UPDATE alert_threads SET next_at = now()")
    channels.run()
    assert alive(database)
