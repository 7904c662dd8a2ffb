"""Exports of a million settled trades: rows a second and memory, beside a bare COPY of the same rows.

On a PostgreSQL of its own in `.stack/bench-postgres`. Each export runs in a process of its own, whose peak of
memory is printed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.replay import fill
from include.database import connect, migrate
from include.storage import open_storage
from include.trades.export import ExportRequest, export_trades
from include.trades.results import sql_with_results
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
TRADES = 1_000_000
LIMIT = 300  # MiB

# A result for each trade, with the digits that the engine's floats leave.
RESULTS = """
INSERT INTO trade_results (trade_signal_id, exit_reason, actual_entry_price, actual_exit_price,
  gross_profit_loss, fees_paid, slippage_cost, net_profit_loss, data_source, data_resolution, ai_analysis)
SELECT id, 'targets', 100, 101 + random(), random() * 10, random(), random(), random() * 8, 'archive', '1m',
  repeat('The trade went as it was meant to. ', 10)
FROM trade_signals
"""


def main() -> None:
    """Print the table; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=10))
        fill(engine, TRADES, seed=1)
        with engine.begin() as connection:
            connection.execute(text(RESULTS))
        bare = _bare_copy(engine)
        print(f"{TRADES:,} trades\n\n{'bare COPY, thrown away':<24}{TRADES / bare:>12,.0f} rows a second")
        for file_format in ("csv", "json", "parquet"):
            seconds, peak, size = _export(server.url(), file_format)
            print(
                f"{file_format:<24}{TRADES / seconds:>12,.0f} rows a second  x{bare / seconds:.2f}"
                f"   {size:,.0f} MB   peak {peak:,.0f} MiB of {LIMIT}",
                flush=True,
            )
            if peak > LIMIT:
                raise AssertionError(f"{file_format} took {peak:.0f} MiB")
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _bare_copy(engine: Engine) -> float:
    """Seconds that the server takes to write the same rows in the same order, and nobody keeps them."""
    everything = dict.fromkeys(("first", "after", "symbols", "users", "trade_ids", "statuses", "timeframes"))
    with engine.connect() as connection:
        query = sql_with_results(connection, "trades/export_trades").bindparams(**everything)
        compiled = query.compile(dialect=engine.dialect)
        start = time.perf_counter()
        driver = connection.connection.driver_connection
        statement = f"COPY ({compiled} ORDER BY generated_at, id) TO STDOUT (FORMAT csv)"
        with driver.cursor() as cursor, cursor.copy(statement, compiled.params) as copy:
            for _ in copy:
                pass
    return time.perf_counter() - start


def _export(url: str, file_format: str) -> tuple[float, float, float]:
    """Seconds, the peak of memory in MiB, and the size of the files in MB."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "benchmarks.export", url, folder, file_format]
        done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=1800)
        seconds, peak = map(float, done.stdout.split())
        return seconds, peak, sum(path.stat().st_size for path in Path(folder).rglob("*.*")) / 1e6


def export_once(url: str, folder: str, file_format: str) -> None:
    """What each of those processes does."""
    engine = connect(url, application="bench")
    request = ExportRequest.read({"format": file_format}, date(2999, 1, 1), [folder])
    start = time.perf_counter()
    done = export_trades(
        engine, open_storage(folder), request, "bench", file_rows=1_000_000, requested_by="bench", run_url=""
    )
    if done["rows"] != TRADES:
        raise AssertionError(f"{done['rows']} rows were exported")
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(time.perf_counter() - start, int(peak[1]) / 1024 if peak else "nan")


if __name__ == "__main__":
    export_once(*sys.argv[1:]) if sys.argv[1:] else main()
