"""Which backups may go: examples, then what must hold whatever was backed up, verified or damaged."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from include.backups.catalogue import ListedBackup, is_abandoned, list_backups
from include.backups.retention import RetentionRules, choose_deletions

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = RetentionRules(last=3, daily=7, weekly=5, monthly=12, max_age=timedelta(days=400))


def backup(number, age, verified="decoded", kind="database", parent=None) -> ListedBackup:
    at = NOW - age
    return ListedBackup(
        f"b{number}",
        kind,
        "complete",
        parent,
        at,
        at,
        10,
        verified,
        at if verified else None,
        None,
        "",
        "stream",
    )


def nightly(days, verified="decoded") -> list[ListedBackup]:
    return [backup(day, timedelta(days=day, hours=10), verified) for day in range(days)]


def test_a_year_of_nightly_backups_leaves_its_generations():
    backups = nightly(399)
    gone = choose_deletions(backups, RULES, NOW)
    kept = {f"{one.started_at:%m-%d}" for one in backups if one.id not in gone}
    days = {"11-21", "11-20", "11-19", "11-18", "11-17", "11-16", "11-15"}
    weeks = {
        "11-08",
        "11-01",
        "10-25",
    }  # Sundays; this week's and last week's are among the days
    months = {
        "10-31",
        "09-30",
        "08-31",
        "07-31",
        "06-30",
        "05-31",
        "04-30",
        "03-31",
        "02-28",
        "01-31",
        "12-31",
    }
    assert kept == days | weeks | months


def test_too_old_is_too_old_but_for_the_last_good_one():
    old = [backup(n, timedelta(days=500 + n)) for n in range(5)]
    assert set(choose_deletions(old, RULES, NOW)) == {"b1", "b2", "b3", "b4"}


def test_nothing_goes_while_nothing_is_known_to_be_good():
    assert choose_deletions(nightly(900, verified=None), RULES, NOW) == {}
    assert choose_deletions(nightly(900, verified="bad"), RULES, NOW) == {}


def test_bad_ones_take_no_place_and_go_when_a_newer_one_is_good():
    backups = [backup(n, timedelta(days=n), "bad" if n in (0, 2) else "decoded") for n in range(5)]
    reasons = choose_deletions(backups, RetentionRules(2, 0, 0, 0, timedelta(days=400)), NOW)
    assert reasons == {
        "b2": "bad, and a newer one is good",
        "b4": "newer ones hold every generation",
    }
    assert "b0" not in reasons, "it is the newest: perhaps all that there is of that day"


def test_unverified_ones_do_not_push_good_ones_out():
    backups = [backup(n, timedelta(days=n), None if n < 20 else "decoded") for n in range(23)]
    reasons = choose_deletions(backups, RetentionRules(3, 0, 0, 0, timedelta(days=400)), NOW)
    assert not {"b20", "b21", "b22"} & set(reasons)


def test_the_last_one_that_was_decoded_stays_beside_newer_ones_that_were_only_hashed():
    backups = [backup(n, timedelta(days=n), "decoded" if n == 9 else "hashed") for n in range(10)]
    assert "b9" not in choose_deletions(backups, RetentionRules(1, 0, 0, 0, timedelta(days=5)), NOW)


def test_a_full_backup_stays_as_long_as_an_incremental_one_needs_it():
    chain = [
        backup(3, timedelta(days=6), kind="full"),
        backup(2, timedelta(days=5), parent="b3"),
        backup(1, timedelta(days=4), parent="b2"),
        backup(0, timedelta(days=1), kind="full"),
    ]
    assert choose_deletions(chain, RetentionRules(1, 0, 0, 0, timedelta(days=400)), NOW) == {}


@st.composite
def catalogues(draw) -> list[ListedBackup]:
    count = draw(st.integers(0, 40))
    ids = [f"b{number}" for number in range(count)]
    made = []
    for number in range(count):
        parent = draw(st.none() | st.sampled_from(ids[:number])) if number else None
        made.append(
            backup(
                number,
                timedelta(hours=draw(st.integers(0, 24 * 600))),
                draw(st.sampled_from(["decoded", "hashed", "bad", None])),
                draw(st.sampled_from(["database", "full"])),
                parent,
            )
        )
    return made


rules = st.builds(
    RetentionRules,
    st.integers(1, 5),
    st.integers(0, 8),
    st.integers(0, 6),
    st.integers(0, 13),
    st.integers(1, 500).map(lambda days: timedelta(days=days)),
)


@given(catalogues(), rules, st.randoms(use_true_random=False))
def test_what_always_holds(backups, chosen, random):
    gone = choose_deletions(backups, chosen, NOW)
    left = [one for one in backups if one.id not in gone]
    for kind in ("database", "full"):
        of_kind = sorted(
            (one for one in backups if one.kind == kind), key=lambda one: (one.started_at, one.id)
        )
        good = [one for one in of_kind if one.verified in ("decoded", "hashed")]
        if good:
            assert good[-1].id not in gone, "the last verified good one is never deleted"
        else:
            assert not {one.id for one in of_kind} & set(gone), "nothing goes while nothing is known good"
        usable = [one for one in of_kind if one.verified != "bad" and NOW - one.started_at <= chosen.max_age]
        assert not {one.id for one in usable[-chosen.last :]} & set(gone)
    assert not {one.parent for one in left} & set(gone), "an incremental backup keeps what it needs"
    shuffled = list(backups)
    random.shuffle(shuffled)
    assert choose_deletions(shuffled, chosen, NOW) == gone, "the order does not matter"


@given(catalogues(), rules)
def test_a_second_run_never_reaches_the_last_good_ones_of_the_first(backups, chosen):
    left = backups
    for _ in range(4):
        gone = choose_deletions(left, chosen, NOW)
        left = [one for one in left if one.id not in gone]
    for kind in ("database", "full"):
        good = [one for one in backups if one.kind == kind and one.verified in ("decoded", "hashed")]
        if good:
            assert any(one.kind == kind and one.verified in ("decoded", "hashed") for one in left)


@pytest.mark.parametrize("days", [1, 30])
def test_the_next_night_deletes_at_most_what_left_its_generation(days):
    backups = nightly(60)
    for _ in range(days):
        gone = choose_deletions(backups, RULES, NOW)
        backups = [one for one in backups if one.id not in gone]
    assert choose_deletions(backups, RULES, NOW) == {}


def test_a_backup_of_a_clock_that_was_ahead_takes_the_place_of_none():
    real, unreal = nightly(3), backup(99, timedelta(days=-900))
    few = RetentionRules(last=1, daily=0, weekly=0, monthly=0, max_age=timedelta(days=400))
    assert set(choose_deletions([unreal, *real], few, NOW)) == {"b1", "b2", "b99"}


@pytest.mark.parametrize(
    ("ahead", "abandoned"), [(-2, False), (0, False), (3, True), (26000, True), (-30, True)]
)
def test_a_backup_that_runs_since_the_future_is_dead(ahead, abandoned):
    running = dataclasses.replace(
        backup(1, timedelta()), started_at=datetime.now(UTC) + timedelta(hours=ahead), status="running"
    )
    assert is_abandoned(running) is abandoned


def test_the_newest_backup_of_the_catalogue_is_of_the_past(database):
    for name, ahead in (("old", "-2 days"), ("unreal", "2 years"), ("new", "-1 hour")):
        with database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO backups (id, kind, status, location, started_at, finished_at, manifest, "
                    " installation) "
                    "VALUES (:name, 'logs', 'complete', 'here', now() + CAST(:ahead AS interval), "
                    "now(), '{}', this_installation())"
                ),
                {"name": name, "ahead": ahead},
            )
    assert [one.id for one in list_backups(database, "here")] == ["new", "old", "unreal"]
