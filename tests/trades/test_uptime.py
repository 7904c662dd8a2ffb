"""The platform's uptime of a day, by what the probes saw: up, down, and not looked at, counted apart."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.trades.rollup import roll_up_days
from tests.support.trades import rows, run

DAY = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def look(database, at, *, every=MINUTE, own_part=True, **services):
    """Store a round of that moment: a status a service."""
    statement = text(
        "INSERT INTO probe_results "
        "(service, kind, status, reason, checked_at, check_every, own_part, run_url) "
        "VALUES (:service, 'platform', :status, 'x', :at, :every, :own_part, 'x')"
    )
    about = {"at": at, "every": every, "own_part": own_part}
    with database.begin() as connection:
        for service, status in services.items():
            connection.execute(statement, {"service": service, "status": status, **about})


def look_from(database, since, until, status, *, every=MINUTE):
    """Rounds at each interval from `since` to before `until`, as one statement."""
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO probe_results "
                "(service, kind, status, reason, checked_at, check_every, own_part, run_url) "
                "SELECT 'postgres', 'platform', :status, 'x', at, :every, true, 'x' "
                "FROM generate_series("
                "CAST(:since AS timestamptz), CAST(:until AS timestamptz) - :every, :every) AS rounds (at)"
            ),
            {"status": status, "every": every, "since": since, "until": until},
        )


def uptime(database, day=DAY):
    roll_up_days(database, [day.date()])
    (row,) = rows(database, "SELECT * FROM daily_kpis WHERE day = :day", day=day.date())
    return row


def test_a_day_that_was_looked_at_throughout(database):
    look_from(database, DAY - MINUTE, DAY + timedelta(hours=6), "healthy")
    look_from(database, DAY + timedelta(hours=6), DAY + timedelta(hours=6, minutes=72), "down")
    look_from(database, DAY + timedelta(hours=6, minutes=72), DAY + timedelta(days=1, hours=2), "degraded")
    row = uptime(database)
    assert (row.uptime, row.uptime_looked_at) == (95, 100)
    assert (row.uptime_target, row.uptime_met) == (pytest.approx(99.5), False)


def test_what_nobody_looked_at_is_neither_up_nor_down(database):
    look_from(database, DAY, DAY + timedelta(hours=6), "healthy")
    row = uptime(database)
    assert (row.uptime, row.uptime_met) == (100, True)
    # The last round speaks for two intervals, since one look that is missing is no gap.
    assert float(row.uptime_looked_at) == pytest.approx(100 * (6 * 60 + 1) / (24 * 60))
    (shown,) = rows(database, "SELECT value FROM vw_daily_kpis WHERE kpi = 'of the day looked at, %' "
                    "AND NOT unfinished")  # fmt: skip
    assert shown.value == row.uptime_looked_at


def test_the_platform_is_down_while_one_of_its_parts_is_and_not_for_others(database):
    look(database, DAY, postgres="healthy", scheduler="down", broker=None)
    look(database, DAY, own_part=False, kraken="healthy")
    look(database, DAY + MINUTE, postgres="healthy", scheduler="healthy", broker=None)
    look(database, DAY + MINUTE, own_part=False, kraken="down")
    look(database, DAY + 2 * MINUTE, own_part=True, broker=None)  # nobody knows: no look
    row = uptime(database)
    assert float(row.uptime) == pytest.approx(100 * 2 / 3)  # one minute down, two up


def test_a_round_before_midnight_speaks_for_the_first_minutes_of_the_day(database):
    look(database, DAY - 2 * MINUTE, every=timedelta(minutes=5), postgres="down")
    row = uptime(database)
    assert row.uptime == 0
    assert float(row.uptime_looked_at) == pytest.approx(100 * 8 / (24 * 60))


def test_a_day_that_nobody_looked_at_has_no_uptime(database):
    look(database, DAY + timedelta(days=1), postgres="down")
    row = uptime(database)
    assert (row.uptime, row.uptime_looked_at, row.uptime_met) == (None, None, None)


def test_what_was_seen_stays_when_the_probes_are_cleaned_away(database):
    look_from(database, DAY, DAY + timedelta(hours=2), "healthy")
    before = uptime(database)
    run(database, "DELETE FROM probe_results")
    assert uptime(database) == before
    look_from(database, DAY, DAY + timedelta(hours=1), "down")
    assert uptime(database).uptime == 100, "less was seen of the day than before"


def test_today_is_measured_by_what_is_over_of_it(database):
    now = rows(database, "SELECT now() AS now")[0].now
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    look_from(database, midnight - MINUTE, now + MINUTE, "healthy")
    shown = {
        row.kpi: row.value for row in rows(database, "SELECT kpi, value FROM vw_daily_kpis WHERE unfinished")
    }
    assert shown["uptime, %"] == 100
    assert float(shown["of the day looked at, %"]) == pytest.approx(100)
