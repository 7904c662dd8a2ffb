"""`/metrics`: what a scrape costs the database, by metric rows; and what counting costs those who write.

On a PostgreSQL of its own in `.stack/bench-postgres`, with fsync on, as in production. The promise is 300 ms
of database time over ten million metric rows. Other sizes: `METRIC_ROWS=10000,100000 make bench metrics`.
"""

import os
import shutil
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from include.database import connect, migrate
from include.telemetry.exporters import EndedRuns, read_metrics
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
ROWS = "10000,1000000,10000000"
PROMISED = 0.3  # seconds
SCRAPES = 7
TRADES = 10_000
ROUNDS = 7
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'atge_performance_metrics' AND indexname NOT LIKE '%_pkey'
"""
ROWS_OF_METRICS = """
INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit)
SELECT
  now() - random() * interval '30 days', CASE n % 2 WHEN 0 THEN 'api_response' ELSE 'database_query' END,
  'http.service_' || n / 2 % 20, n % 10000 / 100.0, 'ms'
FROM generate_series(1, :count) AS n
"""
WRITES = {  # what is written: the table, the trigger that counts it, the statement
    "inserting trades": (
        "trade_signals",
        "count_inserted",
        "INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, "
        "take_profit_2, take_profit_3, expires_at) SELECT gen_random_uuid(), 'BTC', '1h', 100, 95, 105, 110, "
        "115, now() FROM generate_series(1, :rows)",
    ),
    "settling them": (
        "trade_signals",
        "count_updated",
        "UPDATE trade_signals SET status = 'expired', completed_at = now() WHERE status = 'active'",
    ),
    "writing their results": (
        "trade_results",
        "count_inserted",
        "INSERT INTO trade_results (trade_signal_id, data_quality_score) SELECT id, 99 FROM trade_signals "
        "WHERE NOT EXISTS (SELECT FROM trade_results WHERE trade_signal_id = trade_signals.id)",
    ),
    "writing measurements": (
        "atge_performance_metrics",
        "count_inserted",
        "INSERT INTO atge_performance_metrics (metric_type, metric_name, value) "
        "SELECT 'database_query', 'q', n FROM generate_series(1, :rows) AS n",
    ),
}


def main() -> None:
    """Print the tables; take the server away afterwards."""
    sizes = [int(size) for size in os.environ.get("METRIC_ROWS", ROWS).split(",")]
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=20))
        _count(engine)
        print(f"\na scrape, the median of {SCRAPES}: time that its statements take in the database")
        print(f"{'metric rows':>14}{'statements':>12}{'ms':>9}{'of the promise':>16}{'shared, ms':>12}")
        for size in sizes:
            _fill(engine, size)
            statements, seconds = _scrape(engine, fresh=0.0)
            _, shared = _scrape(engine, fresh=60.0)
            share = seconds / PROMISED
            print(f"{size:>14,}{statements:>12}{1000 * seconds:>9.1f}{share:>16.3f}{1000 * shared:>12.1f}")
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _fill(engine: Engine, size: int) -> None:
    """Bring the table to a size; the trigger counts the rows, as it does those of the platform."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO http_services (service) SELECT 'service_' || n FROM generate_series(0, 19) AS n "
                "ON CONFLICT DO NOTHING"
            )
        )
    with engine.begin() as connection:
        held = connection.execute(text("SELECT count(*) FROM atge_performance_metrics")).scalar_one()
        indexes = connection.execute(text(INDEXES)).all()
        for index in indexes:  # built afterwards, for it is quicker
            connection.execute(text(f"DROP INDEX {index.indexname}"))
        connection.execute(text(ROWS_OF_METRICS), {"count": size - held})
        for index in indexes:
            connection.execute(text(index.indexdef))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _scrape(engine: Engine, *, fresh: float) -> tuple[int, float]:
    """The number of statements, and the median of the seconds that they take together."""
    spent: list[list[float]] = []

    def begin(_c: Any, _u: Any, _s: str, _p: Any, context: Any, _m: Any) -> None:
        context.begun = time.perf_counter()

    def end(_c: Any, _u: Any, _s: str, _p: Any, context: Any, _m: Any) -> None:
        spent[-1].append(time.perf_counter() - context.begun)

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    for _ in range(SCRAPES):
        spent.append([])
        read_metrics(engine, lambda since: EndedRuns([], []), fresh=fresh)
    event.remove(engine, "before_cursor_execute", begin)
    event.remove(engine, "after_cursor_execute", end)
    return len(spent[-1]), statistics.median(sum(one) for one in spent)


def _count(engine: Engine) -> None:
    """What the triggers cost: the same rows with and without them, side by side."""
    print(f"counting: microseconds a row, {TRADES:,} rows a statement, the best of {ROUNDS}")
    print(f"{'':<26}{'without':>9}{'with':>9}{'ratio':>8}")
    best: dict[tuple[str, bool], float] = {}
    for _ in range(ROUNDS):
        for counting in (False, True):
            for name, (table, trigger, statement) in WRITES.items():
                state = "ENABLE" if counting else "DISABLE"
                with engine.begin() as connection:
                    connection.execute(text(f"ALTER TABLE {table} {state} TRIGGER {trigger}"))
                with engine.begin() as connection:
                    begun = time.perf_counter()
                    connection.execute(text(statement), {"rows": TRADES} if ":rows" in statement else {})
                seconds = time.perf_counter() - begun
                best[name, counting] = min(best.get((name, counting), seconds), seconds)
    for name in WRITES:
        without, with_ = (1e6 * best[name, counting] / TRADES for counting in (False, True))
        print(f"{name:<26}{without:>9.2f}{with_:>9.2f}{with_ / without:>8.2f}", flush=True)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE trade_signals, atge_performance_metrics CASCADE"))
