"""Statistics after 1,000 changed trades of 1,000 users, beside a full computation: it costs what changed.

`make bench statistics` measures among 100,000 and 1,000,000 settled trades, `make bench statistics 10000000`
among as many as are named (14 GB of disk and half an hour for these). The users are always the same 1,000, so
that each has the more trades. On a PostgreSQL of its own in `.stack/bench-statistics`, with fsync on, as in
production. The refresh is checked: what it leaves is what reading all of a user's trades gives, to the digit.
"""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import Connection, Engine, text

from include.database import connect, migrate, statement_timeout
from include.trades.performance import refresh_performance
from include.trades.rollup import roll_up_days
from local import postgres
from local.postgres import Server

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-statistics"
SIZES = (100_000, 1_000_000)
USERS, CHANGED, DAYS = 1_000, 1_000, 365
CHECKED = 20  # users that are compared with a full computation
REPEATS = 5
ROWS = 200_000  # inserted in one transaction

# A trade has the number n, and its time by it; triggers and foreign keys are asleep, and what they would note
# is noted at the end.
INSERT = """
WITH trades AS MATERIALIZED (
  SELECT
    lpad(to_hex(n), 32, '0')::uuid AS id, lpad(to_hex(n % :users), 32, '0')::uuid AS user_id, n,
    date_trunc('day', now(), 'UTC') - interval '1 day' * :days * (1 - CAST(n AS float8) / :size) AS at,
    random() < 0.5 AS won
  FROM generate_series(CAST(:first AS bigint), :last) AS n
), signals AS (
  INSERT INTO trade_signals (id, user_id, symbol, direction, timeframe, ai_model, status, entry_price,
    stop_loss, take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at, completed_at)
  SELECT
    id, user_id, (ARRAY['BTC', 'ETH', 'SOL'])[1 + n % 3],
    CASE WHEN n % 2 = 0 THEN 'LONG' ELSE 'SHORT' END, '1h', 'gpt',
    CASE WHEN won THEN 'completed_success' ELSE 'completed_failure' END, 1, 1, 1, 1, 1,
    at - interval '2 hours', at - interval '1 hour', at
  FROM trades
), results AS (
  INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, fees_paid,
    slippage_cost, data_quality_score, ai_analysis)
  SELECT id, net, net / 10, 2, 2, 100, 'It rose.'
  FROM trades, LATERAL (
    SELECT (random() * CASE WHEN won THEN 30 ELSE -30 END)::numeric(12, 6) AS net
  ) AS nets
)
INSERT INTO trade_market_snapshot (trade_signal_id, galaxy_score) SELECT id, (random() * 100)::int FROM trades
"""
NOTES = "INSERT INTO performance_refreshes (user_id) SELECT DISTINCT user_id FROM trade_signals"
# One trade of each user, among all or on one day.
CHANGE = """
UPDATE trade_results
SET net_profit_loss = net_profit_loss + 0.01, profit_loss_percentage = profit_loss_percentage + 0.001
WHERE trade_signal_id IN (
  SELECT lpad(to_hex(
    CAST(:first + floor(random() * (:last - :first) / :users) * :users AS bigint) + n), 32, '0')::uuid
  FROM generate_series(0, :changed - 1) AS n
)
"""
# All days, at once: a day in a year of days that are rolled up is what is measured.
ROLLED_UP = """
INSERT INTO daily_trade_stats
SELECT
  trade_day(completed_at, expires_at), user_id, symbol, timeframe, direction, ai_model, count(*),
  count(*) FILTER (WHERE status = 'completed_success'), count(*) FILTER (WHERE status = 'completed_failure'),
  sum(net_profit_loss), coalesce(sum(net_profit_loss) FILTER (WHERE status = 'completed_success'), 0),
  coalesce(-sum(net_profit_loss) FILTER (WHERE status = 'completed_failure'), 0), sum(fees_paid),
  sum(slippage_cost)
FROM trade_signals AS signal
JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE status IN ('completed_success', 'completed_failure')
GROUP BY 1, user_id, symbol, timeframe, direction, ai_model
ON CONFLICT DO NOTHING
"""
ROLLED_UP_KPIS = "SELECT roll_up_kpis(day) FROM (SELECT DISTINCT day FROM daily_trade_stats) AS days"
FIGURES = """
SELECT user_id, to_jsonb(cache) - 'last_calculated_at' - 'updated_at'
FROM atge_performance_cache AS cache ORDER BY user_id LIMIT :checked
"""


