"""Collecting a day of minutes of many symbols from the sandbox over HTTP, beside a bare loop of httpx.

Each answer of the sandbox, a process of its own, is held back for a while. Beside each time stand the ideal,
which is what so many requests in flight, or so high a limit, allow with no work between the requests, and the
time of a loop of httpx in as many threads that makes the same requests and throws the answers away. The CPU
is told by process, since the sandbox and the server share the cores with what is measured. On a PostgreSQL of
its own in `.stack/bench-postgres`, with fsync on, as in production.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from types import MappingProxyType

import httpx
import pandas as pd
import psutil
from sqlalchemy import Engine, text

from include.candles import Fetched, Offer, Source
from include.candles.collect import collect_candles
from include.candles.sources.sandbox import Sandbox
from include.database import connect, migrate
from include.http import Limit
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint, Settings
from local import postgres
from sandbox.coins import COINS

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
START = datetime(2026, 1, 5, tzinfo=UTC)
SYMBOLS = 200
LATENCY = 0.1  # seconds
LIMIT = Limit(10, 1)
LIMITED_SYMBOLS = 100
SLOW_LATENCY = 2.0
SLOW_SYMBOLS = 8
ROUNDS = 3


@dataclass
class Took:
    """What a collection took."""

    seconds: float
    cpu: float  # seconds of this process
    others: dict[str, float]  # seconds of the others: sandbox, server
    stored: dict[str, float]  # symbol -> after how many seconds its candles were there


class Named(Sandbox):
    """The sandbox under the name of a real source, beside which another may stand; it knows some symbols."""

    def __init__(self, client: Client, name: str, symbols: Sequence[str], latency: float = 0.0):
        """Take what it is called, what it knows, and by how much its answers come later."""
        super().__init__(client)
        self.name = name
        self._symbols = symbols
        self._latency = latency

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer candles of the symbols that it knows."""
        return super().offers(symbol, now) if symbol in self._symbols else ()

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Ask the sandbox, late."""
        time.sleep(self._latency)
        return super().fetch(symbol, resolution, start, end)


def main() -> None:
    """Print the table; take the servers away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        with ExitStack() as stack:
            engine = connect(server.url(), application="bench")
            stack.callback(engine.dispose)
            url, sandbox = stack.enter_context(serve_sandbox())
            others = {"sandbox": psutil.Process(sandbox), "server": psutil.Process(server.pid)}
            late = {"service": "market", "kind": "latency", "seconds": LATENCY}
            httpx.post(f"{url}/_faults", json=late).raise_for_status()
            compare(engine, url, others)
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def compare(engine: Engine, url: str, others: dict[str, psutil.Process]) -> None:
    """Collect in each way; print each time beside its ideal."""
    usual = Settings().candle_fetches_at_once
    symbols = name_symbols(SYMBOLS)
    print(f"{SYMBOLS} symbols x 1 day of minutes, {LATENCY * 1000:.0f} ms an answer; best of {ROUNDS}")
    heads = ("ideal s", "httpx s", "took s", "x ideal", "x httpx", "CPU ms each", *others)
    print(f"{'':<44}" + "".join(f"{head:>{max(9, len(head) + 2)}}" for head in heads))
    for at_once in sorted({1, 4, usual}):
        bare, best = float("inf"), Took(float("inf"), 0, {}, {})
        for _ in range(ROUNDS if at_once == usual else 1):
            bare = min(bare, ask_bare(url, symbols, at_once))
            with open_client(engine, url) as client:
                took = collect(engine, symbols, [Sandbox(client)], at_once, others)
            best = min(best, took, key=lambda one: one.seconds)
        ideal = ceil(SYMBOLS / at_once) * LATENCY
        ratios = f"{best.seconds / ideal:>9.2f}{best.seconds / bare:>9.2f}{best.cpu / SYMBOLS * 1e3:>13.1f}"
        ratios += "".join(f"{seconds / SYMBOLS * 1e3:>9.1f}" for seconds in best.others.values())
        words = f"no limit, {at_once} in flight"
        print(f"{words:<44}{ideal:>9.2f}{bare:>9.2f}{best.seconds:>9.2f}{ratios}", flush=True)
    compare_limited(engine, url, symbols[:LIMITED_SYMBOLS], usual)
    compare_slow(engine, url, symbols[:LIMITED_SYMBOLS], usual)


