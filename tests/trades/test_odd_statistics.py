"""Statistics over trades with times and money of no calendar and no scale: each odd row is its own user's."""

import uuid
from datetime import date

import pytest
from sqlalchemy import text

from include.trades.performance import refresh_performance
from include.trades.rollup import due_days, roll_up_days
from tests.support.rows import USER, insert_settled
from tests.support.trades import rows, run

OTHER = uuid.UUID(int=21)
DAY = date(2026, 4, 7)
FIRST = date(1, 1, 2)
NOON = f"{DAY} 12:00Z"

TIMES = [
    {"completed_at": None, "expires_at": "infinity"},
    {"completed_at": "infinity"},
    {"completed_at": "-infinity"},
    {"completed_at": "0300-07-04 00:00Z BC"},
    {"completed_at": "14001-01-01 00:00Z"},
    {"completed_at": NOON, "expires_at": "infinity"},
    {"completed_at": NOON, "expires_at": "-infinity"},
    {"completed_at": NOON, "generated_at": "-infinity", "expires_at": "0300-07-04 00:00Z BC"},
]
MONEY = ["NaN", "Infinity", "-Infinity", "1e400", "-1e-400"]


def fill(database, status="completed_failure", **odd):
    """One ordinary trade each of two users, and an odd one of the first."""
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 10.0, user_id=OTHER, completed_at=NOON)
        insert_settled(connection, "completed_success", 10.0, completed_at=NOON, galaxy=50)
        return insert_settled(connection, status, -7.0, galaxy=60, **{"completed_at": NOON} | odd)


def bring_up_to_date(database):
    refresh_performance(database)
    days = due_days(database)
    return roll_up_days(database, days), days


@pytest.mark.parametrize("odd", TIMES, ids=str)
def test_a_trade_of_no_calendar_stops_nobodys_statistics(database, odd):
    fill(database, **odd)
    _, days = bring_up_to_date(database)
    assert DAY in days
    assert rows(database, "SELECT user_id, total_trades FROM atge_performance_cache ORDER BY 1") == [
        (USER, 2),
        (OTHER, 1),
    ]
    assert rows(database, "SELECT count(*) FROM daily_trade_stats WHERE day = :day", day=DAY) == [(2,)]
    assert (
        rows(
            database,
            "SELECT * FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM atge_performance_cache))",
        )
        == []
    )
    assert due_days(database) == []


@pytest.mark.parametrize("odd", TIMES[2:4], ids=str)
def test_what_was_completed_before_every_calendar_belongs_to_the_first_day(database, odd):
    fill(database, **odd)
    _, days = bring_up_to_date(database)
    assert days == [DAY, FIRST]
    found = rows(database, "SELECT day, total_trades, total_loss FROM daily_trade_stats ORDER BY day LIMIT 1")
    assert found == [(FIRST, 1, 7)]
    assert rows(database, "SELECT trades_lost FROM daily_kpis WHERE day = :day", day=FIRST) == [(1,)]


def test_the_annual_ratio_counts_no_thousands_of_years(database):
    with database.begin() as connection:
        for day, net in ((1, 10.0), (2, -3.0), (5, 6.0)):
            insert_settled(connection, "completed_success", net, completed_at=f"2026-04-0{day} 12:00Z")
    refresh_performance(database)
    before = rows(database, "SELECT sharpe_ratio_annualised FROM atge_performance_cache")
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 5.0, completed_at="infinity")
        insert_settled(connection, "completed_success", 5.0, completed_at="-infinity")
    refresh_performance(database)
    assert rows(database, "SELECT sharpe_ratio_annualised, total_trades FROM atge_performance_cache") == [
        (before[0][0], 5)
    ]


@pytest.mark.parametrize(
    "column", ["net_profit_loss", "profit_loss_percentage", "fees_paid", "slippage_cost"]
)
@pytest.mark.parametrize("value", MONEY)
def test_money_of_no_scale_stays_in_its_own_row(database, column, value):
    odd = fill(database)
    run(
        database,
        f"UPDATE trade_results SET {column} = CAST(:value AS numeric) WHERE trade_signal_id = :id",
        value=value, id=odd,
    )  # fmt: skip
    changed, days = bring_up_to_date(database)
    assert (changed, days) == (2, [DAY])
    assert rows(
        database, "SELECT total_profit_loss FROM atge_performance_cache WHERE user_id = :u", u=OTHER
    ) == [(10,)]
    (stats,) = rows(
        database,
        f"SELECT {column if column in ('fees_paid', 'slippage_cost') else 'total_loss'}::text "
        "FROM daily_trade_stats WHERE user_id = :u",
        u=USER,
    )
    if column != "profit_loss_percentage" and "e" not in value:
        assert ("NaN" in stats[0]) == (value == "NaN")  # it is told, not hidden


def test_a_rollup_that_is_wrong_beside_a_figure_of_no_scale_is_still_refused(database):
    odd = fill(database)
    run(database, "UPDATE trade_results SET net_profit_loss = 'NaN' WHERE trade_signal_id = :id", id=odd)
    bring_up_to_date(database)
    run(database, "UPDATE daily_trade_stats SET total_loss = 4 WHERE user_id = :u", u=USER)
    with database.connect() as connection:
        found = connection.execute(
            text("SELECT figure FROM daily_stats_mismatches(ARRAY[CAST(:u AS uuid)])"), {"u": USER}
        ).scalars()
        assert found.all() == ["total_loss"]
