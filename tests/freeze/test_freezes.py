"""The switch in the database: one holds at most, the database's clock ends it, and its history stays."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from include.freeze import (
    FreezeError,
    FrozenError,
    begin_freeze,
    end_freeze,
    find_freeze,
    find_frozen_days,
    note_ended_freezes,
    raise_if_frozen,
    read_freezes,
)
from tests.support.notices import Channels, deliveries, notify

HOUR = timedelta(hours=1)


def begin(database, **chosen):
    return begin_freeze(database, **{"author": "ann", "reason": "a move", "lasts": HOUR, **chosen})


def write(database, begins, ends, ended=None):
    """A freeze that begins and ends at times relative to now, whatever the switch would say."""
    statement = (
        "INSERT INTO freezes (groups, author, reason, begins_at, ends_at, ended_at, ended_by)"
        " VALUES ('{work}', 'ann', 'a move', now() + CAST(:begins AS interval),"
        " now() + CAST(:ends AS interval), now() + CAST(:ended AS interval),"
        " CASE WHEN :ended IS NOT NULL THEN 'bob' END)"
    )
    with database.begin() as connection:
        connection.execute(text(statement), {"begins": begins, "ends": ends, "ended": ended})


def holding(database, group="work"):
    with database.connect() as connection:
        return find_freeze(connection, group)


def notices(database):
    with database.connect() as connection:
        announced = "FROM alert_notices WHERE kind = 'announcement' ORDER BY notice_key"
        return list(connection.execute(text(f"SELECT severity, title {announced}")))


def test_it_holds_until_it_is_given_back_and_its_row_stays(database):
    assert holding(database) is None
    begun = begin(database)
    assert holding(database) == begun
    with (
        database.connect() as connection,
        pytest.raises(FrozenError, match=r"frozen by ann until .*: a move"),
    ):
        raise_if_frozen(connection)
    ended = end_freeze(database, "bob")
    assert (ended.id, ended.ended_by) == (begun.id, "bob")
    assert holding(database) is None
    with database.connect() as connection:
        raise_if_frozen(connection)
        assert read_freezes(connection) == [ended]
    with pytest.raises(FreezeError, match="nothing is frozen"):
        end_freeze(database, "bob")


def test_only_the_groups_that_were_chosen_are_frozen(database):
    begin(database, groups=["probes"])
    assert holding(database, "work") and holding(database, "probes"), "work is always among it"
    assert holding(database, "alerts") is None and holding(database, "backups") is None


def test_the_next_one_replaces_the_one_that_holds_without_a_gap(database):
    first, second = begin(database), begin(database, author="bob", lasts=2 * HOUR)
    with database.connect() as connection:
        newest, oldest = read_freezes(connection)
    assert (newest, oldest.id) == (second, first.id)
    assert oldest.ended_at == newest.begins_at
    assert holding(database) == second


def test_the_database_lets_one_hold_at_a_time(database):
    write(database, "-1 hour", "1 hour")
    with pytest.raises(IntegrityError, match="one_freeze_at_a_time"):
        write(database, "-5 minutes", "2 hours")


@pytest.mark.parametrize(
    ("begins", "ends", "ended"),
    [
        ("-2 hours", "-1 second", None),  # its end has passed
        ("-2 hours", "1 hour", "-1 minute"),  # it was given back
        ("3 hours", "4 hours", None),  # a clock that was ahead made it
    ],
)
def test_what_is_over_or_lies_ahead_holds_nothing_up(database, begins, ends, ended):
    write(database, begins, ends, ended)
    assert holding(database) is None
    assert begin(database).author == "ann", "and is in nobody's way"
    assert holding(database)


def test_one_that_a_clock_ahead_has_made_never_begins(database):
    write(database, "3 hours", "4 hours")
    begin(database, lasts=6 * HOUR)
    with database.connect() as connection:
        _, ahead = read_freezes(connection)
    assert ahead.ended_at == ahead.begins_at
    assert "clock" in ahead.ended_by


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"reason": "  "}, "reason"),
        ({"author": "\x00"[:0]}, "author"),
        ({"lasts": timedelta(seconds=59)}, "one minute"),
        ({"lasts": timedelta(days=30, seconds=1)}, "30 days"),
        ({"groups": ["work", "coffee"]}, "coffee"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(database, asked, words):
    with pytest.raises(FreezeError, match=words):
        begin(database, **asked)
    assert holding(database) is None


def test_people_hear_of_its_beginning_and_of_its_end(database):
    begin(database)
    end_freeze(database, "bob")
    write(database, "-3 hours", "-2 hours")
    assert note_ended_freezes(database) == 1
    assert note_ended_freezes(database) == 0, "once"
    told = notices(database)
    assert {severity for severity, _ in told} == {"info"}
    assert [title.split(":")[0] for _, title in told] == [
        "Frozen by ann",
        "The freeze was ended by bob",
        "The freeze ran out",
    ]


def test_the_days_whose_runs_were_frozen_are_found(database):
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def frozen_days():
        with database.connect() as connection:
            return find_frozen_days(connection, midnight, 31)

    assert frozen_days() == []
    with database.begin() as connection:  # over the runs that were due yesterday and the day before
        connection.execute(
            text(
                "INSERT INTO freezes (groups, author, reason, begins_at, ends_at)"
                " VALUES ('{work}', 'ann', 'a move', :begins, :ends)"
            ),
            {"begins": midnight - timedelta(hours=60), "ends": midnight - timedelta(hours=23)},
        )
    assert frozen_days() == [(midnight - timedelta(days=days)).date() for days in (2, 3)]


@pytest.mark.parametrize(("rule", "held"), [("sweep_stalled", True), ("cpu_busy", False)])
@pytest.mark.parametrize(("begins", "ends"), [("-1 hour", "1 hour"), ("-1 hour", "-10 minutes")])
def test_what_follows_from_a_freeze_is_held_back_with_its_reason(database, rule, held, begins, ends):
    write(database, begins, ends)
    notify(database, cause=rule, fingerprint=f"{rule}/critical")
    channels = Channels(database)
    channels.run()
    (delivery,) = deliveries(database)
    assert (delivery.state == "held") == held
    if held:
        assert "frozen by ann until" in delivery.reason


def test_half_an_hour_after_a_freeze_all_is_told(database):
    write(database, "-2 hours", "-31 minutes")
    notify(database, cause="sweep_stalled", fingerprint="sweep_stalled/critical")
    channels = Channels(database)
    channels.run()
    assert len(channels.headlines()) == 1


def test_the_beginning_is_told_at_once(database):
    begin(database)
    channels = Channels(database)
    channels.run()
    assert channels.headlines() == ["Frozen by ann: nothing new begins"]
