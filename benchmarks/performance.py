"""The users' statistics and the daily rollup, on a million settled trades of ten thousand users.

On a PostgreSQL of its own in `.stack/bench-postgres`, with fsync on, as in production. Refreshing many users
at once is compared with calling calculate_atge_performance user by user; one user among a million trades with
one among ten thousand: were it a scan, the ratio would be a hundred.
"""

import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from include.database import connect, migrate
from include.trades.performance import refresh_performance
from include.trades.rollup import due_days, roll_up_days
from local import postgres
from local.postgres import Server

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
USERS, TRADES_EACH, DAYS = 10_000, 100, 100
FEW_USERS = 100
SAMPLE = 300  # users that are calculated one by one
BATCH = 2_000  # trades that one batch of a sweep settles

INSERT = """
WITH trades AS (
  INSERT INTO trade_signals (user_id, symbol, direction, timeframe, ai_model, status, entry_price, stop_loss,
    take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at, completed_at)
  SELECT lpad(n::text, 32, '0')::uuid, (ARRAY['BTC', 'ETH', 'SOL'])[1 + k % 3],
    CASE WHEN k % 2 = 0 THEN 'LONG' ELSE 'SHORT' END, '1h', (ARRAY['gpt', 'gemini', NULL])[1 + k % 3],
    CASE WHEN random() < 0.5 THEN 'completed_success' ELSE 'completed_failure' END, 1, 1, 1, 1, 1,
    at - interval '2 hours', at - interval '1 hour', at
  FROM generate_series(CAST(:first AS int), :last) AS n, generate_series(1, :each) AS k,
    LATERAL (  -- named, so that each trade has a time of its own
      SELECT date_trunc('day', now(), 'UTC') - (:days * random() + 0 * (n + k)) * interval '1 day'
    ) AS times (at)
  RETURNING id, status
), results AS (
  INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, fees_paid,
    slippage_cost, data_quality_score)
  SELECT id, net, net / 10, 2, 2, 100
  FROM trades, LATERAL (
    SELECT (random() * CASE status WHEN 'completed_success' THEN 30 ELSE -30 END)::numeric(12, 6)
  ) AS nets (net)
)
INSERT INTO trade_market_snapshot (trade_signal_id, galaxy_score) SELECT id, (random() * 100)::int FROM trades
"""
SOME = "SELECT trade_signal_id FROM trade_results TABLESAMPLE BERNOULLI (2) LIMIT :limit"
SETTLE = "UPDATE trade_results SET net_profit_loss = -net_profit_loss WHERE trade_signal_id = ANY (:ids)"
USER = "SELECT calculate_atge_performance(lpad(CAST(:user AS text), 32, '0')::uuid)"


def main() -> None:
    """Print the tables; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        # The timeouts of a task: what needs longer fails here as it would there.
        engine = connect(server.url(), application="bench")
        _measure(server, engine)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _measure(server: Server, engine: Engine) -> None:
    _insert(server, 1, FEW_USERS)
    few = _one_by_one(engine, FEW_USERS)
    _insert(server, FEW_USERS + 1, USERS)
    many = _one_by_one(engine, USERS)
    with _peak_memory(server) as peak:
        together = _seconds(lambda: refresh_performance(engine))
    trades = USERS * TRADES_EACH
    print(f"{trades:,} settled trades of {USERS:,} users over {DAYS} days\n")
    print(f"{'':<44}{'users a second':>16}{'ratio':>8}")
    for name, rate in (
        ("calculate_atge_performance, user by user", 1 / many),
        ("refresh_performance, all that are noted", USERS / together),
    ):
        print(f"{name:<44}{rate:>16,.0f}{rate * many:>8.1f}")
    print(f"all users: {together:.1f} s; the largest server process had {peak[0]:,.0f} MB of its own")
    print(
        f"one user of {TRADES_EACH} trades: {many * 1000:.1f} ms among {trades:,} trades, "
        f"{few * 1000:.1f} ms among {FEW_USERS * TRADES_EACH:,}: ratio {many / few:.1f}"
    )

    days = due_days(engine)
    first, again = (
        statistics.median(_seconds(lambda day=day: roll_up_days(engine, [day])) for day in days[:5])
        for _ in range(2)
    )
    print(
        f"\nrolling up a day of {trades // DAYS:,} trades: {first:.1f} s; when nothing has changed: "
        f"{again:.1f} s, ratio {again / first:.1f}"
    )
    with_notes, without = (
        statistics.median(_change(engine, noted=noted) for _ in range(5)) for noted in (True, False)
    )
    print(
        f"changing {BATCH:,} results: {with_notes * 1000:.0f} ms with the trigger that notes it, "
        f"{without * 1000:.0f} ms without, ratio {with_notes / without:.2f}"
    )


def _insert(server: Server, first: int, last: int) -> None:
    """Settled trades of the users with these numbers, a thousand users a transaction."""
    engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=10), pool_size=1)
    for start in range(first, last + 1, 1_000):
        about = {"first": start, "last": min(start + 999, last), "each": TRADES_EACH, "days": DAYS}
        with engine.begin() as connection:
            connection.execute(text(INSERT), about)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _one_by_one(engine: Engine, users: int) -> float:
    """Seconds a user with the commit, the median of some spread over all."""

    def calculate(user: int) -> None:
        with engine.begin() as connection:
            connection.execute(text(USER), {"user": user})

    sample = range(1, users + 1, max(users // SAMPLE, 1))
    return statistics.median(_seconds(lambda user=user: calculate(user)) for user in sample)


def _change(engine: Engine, *, noted: bool) -> float:
    """Seconds for as many results as one batch of a sweep writes."""
    word = "ENABLE" if noted else "DISABLE"
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE trade_results {word} TRIGGER note_updated"))
        ids = connection.execute(text(SOME), {"limit": BATCH}).scalars().all()
    with engine.begin() as connection:
        return _seconds(lambda: connection.execute(text(SETTLE), {"ids": ids}))


@contextmanager
def _peak_memory(server: Server) -> Iterator[list[float]]:
    """Megabytes that the largest process of the server had for itself, looked at ten times a second."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            for process in psutil.Process(server.pid).children():
                try:
                    peak[0] = max(peak[0], process.memory_full_info().uss / 1e6)
                except psutil.NoSuchProcess:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
