"""The windows against a count: gaps, far times, symbols without candles and more symbols than keys."""

import numpy as np
import pytest

from include.trades.windows import find_windows

FAR = np.iinfo(np.int64)


def count_candles(opened, bounds, symbol, earliest, latest):
    """Candle by candle."""
    windows = []
    for k, begin, end in zip(symbol, earliest, latest, strict=True):
        own = range(bounds[k], bounds[k + 1]) if k >= 0 else range(0)
        inside = [candle for candle in own if begin <= opened[candle] <= end]
        windows.append((inside[0], inside[-1] + 1) if inside else (0, 0))
    return windows


@pytest.mark.parametrize(("symbols", "candles"), [(1, 1), (1, 50), (3, 40), (50, 4), (70_000, 1)])
def test_the_windows_hold_what_a_count_finds(symbols, candles):
    rng = np.random.default_rng([symbols, candles])
    opened = np.sort(rng.choice(3 * candles, (symbols, candles)) * 60, axis=1)
    opened += 60 * np.arange(candles)  # no two at once, and gaps
    held = rng.integers(0, candles + 1, symbols) if candles > 1 else np.ones(symbols, dtype=int)
    kept = np.arange(candles) < held[:, None]
    bounds = np.append(0, np.cumsum(held))
    symbol = rng.integers(-1, symbols, 400)
    earliest = rng.integers(-2, 4 * candles + 2, 400) * 60 + rng.integers(-1, 2, 400)
    latest = earliest + rng.integers(-60, 60 * candles, 400)
    earliest[:8], latest[4:12] = FAR.min + 1, FAR.max
    first, end = find_windows(opened[kept], bounds, symbol, earliest, latest)
    expected = count_candles(opened[kept], bounds, symbol, earliest, latest)
    got = [(a, b) if a < b else (0, 0) for a, b in zip(first.tolist(), end.tolist(), strict=True)]
    assert got == expected
    assert (first <= end).all()


def test_without_candles_all_windows_are_empty():
    nothing = np.array([], dtype=np.int64)
    first, end = find_windows(nothing, np.zeros(1, dtype=np.intp), *np.array([[-1], [0], [60]]))
    assert (first == end).all()


def test_candles_at_the_ends_of_time():
    opened = np.array([FAR.min + 1, 0, FAR.max])
    first, end = find_windows(
        opened, np.array([0, 3]), np.zeros(3, dtype=np.intp), opened, np.full(3, FAR.max)
    )
    assert (first.tolist(), end.tolist()) == ([0, 1, 2], [3, 3, 3])
