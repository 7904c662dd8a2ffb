"""Replays beside the sweep: how many trades a second are settled, and settled once more.

`python -m benchmarks.replay 1000000` replays a million. On a PostgreSQL of its own in
`.stack/bench-postgres`, with fsync on, as in production. One worker; the peak of its memory is printed too.
"""

import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks._market import store_market
from include.database import connect, migrate
from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.replay import ReplayRequest, read_replay, replay_batches, start_replay
from include.trades.replay_report import report_replay
from include.trades.settle import settle_batch
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
START = datetime(2026, 1, 1, tzinfo=UTC)
SYMBOLS, MINUTES, USERS = 10, 20_000, 1_000
SETTINGS = Settings(candle_sources=("archive",), claim_limit=10_000_000)

TRADES = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2,
  take_profit_3, generated_at, expires_at, ai_reasoning)
SELECT
  ('00000000-0000-0000-0000-' || lpad((n % :users)::text, 12, '0'))::uuid,
  'COIN' || n % :symbols, '1h', 100, 97, 101, 102, 103,
  CAST(:start AS timestamptz) + n % :last * interval '1 minute',
  CAST(:start AS timestamptz) + (n % :last + 240) * interval '1 minute',
  repeat('because ', 30)
FROM generate_series(1, :trades) AS n
"""


def main(trades: int = 50_000) -> None:
    """Print the table; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=10))
        fill(engine, trades, seed=1)
        print(f"{trades:,} trades of 4 hours on {SYMBOLS} symbols, batches of {SETTINGS.batch_size:,}\n")
        sweep = measure(engine, "sweep: claim, settle", trades, _sweep)
        store(engine, seed=2)  # all candles are corrected, so that all results change
        measure(engine, "replay, all results change", trades, _replay("changed"), sweep)
        measure(engine, "replay, no result changes", trades, _replay("unchanged"), sweep)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def fill(engine: Engine, trades: int, seed: int) -> None:
    """Store candles of a random walk around 100, and trades that are due."""
    store(engine, seed)
    with engine.begin() as connection:
        numbers = {"users": USERS, "symbols": SYMBOLS, "last": MINUTES - 240, "trades": trades}
        connection.execute(text(TRADES), numbers | {"start": START})
        connection.execute(text("ANALYZE trade_signals"))


def store(engine: Engine, seed: int) -> None:
    """Store the candles of one market."""
    store_market(engine, start=START, symbols=SYMBOLS, minutes=MINUTES, seed=seed)


def measure(
    engine: Engine, name: str, trades: int, work: Callable[[Engine], None], beside: float | None = None
) -> float:
    """Do it once, print trades a second beside the sweep's, and give them."""
    start = time.perf_counter()
    work(engine)
    seconds = time.perf_counter() - start
    rate = trades / seconds
    ratio = f"x{rate / beside:.2f}" if beside else ""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:<30}{seconds:>9.1f} s{rate:>12,.0f} trades a second {ratio:>7}   peak {peak:,.0f} MiB",
        flush=True,
    )
    return rate


def _sweep(engine: Engine) -> None:
    for batch in claim_due(engine, "sweep", SETTINGS).batches:
        settle_batch(engine, "sweep", batch, SETTINGS)


def _replay(outcome: str) -> Callable[[Engine], None]:
    def work(engine: Engine) -> None:
        form = {"first_day": "2026-01-01", "redo": ["settlement"], "dry_run": False, "reason": "benchmark"}
        request = ReplayRequest.read(form, date(2999, 1, 1))
        start_replay(
            engine, outcome, request, requested_by="bench", run_url="http://bench", settings=SETTINGS
        )
        replay_batches(engine, read_replay(engine, outcome, SETTINGS), "worker")
        outcomes = report_replay(engine, outcome)["outcomes"]
        if max(outcomes, key=outcomes.__getitem__) != outcome:
            raise AssertionError(f"the benchmark measures something else: {outcomes}")

    return work


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
