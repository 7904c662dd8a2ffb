"""How fast trades are settled: the engine, a plain version trade by trade, and vectorbt; on one core.

`python -m benchmarks.backtest` prints the tables, and which goals are met. The market is a seeded random walk
made here. What counts is processor time, the best of many short runs: the machine may have other work.
"""

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# The engine is imported where it is used: this file also runs in vectorbt's environment, which lacks it.

ROOT = Path(__file__).parents[1]
VECTORBT = "vectorbt==1.2.0"
VECTORBT_HOME = ROOT / ".stack" / "bench-vectorbt"

SYMBOLS, DAYS, TRADES = 10, 45, 100_000
WINDOWS = (1, 7, 30)  # days
PLAIN_TRADES = 2_000  # the plain version settles this many; the engine's answers to them are compared
VECTORBT_TRADES = {1: 2_000, 7: 300, 30: 80}  # it needs a matrix of candles x trades
MINUTES = 24 * 60
RUNS = 15
VOLATILITY = 0.0006  # of one minute

SEARCH = "engine, search only"
SEARCH_SORTED = "engine, search only, trades in order of time"
WHOLE = "engine, whole call (frames in, frame out)"
GOALS = {SEARCH: 4_000_000, WHOLE: 2_000_000}  # trades a second, for windows of any length
PLAIN = f"plain NumPy, trade by trade, search only ({PLAIN_TRADES:,} trades)"
PEER = f"{VECTORBT} (simpler: enters at once, one target)"

Arrays = dict[str, np.ndarray]
Rates = dict[str, list[float]]  # trades a second, one for each of WINDOWS


def main() -> None:
    """Measure and print."""
    market = make_market()
    rates: Rates = {}
    for days in WINDOWS:
        trades = make_trades(market, days)
        plain = measure_plain(market, trades)
        for name, rate in {**measure_engine(market, trades), PLAIN: plain}.items():
            rates.setdefault(name, []).append(rate)
    note = ""
    try:
        rates[PEER] = measure_vectorbt(market)
    except (OSError, subprocess.SubprocessError) as error:
        note = f"\n{VECTORBT} could not be installed or run: {describe(error)}\n"

    print(
        f"\n{TRADES:,} trades on {SYMBOLS} symbols x {DAYS} days of one-minute candles, one core, "
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}."
    )
    print("Trades settled a second, and how many times the plain version, by the length of their windows:\n")
    print_rates(rates)
    print(note)
    print_goals(rates)
    print_memory(market)
    print_import_times()


def describe(error: Exception) -> str:
    """The last line of what went wrong."""
    text = getattr(error, "stderr", None) or str(error)
    return text.strip().splitlines()[-1]


def print_rates(rates: Rates) -> None:
    """One row a contestant, one column a window."""
    width = max(map(len, [*rates, PEER]))
    print(" " * width, *(f"{f'{days}-day windows':>22}" for days in WINDOWS))
    for name in [*rates, *({PEER} - rates.keys())]:
        cells = ["not available"] * len(WINDOWS)
        if name in rates:
            pairs = zip(rates[name], rates[PLAIN], strict=True)
            cells = [f"{rate:,.0f} {f'x{rate / plain:,.2f}':>10}" for rate, plain in pairs]
        print(f"{name:{width}}", *(f"{cell:>22}" for cell in cells))


def print_goals(rates: Rates) -> None:
    """What the engine should reach, what its slowest window reached, and whether that is enough."""
    for name, goal in GOALS.items():
        slowest = min(rates[name])
        verdict = "met" if slowest >= goal else f"not met: {slowest / goal:.0%} of it"
        print(f"Goal, {name}: {goal:,} trades a second; slowest {slowest:,.0f}; {verdict}.")


def print_memory(market: Arrays) -> None:
    """What a whole call takes at its peak beyond its arguments, its answer included."""
    from include.trades.backtest import evaluate

    for days in WINDOWS:
        trades, candles = make_frames(market, make_trades(market, days))
        tracemalloc.start()
        evaluate(trades, candles)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"Peak memory of a whole call, {days}-day windows: {peak / 1e6:,.0f} MB beyond its arguments.")
    print()


def make_market() -> Arrays:
    """All candles, symbol after symbol."""
    rng = np.random.default_rng(20260101)
    shape = (SYMBOLS, DAYS * MINUTES)
    close = 100 * np.exp(np.cumsum(rng.normal(0, VOLATILITY, shape), axis=1))
    opens = np.column_stack([np.full(SYMBOLS, 100.0), close[:, :-1]])
    high = np.maximum(opens, close) * (1 + np.abs(rng.normal(0, VOLATILITY / 2, shape)))
    low = np.minimum(opens, close) * (1 - np.abs(rng.normal(0, VOLATILITY / 2, shape)))
    return {"open": opens.ravel(), "high": high.ravel(), "low": low.ravel(), "close": close.ravel()}


