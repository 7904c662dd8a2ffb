"""Post-mortems of 1,000 trades in one call, against a model that takes 200 ms: how much of the ideal is left.

Ideal is the provider's latency alone: trades * latency / requests under way at once. What comes on top is the
product's: claiming, facts, the books of the budget, checking, storing. The sandbox runs in a process of its
own, PostgreSQL in `.stack/bench-postgres` with fsync on, as in production.
"""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from include.analysis import analyse_settled
from include.candles.store import write_candles
from include.database import connect, migrate
from include.settings import Endpoint, ModelPrice, Settings
from local import postgres
from local.ports import free_port

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
START = datetime(2026, 1, 1, tzinfo=UTC)
TRADES = 1000
WARM_UP = 50
LATENCY = 0.2  # seconds
CONCURRENCIES = (8, 16, 32)

TRADE = text(
    """
    WITH signal AS (
      INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
        take_profit_1, take_profit_2, take_profit_3, status, completed_at, ai_reasoning,
        generated_at, expires_at)
      SELECT gen_random_uuid(), 'BTC', '4h', 100, 98,
        101, 102, 103, 'completed_success', now(), repeat('words ', 200),
        :start + number * interval '1 minute', :start + number * interval '1 minute' + interval '4 hours'
      FROM generate_series(1, :trades) AS number
      RETURNING id, generated_at
    )
    INSERT INTO trade_results (trade_signal_id, entry_at, actual_entry_price, exit_at, actual_exit_price,
      exit_reason, gross_profit_loss, fees_paid, slippage_cost, net_profit_loss, profit_loss_percentage,
      data_source, data_resolution, data_quality_score)
    SELECT id, generated_at, 100, generated_at + interval '1 hour', 102,
      'targets', 20, 2, 2, 16, 1.6,
      'archive', '1m', 100
    FROM signal
    """
)


def main() -> None:
    """Print the table; take server and sandbox away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench")
        _store_candles(engine)
        with engine.begin() as connection:
            connection.execute(TRADE, {"start": START, "trades": TRADES + WARM_UP})
        with _sandbox() as url:
            _measure(engine, url)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _store_candles(engine: Engine) -> None:
    rng = np.random.default_rng(7)
    minutes = TRADES + 300
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, minutes)))
    opened = np.concatenate([[100.0], close[:-1]])
    candles = pd.DataFrame(
        {
            "symbol": "BTC",
            "timestamp": pd.date_range(START, periods=minutes, freq="1min", unit="us"),
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": 1.0,
        }
    )
    with engine.begin() as connection:
        write_candles(connection, candles, "1m", "archive")


@contextlib.contextmanager
def _sandbox() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/_faults").raise_for_status()
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _measure(engine: Engine, url: str) -> None:
    print(f"{TRADES:,} post-mortems in one task, the model takes {LATENCY * 1000:.0f} ms")
    print(f"{'at once':>8}{'ideal s':>10}{'took s':>10}{'of ideal':>10}{'own ms a call':>16}{'a second':>10}")
    for concurrency in CONCURRENCIES:
        with engine.begin() as connection:
            connection.execute(text("UPDATE trade_results SET ai_analysis = NULL"))
        _analyse(engine, url, WARM_UP, 0, concurrency)  # imports, connections
        took = _analyse(engine, url, TRADES, LATENCY, concurrency)
        ideal = TRADES * LATENCY / concurrency
        own = (took - ideal) * concurrency / TRADES * 1000
        print(
            f"{concurrency:>8}{ideal:>10.1f}{took:>10.1f}{ideal / took:>10.2f}{own:>16.1f}"
            f"{TRADES / took:>10.0f}"
        )


def _analyse(engine: Engine, url: str, trades: int, latency: float, concurrency: int) -> float:
    """Analyse so many trades; give the seconds that it took."""
    httpx.delete(f"{url}/_faults").raise_for_status()
    if latency:
        fault = {"service": "llm", "kind": "latency", "seconds": latency}
        httpx.post(f"{url}/_faults", json=fault).raise_for_status()
    settings = Settings(
        llm_prices={"sandbox-analyst": ModelPrice(prompt=Decimal(1), completion=Decimal(4))},
        llm_daily_budget_usd=Decimal(1000),
        analysis_limit=trades,
        analysis_concurrency=concurrency,
    )
    begun = time.perf_counter()
    done = analyse_settled(engine, Endpoint(f"{url}/llm/v1", "sandbox"), f"{concurrency} {trades}", settings)
    took = time.perf_counter() - begun
    assert done.stored == trades, done
    return took
