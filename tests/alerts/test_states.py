"""The states of an alert: what it takes to fire and to resolve, and what people are told on the way."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.alerts.acknowledgement import acknowledge_alert
from tests.alerts.passes import SLOW, ask, at, evaluate, measure, notices, state, states, write_rules

BAD, GOOD = 900, 100


def play(engine, path, values, first=1):
    """One value a minute (None: no sample), one pass after each; give the state after each pass."""
    seen = []
    for minute, value in enumerate(values, start=first):
        if value is not None:
            measure(engine, [(minute - 0.5, value)])
        evaluate(engine, path, minute)
        seen.append(state(engine))
    return seen


def test_without_for_it_fires_and_resolves_at_once(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    assert play(database, path, [GOOD, BAD, BAD, GOOD]) == ["normal", "firing", "firing", "normal"]
    assert notices(database) == [(2, "firing", 1), (4, "resolved", 1)]


def test_it_must_be_bad_for_as_long_as_the_rule_says(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"for": "2m", "recover_for": "0s"})
    values = [BAD, BAD, GOOD, BAD, BAD, BAD, GOOD]
    expected = ["pending", "pending", "normal", "pending", "pending", "firing", "normal"]
    assert play(database, path, values) == expected
    assert notices(database) == [(6, "firing", 1), (7, "resolved", 1)]


def test_resolving_takes_as_much_proof_as_firing(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"for": "2m"})
    values = [BAD, BAD, BAD, GOOD, GOOD, BAD, GOOD, GOOD, GOOD]
    expected = ["pending", "pending", "firing", "recovering", "recovering", "firing"]
    expected += ["recovering", "recovering", "normal"]
    assert play(database, path, values) == expected
    assert notices(database) == [(3, "firing", 1), (9, "resolved", 1)]  # one story, told once


def test_what_fires_clears_at_a_limit_of_its_own(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"clear": {"warning": 400}})
    values = [450, 501, 450, 401, 400, 450]
    assert play(database, path, values) == ["normal", "firing", "firing", "firing", "normal", "normal"]


def test_below_has_its_hysteresis_upwards(database, tmp_path):
    rule = {key: value for key, value in SLOW.items() if key != "above"}
    path = write_rules(tmp_path, rule | {"below": {"warning": 60}, "clear": {"warning": 70}})
    assert play(database, path, [60, 59, 65, 69, 70]) == ["normal", "firing", "firing", "firing", "normal"]


def test_a_gap_between_passes_proves_two_minutes_at_most(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"for": "5m"})
    for minute, expected in [
        (1, "pending"),
        (60, "pending"),
        (61, "pending"),
        (62, "pending"),
        (63, "firing"),
    ]:
        measure(database, [(minute - 0.5, BAD)])
        evaluate(database, path, minute)
        assert state(database) == expected, minute


def test_a_gap_does_not_resolve_either(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"recover_for": "10m"})
    play(database, path, [BAD, GOOD])
    measure(database, [(119.5, GOOD)])
    evaluate(database, path, 120)
    assert state(database) == "recovering"


def test_missing_data_resolves_nothing(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"no_data_for": "2m"})
    values = [BAD, None, None, None, None, BAD, GOOD]
    expected = ["firing", "firing", "firing", "no_data", "no_data", "firing", "normal"]
    assert play(database, path, values) == expected
    assert notices(database) == [(1, "firing", 1), (7, "resolved", 1)]


def test_missing_data_breaks_the_proof_of_recovery(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"recover_for": "2m"})
    values = [BAD, GOOD, GOOD, None, GOOD, GOOD, GOOD]
    expected = ["firing", "recovering", "recovering", "recovering", "recovering", "recovering", "normal"]
    assert play(database, path, values) == expected


def test_a_rule_may_take_missing_data_as_well_or_as_bad(database, tmp_path):
    path = write_rules(
        tmp_path, SLOW | {"no_data": "normal"}, SLOW | {"name": "strict", "no_data": "alert", "for": "1m"}
    )
    assert play(database, path, [BAD, None, None]) == ["firing", "normal", "normal"]
    assert state(database, "strict") == "firing"


def test_a_rule_that_never_had_data_says_so(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    assert play(database, path, [None, GOOD]) == ["no_data", "normal"]
    assert notices(database) == []


def test_the_cooldown_holds_back_notices_and_does_not_slide(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"cooldown": "10m"})
    # Fires at 1, 3, 5, 7, 9 and stays from 11 on: told at 1, and when ten minutes are over.
    values = [BAD, GOOD] * 5 + [BAD, BAD, GOOD]
    play(database, path, values)
    assert notices(database) == [(1, "firing", 1), (2, "resolved", 1), (11, "firing", 1), (13, "resolved", 1)]


def test_what_goes_on_firing_is_told_when_the_cooldown_ends(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"cooldown": "5m"})
    play(database, path, [BAD, GOOD, BAD, BAD, BAD, BAD, BAD])
    assert notices(database) == [(1, "firing", 1), (2, "resolved", 1), (6, "firing", 1)]


def test_resolved_before_anything_was_told_tells_nothing(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"cooldown": "30m", "for": "1m", "recover_for": "0s"})
    play(database, path, [BAD, GOOD])  # never fired
    assert notices(database) == []
    play(database, path, [BAD, BAD, GOOD, BAD, BAD, GOOD], first=3)  # told once, then in the cooldown
    assert notices(database) == [(4, "firing", 1), (5, "resolved", 1)]


STEPS = [
    {"after": "0s"},
    {"after": "2m", "channels": ["slack", "email"]},
    {"after": "4m", "channels": ["pagerduty"]},
]


def test_it_escalates_by_the_time_since_it_fires(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"recover_for": "1m"}, escalations={"plain": STEPS})
    play(database, path, [BAD, BAD, BAD, GOOD, BAD, BAD, GOOD, GOOD])
    told = [(1, "firing", 1), (3, "escalated", 2), (5, "escalated", 3)]
    # The resolution goes wherever the alert went.
    assert notices(database) == [*told, (8, "resolved", 1), (8, "resolved", 2), (8, "resolved", 3)]
    channels = ask(database, "SELECT channels FROM alert_notices WHERE kind = 'resolved' ORDER BY level")
    assert [row.channels for row in channels if row] == [None, ["slack", "email"], ["pagerduty"]]


def test_a_late_pass_tells_every_level_that_is_due(database, tmp_path):
    path = write_rules(tmp_path, SLOW, escalations={"plain": STEPS})
    play(database, path, [BAD])
    measure(database, [(29.5, BAD)])
    evaluate(database, path, 30)
    assert notices(database) == [(1, "firing", 1), (30, "escalated", 2), (30, "escalated", 3)]


def acknowledged(engine, minutes, until):
    """Acknowledge as if at that minute: the function works by the database's clock."""
    had = acknowledge_alert(engine, "slow/warning", "ada", timedelta(hours=1))
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE alert_states SET acknowledged_at = :at, acknowledged_until = :until "
                "WHERE rule = 'slow'"
            ),
            {"at": at(minutes), "until": at(until)},
        )
        connection.execute(
            text("UPDATE alert_notices SET created_at = :at WHERE kind = 'acknowledged'"), {"at": at(minutes)}
        )
    return had


