"""One pass over all rules: once, though repeated, beside itself, late or killed; and what it cannot read."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from include.alerts.evaluate import EVALUATION_LOCK, EvaluationLimits, evaluate_rules
from include.alerts.rule_file import RULES_FORMAT, RulesRefusedError, rules_in_force
from include.database import connect
from tests.alerts.passes import (
    SLOW,
    START,
    ask,
    at,
    dump,
    evaluate,
    measure,
    notices,
    rule_set,
    state,
    states,
    write_rules,
)

ESCALATING = {"plain": [{"after": "0s"}, {"after": "1m", "channels": ["pagerduty"]}]}


def test_the_same_moment_twice_changes_nothing(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    measure(database, [(0.5, 900)])
    assert evaluate(database, path, 1).notices == 2  # and the watchdog
    before = dump(database)
    assert "is not older than this one" in evaluate(database, path, 1).skipped
    assert "is not older than this one" in evaluate(database, path, 0.5).skipped  # late
    assert dump(database) == before


def test_a_pass_beside_another_says_so(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    with database.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": EVALUATION_LOCK})
        assert evaluate(database, path, 1).skipped == "another evaluation is under way"
    assert evaluate(database, path, 1).skipped is None


def test_many_at_once_are_one(database, database_url, tmp_path):
    path = write_rules(tmp_path, SLOW)
    measure(database, [(0.5, 900)])
    engines = [connect(database_url, application="tests", pool_size=1) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda engine: evaluate(engine, path, 1), engines))
    for engine in engines:
        engine.dispose()
    assert sum(each.skipped is None for each in done) == 1
    assert notices(database) == [(1, "firing", 1)]


def test_a_pass_that_is_killed_anywhere_has_not_happened(database, tmp_path):
    """Death before each statement in turn; then the pass is made, and tells what an undisturbed one tells."""
    path = write_rules(
        tmp_path, SLOW | {"by": ["metric_name"]}, SLOW | {"name": "other"}, escalations=ESCALATING
    )
    measure(database, [(0.5, 900), (1.5, 900)])
    measure(database, [(0.5, 900), (1.5, 100)], metric_name="ends")
    evaluate(database, path, 1)
    before = dump(database)

    class KilledError(Exception):
        pass

    left = 0

    def die(*_):
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError

    event.listen(database, "before_cursor_execute", die)
    try:
        for statements in range(100):
            left = statements
            try:
                done = evaluate(database, path, 2)
            except KilledError:
                event.remove(database, "before_cursor_execute", die)
                assert dump(database) == before, statements
                event.listen(database, "before_cursor_execute", die)
                continue
            break
    finally:
        event.remove(database, "before_cursor_execute", die)
    assert statements >= 8  # it died that often
    assert done.skipped is None
    assert notices(database) == [
        (1, "firing", 1),
        (1, "firing", 1),
        (2, "resolved", 1),
        (2, "escalated", 2),
    ]
    assert notices(database, "other") == [(1, "firing", 1), (2, "resolved", 1)]


def test_a_notice_that_is_there_is_not_written_again(database, tmp_path):
    """As after a restore of the states from a backup: the story is told from the notices that are there."""
    path = write_rules(tmp_path, SLOW)
    measure(database, [(0.5, 900)])
    evaluate(database, path, 1)
    with database.begin() as connection:
        connection.execute(text("TRUNCATE alert_states, alert_evaluations"))
    assert evaluate(database, path, 1).notices == 0
    assert notices(database) == [(1, "firing", 1)]


def test_the_clock_is_the_databases(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    done = evaluate_rules(database, path)
    assert abs(done.at - ask(database, "SELECT now() AS at")[0].at) < timedelta(minutes=1)
    row = ask(database, "SELECT * FROM alert_chain_health")[0]
    assert (row.alive, row.evaluated_at, row.rules) == (True, done.at, 4)
    assert (row.watchdog_told_at, row.watchdog_delivered_at, row.notices_waiting) == (done.at, None, 1)


def test_without_any_pass_the_chain_is_dead(database):
    row = ask(database, "SELECT * FROM alert_chain_health")[0]
    assert (row.alive, row.evaluated_at, row.notices_waiting) == (False, None, 0)


@pytest.fixture
def no_errors_table(database):
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE atge_error_logs RENAME TO away"))
    yield
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO atge_error_logs"))


ERRORS = {
    "name": "errors",
    "kind": "threshold",
    "summary": "Errors",
    "of": {"source": "errors", "aggregate": "count"},
    "window": "5m",
    "above": {"warning": 0},
    "error_for": "1m",
}


def test_a_source_that_cannot_be_read_is_an_alert_and_the_others_go_on(database, tmp_path, no_errors_table):
    path = write_rules(tmp_path, SLOW, ERRORS)
    measure(database, [(0.5, 900)])
    done = evaluate(database, path, 1)
    assert 'relation "atge_error_logs" does not exist' in done.failed["errors"]
    assert state(database) == "firing"
    assert state(database, "blind") == "firing"
    reason = ask(database, "SELECT reason FROM alert_states WHERE rule = 'blind'")[0].reason
    assert reason.startswith("errors: source errors cannot be read: relation")
    assert ask(database, "SELECT failed FROM alert_chain_health")[0].failed.keys() == {"errors"}


def test_an_alert_that_cannot_be_evaluated_is_in_error_and_not_resolved(database, tmp_path):
    path = write_rules(tmp_path, ERRORS)
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_error_logs (timestamp, error_type, error_message) VALUES (:at, 'api', 'x')"
            ),
            {"at": at(0.5)},
        )
    evaluate(database, path, 1)
    seen = [state(database, "errors")]
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE atge_error_logs RENAME TO away"))
    try:
        for minute in (2, 3, 4):
            evaluate(database, path, minute)
            seen.append(state(database, "errors"))
    finally:
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO atge_error_logs"))
    for minute in (5, 6):
        evaluate(database, path, minute)
        seen.append(state(database, "errors"))
    assert seen == ["firing", "firing", "error", "error", "firing", "normal"]
    assert notices(database, "errors") == [(1, "firing", 1), (6, "resolved", 1)]
    assert notices(database, "blind") == [(2, "firing", 1), (5, "resolved", 1)]


def test_a_source_that_takes_too_long_is_an_alert(database, tmp_path):
    limits = EvaluationLimits(source_timeout=timedelta(milliseconds=200))
    path = write_rules(tmp_path, SLOW, ERRORS)
    with database.begin() as other:
        other.execute(text("LOCK TABLE atge_error_logs IN ACCESS EXCLUSIVE MODE"))
        done = evaluate(database, path, 1, limits=limits)
    assert "statement timeout" in done.failed["errors"]
    assert state(database) == "no_data"


def test_a_rule_with_too_many_sets_of_labels_is_an_alert(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"by": ["metric_name"]})
    for name in "abc":
        measure(database, [(0.5, 900)], metric_name=name)
    done = evaluate(database, path, 1, limits=EvaluationLimits(instances=2))
    assert done.failed == {"slow": "3 sets of labels, 2 is the most: narrow it"}
    assert states(database) == {}
    assert state(database, "blind") == "firing"


def test_a_selection_is_bounded_before_it_is_read(database, tmp_path):
    path = write_rules(tmp_path, SLOW | {"by": ["metric_name"]})
    for name in "abcd":
        measure(database, [(0.5, 900)], metric_name=name)
    assert evaluate(database, path, 1, limits=EvaluationLimits(label_sets_read=2)).failed == {
        "slow": "more than 2 sets of labels: narrow it by match, or group by less"
    }


def test_a_broken_file_is_told_and_the_last_good_one_stays_in_force(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    measure(database, [(minute - 0.5, 900) for minute in (2, 3, 4)])
    evaluate(database, path, 1)
    path.write_text("rules: [}")
    done = evaluate(database, path, 2)
    assert done.rules == 4
    assert state(database) == "firing"  # by the rule of the stored set
    assert state(database, "refused") == "firing"
    told = ask(database, "SELECT body ->> 'reason' AS why FROM alert_notices WHERE cause = 'refused'")
    assert f"{path}, line 1:" in told[0].why
    path.unlink()
    evaluate(database, path, 3)
    assert state(database, "refused") == "firing"
    write_rules(tmp_path, SLOW)
    evaluate(database, path, 4)
    assert notices(database, "refused") == [(2, "firing", 1), (4, "resolved", 1)]
    assert len(ask(database, "SELECT FROM alert_rule_sets")) == 1


@pytest.mark.parametrize("change", [{"cooldown": "9999999999999d"}, {"summary": "Slow\0answers"}])
def test_what_is_beyond_all_measure_is_refused_as_any_broken_file(database, tmp_path, change):
    path = write_rules(tmp_path, SLOW)
    evaluate(database, path, 1)
    write_rules(tmp_path, SLOW | change)
    evaluate(database, path, 2)
    assert state(database, "refused") == "firing"


def test_rules_that_the_database_does_not_store_are_refused_and_the_pass_goes_on(
    database, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "include.alerts.rule_file._CONTROL_CHARACTERS", re.compile("(?!)")
    )  # our own check is blind
    path = write_rules(tmp_path, SLOW)
    measure(database, [(1.5, 900)])
    evaluate(database, path, 1)
    write_rules(tmp_path, SLOW | {"summary": "Slow\0answers"})
    evaluate(database, path, 2)
    assert state(database) == "firing"  # by the rule of the stored set
    (told,) = ask(database, "SELECT body ->> 'reason' AS why FROM alert_notices WHERE cause = 'refused'")
    assert f"{path}: the database does not store it: " in told.why
    with (
        pytest.raises(RulesRefusedError, match="the database does not store it"),
        database.begin() as connection,
    ):
        connection.execute(text("DELETE FROM alert_rule_sets"))
        rules_in_force(connection, path)


def test_while_settings_are_broken_the_rules_in_force_before_are_evaluated(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    measure(database, [(2.5, 900)])
    evaluate(database, path, 1)
    done = evaluate_rules(database, adopt=False, at=at(3))  # the path of the rules is not known now
    assert (done.skipped, done.rules) == (None, 4)
    assert state(database) == "firing"  # by the rule of the stored set, and not lost with it
    with database.begin() as connection:
        connection.execute(text("DELETE FROM alert_rule_sets"))
    assert evaluate_rules(database, path, adopt=False, at=at(4)).rules == done.rules  # none before: the file


def test_without_any_good_file_the_pass_refuses_in_words(database, tmp_path):
    path = tmp_path / "rules.yaml"
    with pytest.raises(RulesRefusedError, match="No such file"):
        evaluate(database, path, 1)
    path.write_text("rules: 3")
    with pytest.raises(RulesRefusedError, match=r"rules\.yaml, line 1: owners"):
        evaluate(database, path, 1)
    assert ask(database, "SELECT FROM alert_evaluations") == []


def test_a_changed_file_is_adopted_and_one_that_comes_back_too(database, tmp_path):
    measure(database, [(minute - 0.5, 900) for minute in (1, 2, 3)])
    one, two = SLOW | {"above": {"warning": 500}}, SLOW | {"above": {"warning": 1000}}
    seen = []
    for minute, rule in enumerate((one, two, one), start=1):
        evaluate(database, write_rules(tmp_path, rule), minute)
        seen.append(state(database))
    assert seen == ["firing", "normal", "firing"]
    assert len(ask(database, "SELECT FROM alert_rule_sets")) == 2


def test_old_rule_sets_are_forgotten_but_for_twenty(database, tmp_path):
    for number in range(1, 24):
        evaluate(database, write_rules(tmp_path, SLOW | {"above": {"warning": number}}), number)
    assert len(ask(database, "SELECT FROM alert_rule_sets")) == 20
    row = ask(database, "SELECT content FROM alert_rule_sets ORDER BY adopted_at DESC LIMIT 1")[0]
    assert row.content["rules"][0]["above"] == {"warning": 23}
    assert row.content == rule_set(SLOW | {"above": {"warning": 23}})


def test_stored_rules_that_the_code_no_longer_understands_are_read_from_the_file(
    database, tmp_path, monkeypatch
):
    path = write_rules(tmp_path, SLOW)
    evaluate(database, path, 1)
    with database.begin() as connection:
        connection.execute(text("UPDATE alert_rule_sets SET content = '{}'"))
    with pytest.raises(RulesRefusedError, match="cannot be used any more"):
        evaluate(database, path, 2)
    monkeypatch.setattr("include.alerts.rule_file.RULES_FORMAT", RULES_FORMAT + 1)
    assert evaluate(database, path, 2).rules == 4


def test_values_that_are_no_numbers_fire_nothing(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    measure(database, [(0.5, float("nan")), (0.6, float("inf"))])
    evaluate(database, path, 1)
    assert state(database) == "no_data"


def test_times_are_utc_whatever_the_machine_thinks(database, tmp_path):
    path = write_rules(tmp_path, SLOW)
    done = evaluate_rules(database, path, at=datetime(2026, 3, 1, 0, 1, tzinfo=UTC))
    assert done.at == START + timedelta(minutes=1)
