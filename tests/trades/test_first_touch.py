"""The search against a scan: windows long and short, sparse and dense, silent, in one table and across."""

import numpy as np
import pytest

from include.trades.first_touch import NEVER, Orders, Touches, find_touches


def scan(low: np.ndarray, high: np.ndarray, silent: np.ndarray, orders: Orders) -> Touches:
    """Candle by candle."""
    rows = []
    for row in range(len(orders.first)):
        first, end, short = orders.first[row], orders.end[row], orders.short[row]
        against, along = (high, -low) if short else (-low, high)  # both: touched when at or above
        sign = -1 if short else 1
        targets = [NEVER, NEVER, NEVER]
        entry = stop = exit_ = NEVER
        for candle in range(first, end):
            if entry == NEVER:
                if silent[candle] or against[candle] < -sign * orders.entry[row]:
                    continue
                entry = candle
            exit_ = candle
            if silent[candle]:
                continue
            if against[candle] >= -sign * orders.stop[row]:
                stop = candle
                break
            if candle > entry:
                for k in range(3):
                    if targets[k] == NEVER and along[candle] >= sign * orders.targets[k][row]:
                        targets[k] = candle
                if targets[orders.final[row]] != NEVER:
                    break
        seen = slice(entry, exit_ + 1)
        extremes = (low[seen].min(), high[seen].max()) if entry != NEVER else (np.nan, np.nan)
        rows.append((entry, stop, *targets, exit_, *extremes))
    return Touches(*map(np.array, zip(*rows, strict=True)))


def walk(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Lows and highs of a random walk on a grid of 1."""
    middle = 10_000 + np.cumsum(rng.integers(-2, 3, count))
    low = middle - rng.integers(0, 3, count)
    return low.astype(float), (low + rng.integers(0, 5, count)).astype(float)


def nowhere(low: np.ndarray) -> np.ndarray:
    """No silent candle."""
    return np.zeros(len(low), dtype=bool)


def draw_orders(rng: np.random.Generator, low: np.ndarray, count: int, longest: int, reach: int) -> Orders:
    """Orders up to `reach` away from the price at the start of their windows."""
    first = rng.integers(0, len(low) + 1, count)
    short = rng.random(count) < 0.5
    sign = np.where(short, -1, 1)
    entry = low[np.minimum(first, len(low) - 1)] - sign * rng.integers(0, max(2, reach // 8), count)
    targets = entry + sign * np.cumsum(rng.integers(0, reach, (3, count)), axis=0)
    return Orders(
        first=first,
        end=np.minimum(first + rng.integers(0, longest + 1, count), len(low)),
        short=short,
        entry=entry,
        stop=entry - sign * rng.integers(1, reach, count),
        target_1=targets[0],
        target_2=targets[1],
        target_3=targets[2],
        final=rng.integers(0, 3, count),
    )


def assert_same(got: Touches, expected: Touches) -> None:
    for name in ("entry", "stop", "target_1", "target_2", "target_3", "exit", "lowest", "highest"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize(
    ("candles", "trades", "longest", "reach"),
    [
        (1, 20, 1, 3),
        (15, 100, 15, 4),
        (16, 100, 16, 4),
        (17, 100, 17, 4),
        (300, 400, 40, 8),
        (300, 300, 300, 30),
        (5000, 200, 64, 10),
        (20_000, 100, 10_000, 80),
        (100_000, 20, 30, 8),  # few trades on many candles
        (100_000, 100, 2000, 60),
    ],
)
@pytest.mark.parametrize("chunk", [1 << 16, 7])
@pytest.mark.parametrize("silence", [0, 0.2, 0.95])
def test_the_search_finds_what_a_scan_finds(candles, trades, longest, reach, chunk, silence):
    rng = np.random.default_rng([candles, chunk])
    low, high = walk(rng, candles)
    silent = np.random.default_rng(5).random(candles) < silence
    orders = draw_orders(rng, low, trades, longest, reach)
    expected = scan(low, high, silent, orders)
    assert_same(find_touches(low, high, silent, orders, chunk), expected)
    if candles > 17 and silence < 0.5:
        for positions in (expected.entry, expected.stop, expected.target_1, expected.target_3):
            assert 0 < (positions != NEVER).sum() < trades  # the market makes both happen


@pytest.mark.parametrize("distance", [*range(1, 70), 255, 256, 257, 1000, 4095])
@pytest.mark.parametrize("short", [False, True])
def test_a_touch_at_any_distance(distance, short):
    low, high = np.full(4100, 99.0), np.full(4100, 101.0)
    row = {
        "first": [2], "end": [4100], "short": [short], "entry": [101.0 if not short else 99.0], "final": [0],
        "stop": [50.0 if not short else 150.0],
        **{f"target_{k}": [120.0 if not short else 80.0] for k in (1, 2, 3)},
    }  # fmt: skip
    orders = Orders(**{name: np.array(values) for name, values in row.items()})
    (low if short else high)[2 + distance] = 80.0 if short else 120.0
    touches = find_touches(low, high, nowhere(low), orders)
    assert (touches.entry[0], touches.target_1[0], touches.exit[0]) == (2, 2 + distance, 2 + distance)
    assert (touches.lowest[0], touches.highest[0]) == ((80.0, 101.0) if short else (99.0, 120.0))


def test_a_single_window_at_the_start_of_many_candles():
    low, high = walk(np.random.default_rng(1), 100)
    values = (0, 1, False, low[0] + 1, low[0] - 50, 1e6, 1e6, 1e6, 0)
    orders = Orders(*(np.array([value]) for value in values))
    assert_same(find_touches(low, high, nowhere(low), orders), scan(low, high, nowhere(low), orders))


def test_candles_outside_of_all_windows_do_not_matter():
    rng = np.random.default_rng(3)
    low, high = walk(rng, 3000)
    orders = draw_orders(rng, low, 20, 50, 8)
    silent = rng.random(3000) < 0.1
    expected = find_touches(low, high, silent, orders)
    outside = np.ones(3000, dtype=bool)
    for first, end in zip(orders.first, orders.end, strict=True):
        outside[first:end] = False
    low[outside], high[outside] = 1.0, 1e9
    assert_same(find_touches(low, high, silent & ~outside, orders), expected)