def test_an_acknowledged_alert_does_not_escalate_until_its_time_is_over(database, tmp_path):
    path = write_rules(tmp_path, SLOW, escalations={"plain": STEPS})
    play(database, path, [BAD, BAD])
    assert acknowledged(database, 2, until=6.5) == "firing"
    assert state(database) == "acknowledged"
    assert play(database, path, [BAD, BAD, BAD, BAD, BAD], first=3) == ["acknowledged"] * 4 + ["firing"]
    told = [
        (1, "firing", 1),
        (2, "acknowledged", 1),
        (7, "firing", 1),
        (7, "escalated", 2),
        (7, "escalated", 3),
    ]
    assert notices(database) == told
    assert [
        row.reason for row in ask(database, "SELECT reason FROM alert_events WHERE to_state = 'acknowledged'")
    ] == ["by ada"]


def test_an_acknowledged_alert_resolves_like_any_other(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    play(database, path, [BAD])
    acknowledged(database, 1, until=100)
    assert play(database, path, [BAD, GOOD, BAD], first=2) == ["acknowledged", "normal", "firing"]
    row = ask(database, "SELECT acknowledged_by, acknowledged_until FROM alert_states WHERE rule = 'slow'")[0]
    assert row == (None, None)  # the next time it fires is nobody's yet


def test_acknowledging_says_what_is_wrong(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    play(database, path, [GOOD])
    with pytest.raises(LookupError, match="no alert 'slow/warning' fires"):
        acknowledge_alert(database, "slow/warning", "ada", timedelta(hours=1))
    with pytest.raises(ValueError, match="must be named"):
        acknowledge_alert(database, "slow/warning", " ", timedelta(hours=1))
    for lasts in (timedelta(0), timedelta(days=8)):
        with pytest.raises(ValueError, match="up to 7 days"):
            acknowledge_alert(database, "slow/warning", "ada", lasts)


def test_each_severity_is_an_alert_of_its_own_under_one_cause(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"above": {"warning": 500, "critical": 1000}})
    play(database, path, [700, 1500, 700, 100])
    rows = ask(
        database,
        "SELECT severity, kind, cause FROM alert_notices WHERE cause = 'slow' ORDER BY created_at, severity",
    )
    assert [(row.severity, row.kind) for row in rows] == [
        ("warning", "firing"),
        ("critical", "firing"),
        ("critical", "resolved"),
        ("warning", "resolved"),
    ]
    assert len(ask(database, "SELECT FROM alert_states WHERE rule = 'slow'")) == 2


def test_sets_of_labels_are_alerts_of_their_own(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"by": ["metric_name"]})
    measure(database, [(0.5, BAD), (1.5, GOOD)], metric_name="buy")
    measure(database, [(0.5, GOOD), (1.5, BAD)], metric_name="sell")
    evaluate(database, path, 1)
    assert states(database) == {"metric_name=buy": "firing", "metric_name=sell": "normal"}
    evaluate(database, path, 2)
    assert states(database) == {"metric_name=buy": "normal", "metric_name=sell": "firing"}
    titles = ask(database, "SELECT DISTINCT title FROM alert_notices WHERE cause = 'slow' ORDER BY 1")
    assert [row.title for row in titles] == [
        "Slow answers (metric_name=buy)",
        "Slow answers (metric_name=sell)",
    ]


