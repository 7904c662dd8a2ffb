"""Each kind of rule, from rows to state: rate, ratio, absence, anomaly, gauge; and the template of rules."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from include.alerts.anomalies import modified_z_score
from include.alerts.rule_file import DEFAULT_RULES
from tests.alerts.passes import SLOW, ask, at, evaluate, measure, notices, state, states, write_rules
from tests.support.rows import insert_signal

OF = SLOW["of"]
ERRORS = {"source": "errors", "match": {"error_type": "api"}, "aggregate": "count"}
RATIO = SLOW | {
    "name": "share",
    "kind": "ratio",
    "of": ERRORS,
    "to": OF | {"aggregate": "count"},
    "window": "5m",
    "above": {"warning": 5, "critical": 10},
    "min_count": 10,
}


def fail(engine, minutes, count, error_type="api"):
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_error_logs (timestamp, error_type, error_message) "
                "SELECT :at, :type, 'x' FROM generate_series(1, :count)"
            ),
            {"at": at(minutes), "count": count, "type": error_type},
        )


def severities(engine, rule):
    rows = ask(engine, "SELECT severity, state FROM alert_states WHERE rule = :rule", rule=rule)
    return {row.severity: row.state for row in rows}


def test_a_ratio_is_a_share_in_percent(database, tmp_path):
    path = write_rules(tmp_path, RATIO)
    measure(database, [(0.5, 100)] * 20)
    fail(database, 0.5, 1)
    fail(database, 0.5, 50, "frontend")
    evaluate(database, path, 1)
    assert severities(database, "share") == {"warning": "normal", "critical": "normal"}  # 5 % is not above
    fail(database, 1.5, 1)
    evaluate(database, path, 2)
    assert severities(database, "share") == {"warning": "firing", "critical": "normal"}
    fail(database, 2.5, 1)
    evaluate(database, path, 3)
    assert severities(database, "share") == {"warning": "firing", "critical": "firing"}
    told = ask(database, "SELECT body FROM alert_notices WHERE severity = 'critical' AND cause = 'share'")[
        0
    ].body
    assert (told["value"], told["limit"], told["reason"]) == ("15", "above 10", "3 of 20")


def test_a_share_of_few_or_nothing_is_no_data(database, tmp_path):
    path = write_rules(tmp_path, RATIO)
    fail(database, 0.5, 5)
    evaluate(database, path, 1)
    measure(database, [(1.5, 100)] * 9)
    evaluate(database, path, 2)
    assert severities(database, "share") == {"warning": "no_data", "critical": "no_data"}
    assert notices(database, "share") == []


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("sum", "firing"), ("count", "firing"), ("avg", "no_data")]
)
def test_a_part_without_samples_is_nothing_only_where_it_is_counted(database, tmp_path, aggregate, expected):
    part = OF | {"match": OF["match"] | {"metric_name": "part"}, "aggregate": aggregate}
    path = write_rules(tmp_path, RATIO | {"of": part, "above": None, "below": {"warning": 5}})
    measure(database, [(0.5, 100)] * 20)
    evaluate(database, path, 1)
    assert severities(database, "share") == {"warning": expected}


def test_a_share_beyond_all_numbers_is_no_data(database, tmp_path):
    """It must not stop the pass either: JSON knows no infinity."""
    huge, tiny = (OF | {"match": OF["match"] | {"metric_name": name}} for name in ("huge", "tiny"))
    path = write_rules(tmp_path, SLOW, RATIO | {"of": huge, "to": tiny, "min_count": 1})
    measure(database, [(0.5, 9e99)], metric_name="huge")
    measure(database, [(0.5, 1e-300)], metric_name="tiny")
    evaluate(database, path, 1)
    assert severities(database, "share") == {"warning": "no_data", "critical": "no_data"}
    reasons = ask(database, "SELECT DISTINCT reason FROM alert_states WHERE rule = 'share'")
    assert reasons == [("9e+99 of 1e-300",)]


def test_a_ratio_may_be_grouped(database, tmp_path):
    grouped = RATIO | {
        "of": OF | {"aggregate": "sum"},
        "to": OF | {"aggregate": "count"},
        "by": ["metric_name"],
    }
    path = write_rules(tmp_path, grouped | {"above": {"warning": 60_000}})
    measure(database, [(0.5, 500)] * 10, metric_name="a")
    measure(database, [(0.5, 700)] * 10, metric_name="b")
    evaluate(database, path, 1)
    assert states(database, "share") == {"metric_name=a": "normal", "metric_name=b": "firing"}


def test_a_rate_of_nothing_is_zero(database, tmp_path):
    rule = SLOW | {"name": "rate", "kind": "rate", "of": ERRORS, "window": "10m", "per": "minute"}
    path = write_rules(
        tmp_path, rule | {"above": {"warning": 1}, "name": "many"}, rule | {"above": {"warning": 0}}
    )
    evaluate(database, path, 1)
    assert (state(database, "many"), state(database, "rate")) == ("normal", "normal")
    fail(database, 1.5, 10)
    evaluate(database, path, 2)
    assert (state(database, "many"), state(database, "rate")) == ("normal", "firing")  # one a minute
    fail(database, 2.5, 1)
    evaluate(database, path, 3)
    assert state(database, "many") == "firing"
    evaluate(database, path, 20)
    assert (state(database, "many"), state(database, "rate")) == ("normal", "normal")


@pytest.mark.parametrize(
    ("named", "value"),
    [({}, "66 an hour"), ({"per": "minute"}, "1.1 a minute"), ({"unit": "misses"}, "66 misses")],
)
def test_a_rate_says_its_unit_once_and_what_was_counted(database, tmp_path, named, value):
    rule = SLOW | {"name": "rate", "kind": "rate", "of": ERRORS, "window": "10m", "per": "hour"} | named
    path = write_rules(tmp_path, rule | {"above": {"warning": 0.5}})
    fail(database, 1.5, 11)
    evaluate(database, path, 2)
    (told,) = ask(database, "SELECT body FROM alert_notices WHERE cause = 'rate'")
    unit = value.partition(" ")[2]
    assert (told.body["value"], told.body["limit"]) == (value, f"above 0.5 {unit}")
    assert told.body["reason"] == "11 in 10 min"


ABSENT = {
    "name": "absent",
    "kind": "absence",
    "summary": "silent",
    "severity": "warning",
    "of": OF,
    "window": "5m",
}


def test_silence_is_noticed_when_the_window_is_over(database, tmp_path):
    path = write_rules(tmp_path, ABSENT)
    measure(database, [(1, 5)])
    seen = []
    for minute in (1, 5, 6, 7):
        evaluate(database, path, minute)
        seen.append(state(database, "absent"))
    assert seen == ["normal", "normal", "firing", "firing"]


def test_what_was_expected_and_never_came_is_absent(database, tmp_path):
    expected = [{"metric_name": "buy"}, {"metric_name": "sell"}]
    path = write_rules(tmp_path, ABSENT | {"by": ["metric_name"], "expect": expected})
    measure(database, [(1, 5)], metric_name="sell")
    measure(database, [(1, 5)], metric_name="unasked")
    evaluate(database, path, 2)
    assert states(database, "absent") == {"metric_name=buy": "firing", "metric_name=sell": "normal"}


def test_the_inventory_may_be_what_was_seen(database, tmp_path):
    path = write_rules(tmp_path, ABSENT | {"by": ["metric_name"], "seen_within": "1h"})
    measure(database, [(1, 5)], metric_name="stops")
    measure(database, [(9, 5)], metric_name="goes on")
    evaluate(database, path, 10)
    assert states(database, "absent") == {"metric_name=stops": "firing", "metric_name=goes on": "normal"}
    why = ask(database, "SELECT reason, value FROM alert_states WHERE state = 'firing' AND rule = 'absent'")
    assert why == [("last at 2026-03-01 00:01:00 UTC", 540)]


ODD = {
    "name": "odd",
    "kind": "anomaly",
    "summary": "unlike before",
    "severity": "info",
    "of": OF,
    "window": "1m",
    "baseline": "30m",
    "min_windows": 20,
}


def test_a_window_unlike_those_before_is_an_anomaly(database, tmp_path):
    path = write_rules(
        tmp_path,
        ODD,
        ODD | {"name": "low", "direction": "below"},
        ODD | {"name": "calm", "cut": 1000.0},
    )
    usual = [(minute - 0.5, 100 + minute % 5) for minute in range(1, 31)]
    usual[7] = (7.5, 100_000)  # an outlier in the baseline spoils nothing
    measure(database, [*usual, (30.5, 103), (31.5, 130), (32.5, 70)])
    seen = []
    for minute in (31, 32, 33):
        evaluate(database, path, minute)
        seen.append((state(database, "odd"), state(database, "low"), state(database, "calm")))
    assert seen == [
        ("normal", "normal", "normal"),
        ("firing", "normal", "normal"),
        ("firing", "firing", "normal"),
    ]
    reason = ask(database, "SELECT reason FROM alert_states WHERE rule = 'odd'")[0].reason
    assert reason == "70, where 102 is usual"


def test_an_anomaly_needs_a_baseline_that_varies(database, tmp_path):
    path = write_rules(tmp_path, ODD)
    measure(database, [(minute - 0.5, 100) for minute in range(1, 31)])
    words = []
    for minute, reason in ((10, "a baseline of 9 windows, 20 are needed"), (30, "100, where 100 is usual")):
        evaluate(database, path, minute)
        assert state(database, "odd") == "no_data"
        words.append(ask(database, "SELECT reason FROM alert_states WHERE rule = 'odd'")[0].reason)
        assert words[-1].startswith(reason)
    assert words[-1].endswith("and never varies: nothing can be said")


def test_the_score_is_the_one_of_the_handbook():
    # median 3, deviations 2 1 0 1 97: MAD 1
    assert modified_z_score(100, [1, 2, 3, 4, 100]) == pytest.approx(0.6745 * 97)
    assert modified_z_score(3, [1, 2, 3, 4, 100]) == 0
    # more than half alike: MAD 0, mean absolute deviation (0 0 0 0 10) / 5 = 2
    assert modified_z_score(9, [5, 5, 5, 5, 15]) == pytest.approx(4 / (1.253314 * 2))
    assert modified_z_score(9, [5, 5, 5]) is None


@given(
    st.lists(st.integers(-1000, 1000), min_size=3, max_size=40),
    st.integers(-1000, 1000),
    st.integers(1, 50),
    st.integers(-500, 500),
)
def test_the_score_does_not_depend_on_order_unit_or_origin(baseline, value, unit, origin):
    plain = modified_z_score(value, baseline)
    assert modified_z_score(value, baseline[::-1]) == plain
    moved = modified_z_score(value * unit + origin, [each * unit + origin for each in baseline])
    assert moved == (None if plain is None else pytest.approx(plain))
    mirrored = modified_z_score(-value, [-each for each in baseline])
    assert mirrored == (None if plain is None else pytest.approx(-plain))


def test_a_gauge_is_an_alert_for_each_of_its_labels(database, tmp_path):
    rule = {"name": "due", "kind": "threshold", "summary": "due", "of": {"source": "trading", "gauge": "due"}}
    limited = {
        "name": "broken",
        "kind": "threshold",
        "summary": "down",
        "of": {"source": "services", "gauge": "broken_seconds", "match": {"service": "kraken"}},
        "above": {"warning": 30},
    }
    path = write_rules(tmp_path, rule | {"above": {"warning": 1}}, limited)
    with database.begin() as connection:
        for _ in range(2):
            insert_signal(connection, expires_at=at(0))
        for service in ("kraken", "lunarcrush"):
            connection.execute(
                text("INSERT INTO http_services (service, state, since) VALUES (:service, 'open', :since)"),
                {"service": service, "since": at(0)},
            )
    evaluate(database, path, 1)
    assert state(database, "due") == "firing"
    assert states(database, "broken") == {"service=kraken": "firing"}


def test_a_rule_matches_one_user_of_many(database, tmp_path):
    users = [str(uuid.UUID(int=number)) for number in (1, 2)]
    rules = [
        SLOW | {"name": f"user_{n}", "of": OF | {"match": OF["match"] | {"user_id": user}}}
        for n, user in enumerate(users)
    ]
    path = write_rules(tmp_path, *rules)
    measure(database, [(0.5, 900)], user_id=users[0])
    measure(database, [(0.5, 100)], user_id=users[1])
    evaluate(database, path, 1)
    assert (state(database, "user_0"), state(database, "user_1")) == ("firing", "normal")


def test_the_template_is_quiet_on_a_platform_that_does_nothing(database):
    for minute in range(1, 5):
        done = evaluate(database, DEFAULT_RULES, minute)
    there = ask(
        database, "SELECT to_regclass('probe_results') IS NOT NULL AND to_regclass('llm_calls') IS NOT NULL"
    )
    if there[0][0]:  # made by other parts of the product
        assert done.failed == {}
    noisy = ask(database, "SELECT rule FROM alert_states WHERE fired_at IS NOT NULL ORDER BY rule")
    assert [row.rule for row in noisy] == (["watchdog"] if there[0][0] else ["rules_blind", "watchdog"])