def main(*sizes: int) -> None:
    """Print the table; take the server away afterwards."""
    print(f"{CHANGED:,} changed trades of {USERS:,} users; seconds of the server's CPU (and by the clock)\n")
    columns = ("settled trades", "all users, in full", "refresh", "first day", "a day, in full", "day again")
    print("".join(f"{name:>20}" for name in columns))
    for size in sizes or SIZES:
        server = postgres.start(FOLDER, durable=True)
        try:
            migrate(server.url())
            settle(server, size)
            _measure(server, size)
        finally:
            postgres.stop(FOLDER)
            shutil.rmtree(FOLDER)


def settle(server: Server, size: int) -> None:
    """Store as many settled trades, over a year until yesterday, and the notes that triggers would leave."""
    url = server.url(role="postgres")
    engine = connect(url, application="bench", statement_timeout=timedelta(minutes=30), pool_size=1)
    for first in range(0, size, ROWS):
        about = {
            "first": first,
            "last": min(first + ROWS, size) - 1,
            "size": size,
            "users": USERS,
            "days": DAYS,
        }
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(INSERT), about)
    with engine.begin() as connection:
        connection.execute(text(NOTES))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _measure(server: Server, size: int) -> None:
    # One connection, whose server process is watched, with the timeouts of a task: what needs longer fails.
    engine = connect(server.url(), application="bench", pool_size=1)
    whole = _cost(engine, lambda: refresh_performance(engine))
    _vacuum(engine)
    refresh = min(_refresh_after_change(engine, 0, size) for _ in range(REPEATS))
    _check(engine)
    day, numbers = _some_day(size)
    first_day = _cost(engine, lambda: roll_up_days(engine, [day - timedelta(days=1)]))  # none is rolled up
    with engine.begin() as connection:
        statement_timeout(connection, timedelta(minutes=30))
        connection.execute(text(ROLLED_UP))
        connection.execute(text(ROLLED_UP_KPIS))
    _vacuum(engine)
    whole_day = _cost(engine, lambda: roll_up_days(engine, [day]))  # nothing is noted of it: all of it
    again = min(_roll_up_after_change(engine, day, *numbers) for _ in range(REPEATS))
    costs = (whole, refresh, first_day, whole_day, again)
    figures = "".join(f"{f'{cpu:.2f} ({clock:.2f})':>20}" for cpu, clock in costs)
    print(f"{size:>20,}{figures}", flush=True)
    engine.dispose()


def _vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = '30min'"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("RESET statement_timeout"))


def _some_day(size: int) -> tuple[date, tuple[int, int]]:
    """A day in the middle of the year, and the numbers of its trades."""
    first = size * (DAYS // 2) // DAYS + 1
    last = size * (DAYS // 2 + 1) // DAYS - 1
    day = datetime.now(UTC).date() - timedelta(days=DAYS - DAYS // 2)
    return day, (first, last)


def _change(engine: Engine, first: int, last: int) -> None:
    about = {"first": first, "last": last, "users": USERS, "changed": min(CHANGED, last - first)}
    with engine.begin() as connection:
        connection.execute(text(CHANGE), about)


def _refresh_after_change(engine: Engine, first: int, last: int) -> tuple[float, float]:
    _change(engine, first, last)
    return _cost(engine, lambda: refresh_performance(engine))


def _roll_up_after_change(engine: Engine, day: date, first: int, last: int) -> tuple[float, float]:
    _change(engine, first, last)
    return _cost(engine, lambda: roll_up_days(engine, [day]))


def _check(engine: Engine) -> None:
    def figures(connection: Connection) -> list[object]:
        return list(connection.execute(text(FIGURES), {"checked": CHECKED}))

    with engine.begin() as connection:
        kept = figures(connection)
        for user, _ in kept:
            connection.execute(text("SELECT calculate_atge_performance(:user)"), {"user": user})
        if figures(connection) != kept:
            raise AssertionError("the refresh left other figures than a full computation")


def _cost(engine: Engine, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of CPU of the connection's server process, and by the clock."""
    with engine.connect() as connection:
        process = psutil.Process(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    begun, used = time.perf_counter(), process.cpu_times()
    work()
    clock, now = time.perf_counter() - begun, process.cpu_times()
    return now.user + now.system - used.user - used.system, clock


if __name__ == "__main__":
    main()
