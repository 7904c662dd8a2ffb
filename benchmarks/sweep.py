"""A sweep of due trades at library level, by the number of trades, beside what the server needs at least.

`python -m benchmarks.sweep` settles 1,000, 10,000 and 100,000 trades with the settings as they are shipped;
arguments name other numbers: 1000000 takes some ten minutes. Trades last a day, and come as they are stored:
in the order of time, 5,000 for each symbol's 30 days of minutes, so that each brings the same share of
candles along. On a PostgreSQL of its own in `.stack/bench-postgres`, with fsync on, as in production; nothing
is missing, so that collecting looks for gaps only. The bounds are taken on the same server in the same run:
the statuses updated with and without the triggers, the results inserted, the candles copied out, each by one
bare statement. Seconds are those of a clock; the seconds of CPU, of this process and the server, say what is
comparable on a machine that has other work too.
"""

import itertools
import resource
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import psutil
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
DAY, DAYS, USERS = 1440, 30, 1_000
SIZES = (1_000, 10_000, 100_000)
TRADES_A_SYMBOL = 5_000
GOAL, MEMORY = 3.0, 700  # times the bounds; MiB
BOUNDS = ("UPDATE", "INSERT", "COPY")
STEPS = ("claim", "collect", "settle", "refresh")

TRADES = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at)
SELECT
  ('00000000-0000-0000-0000-' || lpad((n % :users)::text, 12, '0'))::uuid,
  'COIN' || n % :symbols, '1h', 100, 97, 101, 102, 103, at, at + interval '1440 minutes'
FROM generate_series(1::bigint, :trades) AS n
CROSS JOIN LATERAL (
  SELECT CAST(:start AS timestamptz) + n * (:minutes - 1440) / :trades * interval '1 minute' AS at
) AS moment
"""
UPDATE = "UPDATE trade_signals SET status = 'completed_success', completed_at = now()"
INSERT = """
INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, fees_paid, slippage_cost,
  data_quality_score)
SELECT id, 1, 1, 1, 1, 100 FROM trade_signals
"""
COPY = """
COPY (
  SELECT symbol, timestamp, open, high, low, close, volume
  FROM market_candles
  WHERE symbol = ANY(%(symbols)s) AND resolution = '1m' AND timestamp < %(until)s
) TO STDOUT
"""


@dataclass(frozen=True)
class Market:
    """The part of the stored market that so many trades use."""

    trades: int

    @property
    def symbols(self) -> int:
        """Symbols that are traded."""
        return max(1, self.trades // TRADES_A_SYMBOL)

    @property
    def minutes(self) -> int:
        """Minutes of each that there are trades on, from START on; the last trade begins a day earlier."""
        return min(DAYS * DAY, DAY + (DAYS - 1) * DAY * self.trades // TRADES_A_SYMBOL)


@dataclass
class Spent:
    """Seconds of clock and of CPU by name, of this process and a server."""

    server: psutil.Process
    clock: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    seen: dict[int, float] = field(default_factory=dict)

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Add what the block takes."""
        served, used, begun = self._served(), time.process_time(), time.perf_counter()
        yield
        self.clock[name] += time.perf_counter() - begun
        self.cpu[name] += time.process_time() - used + self._served() - served

    def _served(self) -> float:
        for process in self.server.children():  # of one that has ended, what was seen last
            times = process.cpu_times()
            self.seen[process.pid] = times.user + times.system
        return sum(self.seen.values())