def compare_limited(engine: Engine, url: str, symbols: Sequence[str], usual: int) -> None:
    """Collect within a limit; say how much of it was used, and whether the sandbox saw more at any time."""
    httpx.delete(f"{url}/_requests").raise_for_status()
    with open_client(engine, url, LIMIT) as client:
        took = collect(engine, symbols, [Sandbox(client)], usual)
    ideal = (len(symbols) - LIMIT.calls) / LIMIT.calls * LIMIT.seconds + LATENCY
    requests = httpx.get(f"{url}/_requests/market").raise_for_status().json()["requests"]
    at = sorted(datetime.fromisoformat(request["at"]).timestamp() for request in requests)
    most = max(sum(first <= other < first + LIMIT.seconds for other in at) for first in at)
    words = f"{len(symbols)} symbols, {LIMIT.calls} a second, {usual} in flight"
    print(f"{words:<44}{ideal:>9.2f}{'':>9}{took.seconds:>9.2f}{took.seconds / ideal:>9.2f}")
    print(
        f"  {ideal / took.seconds:.0%} of the limit was used; at most {most} requests arrived within a second"
    )


def compare_slow(engine: Engine, url: str, symbols: Sequence[str], usual: int) -> None:
    """Collect from a slow and a quick source; say when the last candles of the quick one were stored."""
    slow, quick = symbols[:SLOW_SYMBOLS], symbols[SLOW_SYMBOLS:]
    with open_client(engine, url) as client:
        alone = collect(engine, quick, [Named(client, "ccxt:coinbase", quick)], usual)
        sources = [Named(client, "kraken", slow, SLOW_LATENCY), Named(client, "ccxt:coinbase", quick)]
        took = collect(engine, [*slow, *quick], sources, usual)
    ideal = (1 + ceil((len(slow) - 1) / usual)) * (SLOW_LATENCY + LATENCY)
    words = f"{len(slow)} symbols of a slow source, {len(quick)} of a quick one"
    print(f"{words:<44}{ideal:>9.2f}{'':>9}{took.seconds:>9.2f}{took.seconds / ideal:>9.2f}")
    last = max(took.stored[symbol] for symbol in quick)
    unhindered = max(alone.stored.values())
    print(f"  the quick one was done after {last:.2f} s, without the slow one {unhindered:.2f} s")


def ask_bare(url: str, symbols: Sequence[str], at_once: int) -> float:
    """Make the same requests with httpx alone; give the seconds that it took."""
    span = {"start": START.isoformat(), "end": (START + timedelta(days=1)).isoformat()}
    with httpx.Client() as client, ThreadPoolExecutor(at_once) as threads:
        begun = time.perf_counter()
        for answer in threads.map(
            lambda symbol: client.get(
                f"{url}/market/candles", params={"symbol": symbol, "resolution": "1m", **span}
            ),
            symbols,
        ):
            answer.raise_for_status()
        return time.perf_counter() - begun


def collect(
    engine: Engine,
    symbols: Sequence[str],
    sources: Sequence[Source],
    at_once: int,
    others: Mapping[str, psutil.Process] = MappingProxyType({}),
) -> Took:
    """Collect a day into the empty store."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE market_candles, candle_fetches, http_calls"))
        started = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    windows = pd.DataFrame(
        {"symbol": symbols, "start": pd.Timestamp(START), "end": pd.Timestamp(START + timedelta(days=1))}
    ).astype({"start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
    begun, cpu = time.perf_counter(), time.process_time()
    before = {name: cpu_of(process) for name, process in others.items()}
    collection = collect_candles(engine, windows, sources, at_once=at_once)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    spent = {name: cpu_of(process) - before[name] for name, process in others.items()}
    if (collection.written, collection.missing) != (1440 * len(symbols), {}):
        raise RuntimeError(f"not all was collected: {collection}")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT symbol, max(fetched_at) FROM market_candles GROUP BY symbol"))
        stored = {symbol: (at - started).total_seconds() for symbol, at in rows}
    return Took(seconds, cpu, spent, stored)


def cpu_of(process: psutil.Process) -> float:
    """Seconds of CPU of a process and of those that it has started, ended or not."""
    total = sum(process.cpu_times()[:4])  # with its ended children's
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return total


def name_symbols(count: int) -> list[str]:
    """Name symbols: the sandbox knows few coins, in many spellings, each a symbol of its own to the store."""
    coins = [spelled for coin in COINS for spelled in (coin, coin.lower())]
    quotes = ("", "USD", "USDT", "/USD", "/USDT", "-USD", "-USDT", "/usd", "/usdt", "-usd", "-usdt")
    names = [f"{coin}{quote}" for quote in quotes for coin in coins]
    if len(names) < count:
        raise ValueError(f"{len(names)} names of symbols are known, not {count}")
    return sorted(names[:count])


@contextmanager
def open_client(engine: Engine, url: str, *limits: Limit) -> Iterator[Client]:
    """A client of the sandbox with these limits instead of its own."""
    service = replace(find_service("sandbox"), limits=limits)
    with Client(service, Endpoint(f"{url}/market"), engine) as client:
        yield client


@contextmanager
def serve_sandbox() -> Iterator[tuple[str, int]]:
    """Run the sandbox in a process of its own; give its address and the number of the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sandbox", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/health").raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