def test_what_is_gone_for_a_day_is_closed_and_says_that_nothing_is_proven(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"by": ["metric_name"]})
    measure(database, [(0.5, BAD)])
    evaluate(database, path, 1)
    for minute in range(2, 8):
        evaluate(database, path, minute)
    assert states(database) == {"metric_name=answer": "no_data"}
    with database.begin() as connection:  # the proof of a day's passes, which are all alike
        connection.execute(text("UPDATE alert_states SET held = '23:58:30' WHERE observed = 'no_data'"))
    evaluate(database, path, 8)
    assert states(database) == {"metric_name=answer": "no_data"}
    evaluate(database, path, 9)
    assert states(database) == {}
    ended = ask(
        database, "SELECT created_at, body FROM alert_notices WHERE cause = 'slow' AND kind = 'resolved'"
    )
    assert [row.body["ended"] for row in ended] == ["closed: no data for 24 hours, nothing is proven"]


def test_labels_that_vanish_and_count_as_well_are_forgotten_when_nothing_follows_from_them(
    database, tmp_path
):
    quiet = SLOW | {"by": ["metric_name"], "no_data": "normal", "recover_for": "1m", "cooldown": "30m"}
    path = write_rules(tmp_path, quiet)
    measure(database, [(0.5, BAD)])
    measure(database, [(minute - 0.5, GOOD) for minute in (1, 20, 31)], metric_name="seen")
    for minute in (1, 2, 3):
        evaluate(database, path, minute)
    vanished = {"metric_name=answer": "normal", "metric_name=seen": "normal"}
    assert states(database) == vanished
    with database.begin() as connection:  # the proof of a day's passes, which are all alike
        connection.execute(text("UPDATE alert_states SET held = '23:58:30' WHERE rule = 'slow'"))
    evaluate(database, path, 20)
    assert states(database) == vanished, "the cooldown goes on"
    evaluate(database, path, 31)
    assert states(database) == {"metric_name=seen": "normal"}
    assert [kind for _, kind, _ in notices(database)] == ["firing", "resolved"]


def test_an_alert_whose_rule_is_taken_away_is_closed_where_it_was_told(database, tmp_path):
    steps = [{"after": "0s", "channels": ["email"]}]
    path = write_rules(tmp_path, SLOW, escalations={"plain": steps})
    play(database, path, [BAD])
    path = write_rules(tmp_path)
    evaluate(database, path, 2)
    assert states(database) == {}
    told = ask(
        database,
        "SELECT kind, body ->> 'reason' AS why, channels, owner FROM alert_notices WHERE cause = 'slow' "
        "ORDER BY created_at",
    )
    assert [row.kind for row in told] == ["firing", "resolved"]
    assert (told[1].why, told[1].channels, told[1].owner) == (
        "the rule is no longer in force",
        ["email"],
        "ops",
    )


def test_the_watchdog_beats_at_its_interval(database, tmp_path):
    path = write_rules(tmp_path)
    for minute in range(1, 132, 5):
        evaluate(database, path, minute)
    assert notices(database, "dog") == [(1, "watchdog", 1), (61, "watchdog", 1), (121, "watchdog", 1)]


def test_every_change_is_in_the_history(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"for": "1m"})
    play(database, path, [GOOD, BAD, BAD, GOOD, GOOD])
    rows = ask(
        database, "SELECT at, from_state, to_state, value FROM alert_events WHERE rule = 'slow' ORDER BY id"
    )
    assert [(row.at, row.from_state, row.to_state, row.value) for row in rows] == [
        (at(2), "normal", "pending", BAD),
        (at(3), "pending", "firing", BAD),
        (at(4), "firing", "recovering", GOOD),
        (at(5), "recovering", "normal", GOOD),
    ]


def test_history_samples_and_runs_are_kept_for_a_time(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    play(database, path, [BAD])
    with database.begin() as connection:
        connection.execute(
            text("INSERT INTO system_samples (at, host, gauge, value) VALUES (:at, 'h', 'g', 1)"),
            {"at": at(1)},
        )
    evaluate(database, path, 24 * 60 * 91)
    assert ask(database, "SELECT FROM alert_events WHERE at < :at", at=at(2)) == []
    assert ask(database, "SELECT FROM system_samples") == []
    assert len(ask(database, "SELECT FROM alert_evaluations")) == 1
