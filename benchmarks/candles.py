"""The store of candles: writing beside a bare COPY and DataFrame.to_sql, reading, finding gaps, scoring.

On a PostgreSQL of its own in `.stack/bench-postgres`, with fsync on, as in production.
"""

import shutil
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from include.candles.store import find_gaps, read_candles, write_candles
from include.database import connect, copy_frame, migrate
from include.quality import score
from local import postgres

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
START = datetime(2026, 1, 1, tzinfo=UTC)
SYMBOLS = 10
MINUTES = 20_000
ROWS_OF_TO_SQL = 10_000  # it is too slow for all of them
ROUNDS = 3


def main() -> None:
    """Print the tables; take the server away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=10))
        _write(engine)
        _read(engine)
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def _candles() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frames = []
    for number in range(SYMBOLS):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, MINUTES)))
        opened = np.concatenate([[100.0], close[:-1]])
        frames.append(
            pd.DataFrame(
                {
                    "symbol": f"COIN{number}",
                    "timestamp": pd.date_range(START, periods=MINUTES, freq="1min", unit="us"),
                    "open": opened,
                    "high": np.maximum(opened, close) * 1.001,
                    "low": np.minimum(opened, close) * 0.999,
                    "close": close,
                    "volume": rng.exponential(3, MINUTES),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _write(engine: Engine) -> None:
    candles = _candles()
    rows = candles.assign(resolution="1m", source="archive")

    def store() -> None:
        with engine.begin() as connection:
            write_candles(connection, candles, "1m", "archive")

    def copy() -> None:
        with engine.begin() as connection:
            copy_frame(connection, "market_candles", rows)

    def to_sql() -> None:
        with engine.begin() as connection:
            rows[:ROWS_OF_TO_SQL].to_sql("market_candles", connection, if_exists="append", index=False)

    store()  # the partitions are made once
    speeds: dict[str, list[float]] = {"bare COPY": [], "write_candles": [], "DataFrame.to_sql": []}
    for _ in range(ROUNDS):
        for name, work, count in (
            ("bare COPY", copy, len(rows)),
            ("write_candles", store, len(rows)),
            ("DataFrame.to_sql", to_sql, ROWS_OF_TO_SQL),
        ):
            with engine.begin() as connection:
                connection.execute(text("TRUNCATE market_candles"))
            speeds[name].append(count / _seconds(work))
    bare = statistics.median(speeds["bare COPY"])
    print(f"writing {len(rows):,} minutes of {SYMBOLS} symbols into market_candles, median of {ROUNDS}")
    print(f"{'':<20}{'candles a second':>18}{'of bare COPY':>14}")
    for name, measured in speeds.items():
        speed = statistics.median(measured)
        print(f"{name:<20}{speed:>18,.0f}{speed / bare:>14.2f}")
    store()
    print(f"{'writing them again':<20}{len(rows) / _seconds(store):>18,.0f}")


def _read(engine: Engine) -> None:
    windows = pd.DataFrame(
        {
            "symbol": [f"COIN{number}" for number in range(SYMBOLS)],
            "start": pd.Timestamp(START),
            "end": pd.Timestamp(START + timedelta(minutes=MINUTES)),
        }
    )
    found: list[pd.DataFrame] = []

    def read() -> None:
        with engine.begin() as connection:
            found.append(read_candles(connection, windows, "1m", sandbox=False))

    def gaps() -> None:
        with engine.begin() as connection:
            find_gaps(connection, windows, "1m", sandbox=False)

    rng = np.random.default_rng(6)
    begin = pd.Series(pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, MINUTES - 1500, 100_000), "min"))
    trades = pd.DataFrame(
        {
            "id": np.arange(100_000),
            "symbol": [f"COIN{number}" for number in rng.integers(0, SYMBOLS, 100_000)],
            "generated_at": begin,
            "expires_at": begin + timedelta(days=1),
        }
    )
    print(f"\n{'read_candles':<36}{SYMBOLS * MINUTES / _seconds(read):>14,.0f} candles a second")
    print(f"{'find_gaps (nothing missing)':<36}{SYMBOLS * MINUTES / _seconds(gaps):>14,.0f} candles a second")
    print(
        f"{'quality score of 100,000 trades':<36}"
        f"{len(trades) / _seconds(lambda: score(trades, found[0], '1min')):>14,.0f} trades a second"
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