def make_trades(market: Arrays, days: int) -> Arrays:
    """Trades in random order; stop and targets lie at multiples of the volatility of the window."""
    rng = np.random.default_rng(days)
    window = days * MINUTES
    first = rng.integers(0, SYMBOLS, TRADES) * DAYS * MINUTES + rng.integers(
        0, DAYS * MINUTES - window, TRADES
    )
    short = rng.random(TRADES) < 0.5
    sign = np.where(short, -1.0, 1.0)
    spread = VOLATILITY * np.sqrt(window)
    entry = market["open"][first] * (1 - sign * rng.uniform(0, 0.3, TRADES) * spread)
    steps = np.cumsum(rng.uniform(0.2, 0.6, (3, TRADES)), axis=0)
    return {
        "first": first,
        "end": first + window,
        "short": short,
        "entry": entry,
        "stop": entry * (1 - sign * rng.uniform(0.5, 1.5, TRADES) * spread),
        **{f"target_{k}": entry * (1 + sign * step * spread) for k, step in enumerate(steps, 1)},
        "final": np.full(TRADES, 2),
    }


def best_of(runs: int, work: Callable[[], Any]) -> float:
    """Processor seconds of the fastest run: the others measure what else the machine did."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def make_frames(market: Arrays, trades: Arrays) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Trades and candles as `evaluate` takes them."""
    import pandas as pd

    names = np.array([f"COIN{number}/USD" for number in range(SYMBOLS)])
    minutes = pd.date_range("2025-01-01", periods=DAYS * MINUTES, freq="1min", tz="UTC")
    candles = pd.DataFrame(
        {
            "symbol": np.repeat(names, len(minutes)),
            "timestamp": minutes.append([minutes] * (SYMBOLS - 1)),
            **market,
            "volume": 1.0,
        }
    )
    symbol, minute = np.divmod(trades["first"], len(minutes))
    generated = pd.Series(minutes[minute])
    frame = pd.DataFrame(
        {
            "id": np.arange(TRADES),
            "symbol": names[symbol],
            "direction": np.where(trades["short"], "SHORT", "LONG"),
            "entry_price": trades["entry"],
            "stop_loss": trades["stop"],
            **{f"take_profit_{k}": trades[f"target_{k}"] for k in (1, 2, 3)},
            "allocation_1": 40.0,
            "allocation_2": 30.0,
            "allocation_3": 30.0,
            "generated_at": generated,
            "expires_at": generated + pd.to_timedelta(trades["end"] - trades["first"], unit="min"),
        }
    )
    return frame, candles


def measure_engine(market: Arrays, trades: Arrays) -> dict[str, float]:
    """Trades a second of the search, index included, and of the whole call from frames to frame."""
    from include.trades.backtest import evaluate
    from include.trades.first_touch import Orders, find_touches

    orders = Orders(**trades)
    in_order = orders.pick(np.argsort(orders.first))
    frame, candles = make_frames(market, trades)
    columns = market["low"], market["high"], np.zeros(len(market["low"]), dtype=bool)
    check_against_plain(find_touches(*columns, orders), market, trades)
    work = {
        SEARCH: lambda: find_touches(*columns, orders),
        SEARCH_SORTED: lambda: find_touches(*columns, in_order),
        WHOLE: lambda: evaluate(frame, candles),
    }
    return {name: TRADES / best_of(RUNS, run) for name, run in work.items()}


def settle_plainly(market: Arrays, trades: Arrays, row: int) -> tuple[int, int, int, int, int]:
    """Entry, exit and targets of one trade by slices: what one writes first. -1 for none."""
    first, end = trades["first"][row], trades["end"][row]
    low, high = market["low"][first:end], market["high"][first:end]
    entry, stop = trades["entry"][row], trades["stop"][row]
    targets = [trades[f"target_{k}"][row] for k in (1, 2, 3)]
    if trades["short"][row]:
        low, high, entry, stop, targets = -high, -low, -entry, -stop, [-price for price in targets]
    touched = low <= entry
    filled = int(touched.argmax())
    if not touched[filled]:
        return -1, -1, -1, -1, -1
    stops = low[filled:] <= stop
    stopped = filled + int(stops.argmax()) if stops.any() else len(low)
    hits = []
    for price in targets:
        reached = high[filled + 1 : stopped] >= price
        hits.append(filled + 1 + int(reached.argmax()) if reached.any() else -1)
    last = hits[2] if hits[2] >= 0 else min(stopped, len(low) - 1)
    seen = slice(filled, last + 1)
    low[seen].min(), high[seen].max()  # the excursions
    entered, left, *hit = (int(first) + candle if candle >= 0 else -1 for candle in (filled, last, *hits))
    return entered, left, hit[0], hit[1], hit[2]


