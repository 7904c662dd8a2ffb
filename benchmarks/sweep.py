"""A sweep of due trades at library level, step by step, beside what the server needs at least for its rows.

`python -m benchmarks.sweep 100000` settles so many trades on 20 symbols x 30 days of minutes. On a PostgreSQL
of its own in `.stack/bench-postgres`, with fsync on, as in production; nothing is missing, so that collecting
looks for gaps only. The bounds are taken on the same server in the same run: the statuses updated with and
without the triggers, the results inserted, the candles copied out, each by one bare statement.
"""

import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine, text

from benchmarks._market import store_market
from include.database import connect, migrate
from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.collect import collect_batch
from include.trades.performance import refresh_performance
from include.trades.settle import settle_batch
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
START = datetime(2026, 1, 1, tzinfo=UTC)
SYMBOLS, MINUTES, USERS = 20, 30 * 24 * 60, 1_000
GOAL = 3.0  # times the bounds
STEPS = ("claim", "collect", "settle", "refresh")

TRADES = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at)
SELECT
  ('00000000-0000-0000-0000-' || lpad((n % :users)::text, 12, '0'))::uuid,
  'COIN' || n % :symbols, '1h', 100, 97, 101, 102, 103,
  CAST(:start AS timestamptz) + n * 7919 % :last * interval '1 minute',
  CAST(:start AS timestamptz) + (n * 7919 % :last + 1440) * interval '1 minute'
FROM generate_series(1::bigint, :trades) AS n
"""
UPDATE = "UPDATE trade_signals SET status = 'completed_success', completed_at = now()"
INSERT = """
INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, fees_paid, slippage_cost,
  data_quality_score)
SELECT id, 1, 1, 1, 1, 100 FROM trade_signals
"""
COPY = "COPY (SELECT symbol, timestamp, open, high, low, close, volume FROM market_candles) TO STDOUT"


def main(trades: int = 20_000) -> None:
    """Print the tables; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=10))
        store_market(engine, start=START, symbols=SYMBOLS, minutes=MINUTES, seed=1)
        fill(engine, trades)
        bounds = measure_bounds(engine)
        print(f"{trades:,} due trades of a day on {SYMBOLS} symbols x {MINUTES // 1440} days of minutes\n")
        for name, seconds in bounds.items():
            print(f"{name:<44}{seconds:>9.2f} s")
        least = sum(seconds for name, seconds in bounds.items() if "without" not in name)
        print(f"{'the bounds together, with the triggers':<44}{least:>9.2f} s\n")
        print(
            f"{'batch':>9}", *(f"{step:>9}" for step in STEPS), f"{'all':>9}{'a second':>10}{'x bounds':>9}"
        )
        for size in dict.fromkeys((Settings().batch_size, 10_000, trades)):
            settings = Settings(candle_sources=("archive",), claim_limit=10_000_000, batch_size=size)
            fill(engine, trades)
            print_sweep(size, trades, sweep(engine, settings), least)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def print_sweep(size: int, trades: int, seconds: dict[str, float], least: float) -> None:
    """One row of the table: seconds by step, and all of them beside the bounds and the goal."""
    spent = sum(seconds.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    verdict = "goal met" if spent <= GOAL * least else f"goal of x{GOAL:.0f} not met"
    print(
        f"{size:>9,}",
        *(f"{seconds[step]:>9.2f}" for step in STEPS),
        f"{spent:>9.2f}{trades / spent:>10,.0f}{spent / least:>9.1f}  {verdict}; peak so far {peak:,.0f} MiB",
        flush=True,
    )


def fill(engine: Engine, trades: int) -> None:
    """Nothing but due trades; all statistics as after a while."""
    numbers = {"users": USERS, "symbols": SYMBOLS, "last": MINUTES - 1440, "trades": trades}
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE trade_signals CASCADE"))
        connection.execute(text(TRADES), numbers | {"start": START})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def measure_bounds(engine: Engine) -> dict[str, float]:
    """Seconds of the bare statements, each in a transaction that is taken back."""
    seconds = {}
    for name, prepare, statement in (
        ("UPDATE of the statuses", "SELECT 1", UPDATE),
        (
            "UPDATE of the statuses, without triggers",
            "ALTER TABLE trade_signals DISABLE TRIGGER USER",
            UPDATE,
        ),
        ("INSERT of the results", "SELECT 1", INSERT),
    ):
        with engine.connect() as connection:
            connection.execute(text(prepare))
            begun = time.perf_counter()
            connection.execute(text(statement))
            seconds[name] = time.perf_counter() - begun
            connection.rollback()
    with engine.connect() as connection:
        begun = time.perf_counter()
        with connection.connection.cursor() as cursor, cursor.copy(COPY) as rows:
            for _ in rows:
                pass
        seconds["COPY of the candles to the client"] = time.perf_counter() - begun
    return seconds


class NeverAsked:
    """A source of candles that are all there."""

    name = "archive"
    local = True

    def fetch(self, symbol: str, *_args: object) -> pd.DataFrame:
        """Stop the benchmark."""
        raise AssertionError(f"the benchmark measures something else: {symbol} lacks candles")


def sweep(engine: Engine, settings: Settings) -> dict[str, float]:
    """Seconds of each step over all batches."""
    seconds = dict.fromkeys(STEPS, 0.0)
    begun = time.perf_counter()
    batches = claim_due(engine, "sweep", settings).batches
    seconds["claim"] = time.perf_counter() - begun
    for batch in batches:
        seconds["collect"] += measure(
            lambda batch=batch: collect_batch(engine, "sweep", batch, [NeverAsked()], settings)
        )
        seconds["settle"] += measure(lambda batch=batch: settle_batch(engine, "sweep", batch, settings))
    seconds["refresh"] = measure(lambda: refresh_performance(engine))
    with engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM trade_signals WHERE status = 'active'")).scalar()
    if left:
        raise AssertionError(f"the benchmark measures something else: {left} trades are not settled")
    return seconds


def measure(work: Callable[[], object]) -> float:
    """Seconds of one run: a sweep cannot be repeated on the same trades."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
