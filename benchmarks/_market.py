"""The market that benchmarks settle trades on."""

from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from include.candles.store import write_candles


def store_market(engine: Engine, *, start: datetime, symbols: int, minutes: int, seed: int) -> None:
    """Store minutes of COIN0, COIN1 …: waves with noise around 100, others for each symbol and seed."""
    rng = np.random.default_rng(seed)
    for number in range(symbols):
        close = 100 + 3 * np.sin(np.arange(minutes) / rng.integers(100, 300)) + rng.normal(0, 0.3, minutes)
        opened = np.concatenate([[100.0], close[:-1]])
        candles = pd.DataFrame(
            {
                "symbol": f"COIN{number}",
                "timestamp": pd.date_range(start, periods=minutes, freq="1min", unit="us"),
                "open": opened,
                "high": np.maximum(opened, close) + 0.1,
                "low": np.minimum(opened, close) - 0.1,
                "close": close,
                "volume": 1.0,
            }
        )
        with engine.begin() as connection:
            write_candles(connection, candles, "1m", "archive")