def main(*sizes: int) -> None:
    """Print the table; take the server away afterwards."""
    markets = [Market(size) for size in sorted(sizes or SIZES)]
    server = postgres.start(FOLDER, durable=True)
    process = psutil.Process(server.pid)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=30))
        store_market(engine, start=START, symbols=markets[-1].symbols, minutes=DAYS * DAY, seed=1)
        settings = Settings(candle_sources=("archive",))
        print(f"{settings.claim_limit:,} trades a sweep, {settings.batch_size:,} a batch; seconds\n")
        fill(engine, Market(100))
        sweep(engine, settings, Spent(process))  # what is imported and planned once
        heads = [*BOUNDS, "without triggers", "bounds", "|", *STEPS, "all", "x", "| CPU", "x", "us a trade"]
        print(f"{'trades':>9}", *(f"{head:>{max(7, len(head))}}" for head in heads))
        for market in markets:
            bounds, swept = Spent(process), Spent(process)
            fill(engine, market)
            measure_bounds(engine, market, bounds)
            fill(engine, market)
            sweep(engine, settings, swept)
            print_sweep(market, bounds, swept)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def print_sweep(market: Market, bounds: Spent, swept: Spent) -> None:
    """One row of the table: the bounds, seconds by step, and all of them beside the bounds and the goal."""
    least, least_cpu = (sum(kind[name] for name in BOUNDS) for kind in (bounds.clock, bounds.cpu))
    spent, spent_cpu = sum(swept.clock.values()), sum(swept.cpu.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    met = spent <= GOAL * least and peak < MEMORY
    print(
        f"{market.trades:>9,}",
        *(f"{bounds.clock[name]:>{max(7, len(name))}.2f}" for name in (*BOUNDS, "without triggers")),
        f"{least:>7.2f}       |",
        *(f"{swept.clock[step]:>7.2f}" for step in STEPS),
        f"{spent:>7.2f} {spent / least:>7.1f} {spent_cpu:>7.2f} {spent_cpu / least_cpu:>7.1f}",
        f"{1e6 * spent_cpu / market.trades:>10.0f}",
        f" goal {'met' if met else f'of x{GOAL:.0f} not met'}; peak so far {peak:,.0f} MiB",
        flush=True,
    )


def fill(engine: Engine, market: Market) -> None:
    """Nothing but due trades; all statistics as after a while."""
    numbers = {"users": USERS, "symbols": market.symbols, "minutes": market.minutes, "trades": market.trades}
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE trade_signals CASCADE"))
        connection.execute(text(TRADES), numbers | {"start": START})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def measure_bounds(engine: Engine, market: Market, spent: Spent) -> None:
    """Take the bare statements, each in a transaction that is taken back."""
    for name, prepare, statement in (
        ("UPDATE", "SELECT 1", UPDATE),
        ("without triggers", "ALTER TABLE trade_signals DISABLE TRIGGER USER", UPDATE),
        ("INSERT", "SELECT 1", INSERT),
    ):
        with engine.connect() as connection:
            connection.execute(text(prepare))
            with spent.on(name):
                connection.execute(text(statement))
            connection.rollback()
    wanted = {
        "symbols": [f"COIN{number}" for number in range(market.symbols)],
        "until": START + timedelta(minutes=market.minutes),
    }
    with (
        engine.connect() as connection,
        spent.on("COPY"),
        connection.connection.cursor() as cursor,
        cursor.copy(COPY, wanted) as rows,
    ):
        for _ in rows:
            pass


class NeverAsked:
    """A source of candles that are all there."""

    name = "archive"
    local = True

    def fetch(self, symbol: str, *_args: object) -> pd.DataFrame:
        """Stop the benchmark."""
        raise AssertionError(f"the benchmark measures something else: {symbol} lacks candles")


def sweep(engine: Engine, settings: Settings, spent: Spent) -> None:
    """Sweep until nothing is due."""
    for number in itertools.count():
        claim_id = f"sweep {number}"
        with spent.on("claim"):
            batches = claim_due(engine, claim_id, settings).batches
        for batch in batches:
            with spent.on("collect"):
                collect_batch(engine, claim_id, batch, [NeverAsked()], settings)
            with spent.on("settle"):
                settle_batch(engine, claim_id, batch, settings)
        with spent.on("refresh"):
            refresh_performance(engine)
        if not batches:
            break
    with engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM trade_signals WHERE status = 'active'")).scalar()
    if left:
        raise AssertionError(f"the benchmark measures something else: {left} trades are not settled")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
