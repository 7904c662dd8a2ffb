"""What is counted and watched of token access: for Prometheus and our own alert rules."""

from datetime import UTC, datetime

from include.alerts.readings import SampleSelection, read_sources
from include.telemetry.exporters import EndedRuns, read_metrics
from tests.access.conftest import HOUR, user


def metrics(engine):
    reading = read_metrics(engine, lambda since: EndedRuns([], []), fresh=0.0)
    return {(name, *dict(labels).values()): value for name, labels, _, value in reading.samples}


def watched(desk):
    with desk.engine.connect() as connection:
        readings = read_sources(connection, [SampleSelection("token_access", "gauges")], desk.now)
    assert readings.failed == {}
    return {gauge: [*values.values()] for (_, gauge), values in readings.gauges.items() if values}


def test_nothing_is_known_until_it_is(desk):
    found = metrics(desk.engine)
    assert not [name for name, *_ in found if "token_" in name or "tradeops_balance" in name]
    assert watched(desk) == {}


def test_ages_states_graces_and_changes(desk):
    desk.require(2000, desk.now - 5 * HOUR)
    desk.rows(
        "INSERT INTO token_requirements (valid_from, requirement, outcome, reason)"
        " VALUES (:at, 2000, 'frozen', 'x')",
        at=desk.now - HOUR,
    )
    desk.rows(
        "INSERT INTO token_prices (source, taken_at, price, refused) VALUES ('jupiter', :old, 0.01, NULL),"
        " ('geckoterminal', :old, 0.01, NULL), ('jupiter', :new, NULL, 'down'),"
        " ('geckoterminal', :new, 1, 'alone')",
        old=desk.now - 5 * HOUR,
        new=desk.now - HOUR,
    )
    desk.rows(
        "INSERT INTO access_checks (checked_at, run_id, claim, claimed_until, finished_at, unreadable)"
        " VALUES (:old, 'a', gen_random_uuid(), :old, :old, 7),"
        " (:new, 'b', gen_random_uuid(), :new, NULL, 0)",
        old=desk.now - 4 * HOUR,
        new=desk.now - HOUR,
    )
    desk.rows("INSERT INTO access_counts VALUES (:at, 5, 2, 1, 0)", at=desk.now - HOUR)
    for number, state, ends in ((1, "grace", 2), (1, "full", None), (2, "grace", 9), (3, "none", None)):
        desk.rows(
            "INSERT INTO access_grants (user_id, state, since, grace_ends_at, reason)"
            " VALUES (:user, :state, :at, :ends, 'x')",
            user=user(number), state=state, ends=ends and desk.now + ends * HOUR,
            at=desk.now - (3 if state == "grace" else 1) * HOUR,
        )  # fmt: skip
    gauges = watched(desk)
    assert gauges == {
        "requirement_age_seconds": [18_000],
        "check_age_seconds": [14_400],
        "unreadable": [7],
        "grace_ends_in_seconds": [9 * 3600],
    }
    found = metrics(desk.engine)
    assert found["tradeops_token_requirement_frozen",] == 1
    assert found["tradeops_token_requirement_tokens",] == 2000
    assert 18_000 <= found["tradeops_token_price_age_seconds",] < 19_000
    assert found["tradeops_access_holders", "grace"] == 2 and found["tradeops_access_holders", "unknown"] == 0
    assert found["tradeops_access_changes_total", "grace"] == 2
    assert found["tradeops_access_changes_total", "none"] == 1
    assert found["tradeops_token_price_refusals_total", "geckoterminal"] == 1
    assert found["tradeops_balances_unreadable",] == 7
    assert found["tradeops_access_grace_next_end_timestamp_seconds",] == (desk.now + 9 * HOUR).timestamp()


def test_when_nobody_is_in_grace_the_next_end_is_far_away(desk):
    desk.rows(
        "INSERT INTO access_grants (user_id, state, since, reason) VALUES (:user, 'full', :at, 'x')",
        user=user(1),
        at=desk.now,
    )
    found = metrics(desk.engine)["tradeops_access_grace_next_end_timestamp_seconds",]
    assert found == datetime(9999, 12, 31, tzinfo=UTC).timestamp()
