"""Cleaning: rows archived and deleted a second beside a bare DELETE, and what the sweep's claim feels of it.

ROWS rows of metrics are cleaned while another connection asks, again and again, what a sweep asks first.
`ROWS=10000000 .venv/bin/python -m benchmarks retention` takes about ten minutes.
"""

import os
import shutil
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from include.database import connect, migrate
from include.retention import Rule, clean_table
from include.settings import Settings
from include.storage import open_storage
from include.trades.claim import claim_due
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
ROWS = int(os.environ.get("ROWS", "500000"))
TRADES = 2_000  # due at each claim
RULE = Rule("atge_performance_metrics", timedelta(days=30))

FILL = """
INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, metadata)
SELECT now() - interval '31 days' - n * interval '1 second', 'api_response', 'http.kraken', n % 997,
  jsonb_build_object('status', 200, 'path', '/0/public/OHLC', 'outcome', 'ok', 'attempts', 1)
FROM generate_series(1, :rows) AS n
"""
TRADES_DUE = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
  take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at)
SELECT gen_random_uuid(), 'BTC', '1h', 100, 98, 101, 102, 103,
  now() - interval '2 hours', now() - interval '1 hour'
FROM generate_series(1, :rows)
"""


def main() -> None:
    """Print the table; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    archive = Path(tempfile.mkdtemp(prefix="tradeops-bench-"))
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=20))
        quiet = _claims(engine, lambda: time.sleep(8))
        bare = _delete(engine)
        seconds = 0.0

        def work() -> None:
            nonlocal seconds
            started = time.monotonic()
            storage = open_storage(str(archive), None)
            now, limit = datetime.now(UTC), timedelta(hours=2)
            done = clean_table(engine, storage, RULE, now, run_url="bench", time_limit=limit)
            seconds = time.monotonic() - started
            assert done is not None and done.deleted == ROWS

        _execute(engine, FILL, rows=ROWS)
        busy = _claims(engine, work)
        size = sum(file.stat().st_size for file in archive.rglob("*.parquet"))
        print(f"{ROWS} rows of atge_performance_metrics, {size / ROWS:.0f} bytes a row in the archive")
        print(f"{'':34}{'rows a second':>15}{'ratio':>8}")
        print(f"{'bare DELETE by time':34}{bare:15,.0f}{1:8.2f}")
        print(f"{'archive, read back, delete':34}{ROWS / seconds:15,.0f}{ROWS / seconds / bare:8.2f}")
        print(f"{f'claim of {TRADES} trades':34}{'median ms':>15}{'worst ms':>10}{'claims':>8}")
        for name, times in (("nothing else going on", quiet), ("while cleaning", busy)):
            print(f"{name:34}{statistics.median(times):15.0f}{max(times):10.0f}{len(times):8}")
        print(f"{'ratio of the medians':34}{statistics.median(busy) / statistics.median(quiet):15.2f}")
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)
        shutil.rmtree(archive)


def _execute(engine: Engine, statement: str, **values: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def _delete(engine: Engine) -> float:
    _execute(engine, FILL, rows=ROWS)
    started = time.monotonic()
    _execute(engine, "DELETE FROM atge_performance_metrics")
    return ROWS / (time.monotonic() - started)


def _claims(engine: Engine, work) -> list[float]:  # type: ignore[no-untyped-def]
    """Milliseconds of each claim while `work` goes on; a few at least."""
    working = threading.Thread(target=work)
    working.start()
    times = []
    while working.is_alive() or len(times) < 5:
        _execute(engine, "TRUNCATE trade_signals CASCADE")
        _execute(engine, TRADES_DUE, rows=TRADES)
        started = time.monotonic()
        claim_due(engine, f"bench {len(times)}", Settings())
        times.append((time.monotonic() - started) * 1000)
        time.sleep(0.2)
    working.join()
    return times