def check_against_plain(touches: Any, market: Arrays, trades: Arrays) -> None:
    """Stop the benchmark if the two do not agree on what they measure."""
    for row in range(PLAIN_TRADES):
        found = touches.entry, touches.exit, touches.target_1, touches.target_2, touches.target_3
        engine = tuple(int(positions[row]) for positions in found)
        plain = settle_plainly(market, trades, row)
        if engine != plain:
            raise AssertionError(f"trade {row}: engine {engine}, plain {plain}")


def measure_plain(market: Arrays, trades: Arrays) -> float:
    """Trades a second, on a sample."""
    seconds = best_of(2, lambda: [settle_plainly(market, trades, row) for row in range(PLAIN_TRADES)])
    return PLAIN_TRADES / seconds


def measure_vectorbt(market: Arrays) -> list[float]:
    """Trades a second in an environment of its own, which is made if it is not there yet."""
    python = VECTORBT_HOME / "bin" / "python"
    if not (VECTORBT_HOME / "installed").exists():
        print(f"installing {VECTORBT} into {VECTORBT_HOME.relative_to(ROOT)}, once", file=sys.stderr)
        run = {"check": True, "capture_output": True, "text": True, "timeout": 900}
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VECTORBT_HOME)], **run)
        subprocess.run([python, "-m", "pip", "install", "--quiet", VECTORBT], **run)
        (VECTORBT_HOME / "installed").touch()
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for days in WINDOWS:
            data = Path(folder) / f"{days}.npz"
            count = VECTORBT_TRADES[days]
            np.savez(
                data, **market, **{name: values[:count] for name, values in make_trades(market, days).items()}
            )
            answer = subprocess.run(
                [python, __file__, "vectorbt", str(data)],
                check=True,
                capture_output=True,
                text=True,
                timeout=900,
            )
            rates.append(json.loads(answer.stdout.splitlines()[-1]))
    return rates


def run_vectorbt(data: Path) -> float:
    """Inside vectorbt's environment: trades a second, without compiling and without preparing the matrices.

    A simpler task than the engine's: all trades enter on their first candle and have one target.
    """
    import vectorbt

    arrays = np.load(data)
    candles = arrays["first"] + np.arange(arrays["end"][0] - arrays["first"][0])[:, None]
    prices = {name: arrays[name][candles] for name in ("open", "high", "low", "close")}
    entries, exits = np.zeros((2, *candles.shape), dtype=bool)
    entries[0] = exits[-1] = True

    def simulate() -> None:
        portfolio = vectorbt.Portfolio.from_signals(
            **prices,
            entries=entries,
            exits=exits,
            price=prices["open"],
            size=1000.0,
            size_type="value",
            sl_stop=np.abs(arrays["stop"] / arrays["entry"] - 1),
            tp_stop=np.abs(arrays["target_1"] / arrays["entry"] - 1),
            direction=np.where(arrays["short"], 1, 0),  # numbers of vectorbt's Direction
            fees=0.001,
            slippage=0.001,
            freq="1min",
        )
        portfolio.total_profit()

    simulate()  # compiles
    return candles.shape[1] / best_of(3, simulate)


def print_import_times() -> None:
    """Seconds in fresh processes, the median of five."""
    code = (
        "import time; start = time.perf_counter(); import pandas; middle = time.perf_counter(); {}; "
        "print(middle - start, time.perf_counter() - start)"
    )
    print("Import in a fresh process, median of 5, seconds:\n")
    for name, statement in (
        ("pandas", "pass"),
        ("pandas, then include.trades.backtest", "import include.trades.backtest"),
    ):
        runs = [
            subprocess.run(
                [sys.executable, "-c", code.format(statement)],
                check=True,
                capture_output=True,
                text=True,
                cwd=ROOT,
            ).stdout.split()
            for _ in range(5)
        ]
        pandas_only, total = (statistics.median(float(run[column]) for run in runs) for column in (0, 1))
        print(f"{name:40} {total:6.2f}, of which beyond pandas {total - pandas_only:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["vectorbt"]:
        print(json.dumps(run_vectorbt(Path(sys.argv[2]))))
    else:
        main()
