"""Candles made for tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

START = datetime(2024, 3, 4, 12, 0, tzinfo=UTC)  # a Monday
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DATA = Path(__file__).parents[3] / "shared" / "data"


def recorded(name: str) -> Path:
    """A real file or folder; the test is skipped where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no recorded data here: {path} is absent")
    return path


def minutes(
    count: int = 60, symbol: str = "BTC", start: datetime = START, step: timedelta = timedelta(minutes=1)
) -> pd.DataFrame:
    """`count` valid candles in a row; each one's prices tell it from the others."""
    opens = 100.0 + np.arange(count)
    return pd.DataFrame(
        {
            "symbol": symbol,
            "timestamp": pd.date_range(start, periods=count, freq=step, unit="us"),
            "open": opens,
            "high": opens + 2,
            "low": opens - 2,
            "close": opens + 1,
            "volume": 5.0,
        }
    ).astype({"symbol": "str"})


def windows(*spans: tuple[str, datetime, datetime]) -> pd.DataFrame:
    """Windows as the store and the collector take them."""
    frame = pd.DataFrame(spans, columns=["symbol", "start", "end"])
    return frame.astype({"start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
