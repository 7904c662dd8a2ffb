"""What rolling up a day reads: its own trades, however many other days there are, rolled up or not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine, text

from include.days import days_between
from include.trades.performance import refresh_performance
from include.trades.rollup import DisagreementError, roll_up_days
from tests.support.plans import ENLARGE, FORGET
from tests.support.rows import insert_settled
from tests.support.trades import rows, run

FIRST, DAYS, A_DAY, USERS = date(2026, 1, 1), 120, 30, 3
# What the planner takes the tables for.
LARGE = {
    "trade_signals": 1_000_000,
    "trade_results": 1_000_000,
    "performance_chunks": 60_000,
    "performance_nodes": 4_000,
}
HISTORY = """
WITH signals AS (
  INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
    take_profit_3, expires_at, status, completed_at)
  SELECT
    lpad(to_hex(n % :users), 32, '0')::uuid, 'BTC', '1h', 1, 1, 1, 1, 1, at, 'completed_success', at
  FROM generate_series(0, :days * :a_day - 1) AS n
  CROSS JOIN LATERAL (SELECT CAST(:first AS timestamptz) + n * interval '1 day' / :a_day AS at) AS moment
  RETURNING id
)
INSERT INTO trade_results (trade_signal_id, net_profit_loss) SELECT id, 1.25 FROM signals
"""
# In this transaction, in functions too. A session has none when it is new.
READ = """
SELECT
  coalesce(sum(read) FILTER (WHERE relname LIKE 'trade\\_%'), 0) AS trades,
  coalesce(sum(read) FILTER (WHERE relname LIKE 'performance\\_%'), 0) AS kept
FROM (
  SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS read FROM pg_stat_xact_user_tables
) AS tables
"""


@pytest.fixture
def history(database: Engine) -> Iterator[Engine]:
    """3,600 settled trades of three users, thirty a day, their statistics fresh; no day is rolled up."""
    with database.begin() as connection:
        start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
        about = {"first": start, "days": DAYS, "a_day": A_DAY, "users": USERS}
        connection.execute(text(HISTORY), about)
    refresh_performance(database)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    with database.begin() as connection:
        for table, many in LARGE.items():
            connection.execute(text(ENLARGE), {"table": table, "rows": many})
    yield database
    with database.begin() as connection:  # what the columns hold is no matter of the next test
        connection.execute(text(FORGET))


def read_for(database: Engine, day: date) -> tuple[int, int]:
    """Roll a day up; count the rows that were read, of trades and results, and of what is kept of them."""
    database.dispose()
    with database.execution_options(isolation_level="REPEATABLE READ").begin() as connection:
        changed = connection.execute(text("SELECT roll_up_day(:day)"), {"day": day}).scalar_one()
        found = connection.execute(text(READ)).one()
    assert changed == USERS
    return int(found.trades), int(found.kept)


def test_a_day_reads_its_own_trades_whether_other_days_are_rolled_up_or_not(history):
    def days(first: int, last: int) -> list[date]:
        return days_between(FIRST + timedelta(first), FIRST + timedelta(last), at_most=DAYS)

    found = {"none": read_for(history, days(60, 60)[0]), "one": read_for(history, days(90, 90)[0])}
    roll_up_days(history, days(105, 119))
    found["the newest"] = read_for(history, days(104, 104)[0])
    found["the first"] = read_for(history, days(0, 0)[0])
    roll_up_days(history, days(1, 15))
    found["both ends"] = read_for(history, days(50, 50)[0])
    # A trade and its result three times. Of what is kept: each user's nodes and a chunk at each end, and
    # the 16 chunks of a node for each of the edges between days that are rolled up and days that are not.
    assert [case for case, (trades, _) in found.items() if trades > 8 * A_DAY] == []
    kept = [chunks for _, chunks in found.values()]
    assert kept[0] <= 25 * USERS
    assert max(after - before for before, after in pairwise(kept)) <= 16 * USERS
    agree = "SELECT count(*) FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM atge_performance_cache))"
    assert rows(history, agree) == [(0,)]
    assert rows(history, "SELECT sum(total_trades) FROM daily_stats_totals") == [(35 * A_DAY,)]


def test_a_day_whose_trades_are_others_than_the_statistics_know_is_refused_and_no_other(database):
    """As after a change with triggers asleep: nothing was noted."""
    days = days_between(FIRST, FIRST + timedelta(2), at_most=3)
    with database.begin() as connection:
        for day in days:
            insert_settled(connection, "completed_success", 10.0, completed_at=f"{day} 12:00Z")
    refresh_performance(database)
    run(
        database,
        "UPDATE trade_results SET net_profit_loss = 11 WHERE trade_signal_id = "
        "(SELECT id FROM trade_signals WHERE completed_at < '2026-01-02Z')",
    )
    run(database, "DELETE FROM performance_refreshes")
    with pytest.raises(DisagreementError, match=f"{days[0]} .* is 31 by the daily rows and 30 "):
        roll_up_days(database, days)
    assert [row.day for row in rows(database, "SELECT day FROM daily_trade_stats ORDER BY day")] == days[1:]


def test_a_user_of_whom_nothing_is_kept_yet_is_read_first(database):
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 10.0, completed_at=f"{FIRST} 12:00Z")
        insert_settled(connection, "completed_success", 7.0, completed_at=f"{FIRST + timedelta(9)} 12:00Z")
    refresh_performance(database)
    for table in ("performance_nodes", "performance_chunks"):
        run(database, f"DELETE FROM {table}")
    assert roll_up_days(database, [FIRST]) == 1
