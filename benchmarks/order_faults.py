"""Orders under random faults and kills: does what we have written end as what the exchange has?

`python -m benchmarks.order_faults 2000 100` submits two thousand orders to the sandbox's exchange while
answers time out, break off, come twice or lie, trades are listed late, and orders are cancelled by hand. A
submitting and a reconciling process run at the same time, each started anew when it has ended. A hundred
times one of them is killed: before a statement, or at a moment, drawn by a seed; and some are stopped and let
go on long after reconciliation may have ended their order. At the end every order and trade is compared with
the exchange's own book.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import httpx
from sqlalchemy import Engine, event, text

from include.database import connect, migrate
from include.exchange.bingx import TRADING, BingX
from include.exchange.reconcile import reconcile
from include.exchange.submission import SubmissionStoppedError, submit_planned
from include.exchange.venue import ExchangeError
from include.http import Breaker
from include.settings import Settings
from local import postgres
from local.ports import free_port
from sandbox.bingx_requests import KEY, SECRET

FOLDER = Path(__file__).parents[1] / ".stack" / "proof-postgres"
SETTINGS = Settings(order_signal_age=timedelta(days=1))
WITHOUT_PAUSES = replace(TRADING, limits=(), breaker=Breaker(threshold=1_000_000))
PRICES = {"BTC-USDT": 60_000, "ETH-USDT": 3_000, "SOL-USDT": 150}
FAULTY = 0.6  # of the runs
STOPPED = 0.05  # of the processes that are not killed
# As far apart as in production, and shorter: what is not sent within the first is never sent, the exchange
# refuses a stamp that is older than five seconds, and only then an order may end as not found.
HAND_OVER_WITHIN, NOT_FOUND_AFTER = timedelta(seconds=2), timedelta(seconds=8)
LONGEST_LIFE = 3.0  # seconds of a process until it is killed, where no statement kills it
LOOK_EVERY = 0.01  # seconds
LARGEST_POINT = 3_000  # statements before a process is killed at most; early ones are as likely as late
PLACING = {"path": "/trade/order"}
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "accepted_then_timeout", "seconds": 0.01},
    {"kind": "duplicate_client_id"},
    {"kind": "partial_then_cancel"},
    {"kind": "late_fill", "seconds": 3600},
    {"kind": "busy", "match": PLACING},
    {"kind": "maintenance"},
    {"kind": "clock_skew", "match": PLACING},
    {"kind": "empty_book"},
    {"kind": "status", "status": 502, "match": PLACING},
    {"kind": "reset", "match": PLACING},
    {"kind": "garbage", "match": PLACING},
    {"kind": "truncated", "match": PLACING},
)
ORDERS = """
INSERT INTO orders (exchange, symbol, side, order_type, price, quantity, client_order_id)
SELECT 'bingx-demo', o.symbol, o.side, 'limit', o.price, o.quantity, o.client_id
FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS o (
  symbol text, side text, price numeric, quantity numeric, client_id text
)
"""
OURS = """
SELECT client_order_id, exchange_order_id, status, filled_quantity FROM orders WHERE exchange = 'bingx-demo'
"""
TRADES = """
SELECT f.trade_id, o.exchange_order_id, f.quantity, f.price
FROM fills AS f
JOIN orders AS o ON o.id = f.order_id
"""
AS_OURS = {"NEW": "open", "PARTIALLY_FILLED": "partially_filled"}

Work = Callable[[Engine], None]
# Let the submitting and the reconciling work go on until a run of one has ended; give how many died.
# `deadly`: some are to die.
Step = Callable[[Sequence[Work], Random, bool], int]


@dataclass
class Proof:
    """What was done and what is wrong at the end; each list and count of the latter must be empty or 0."""

    orders: int
    kills: int = 0
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    trades: int = 0
    handed_over_twice: int = 0
    trades_twice: int = 0
    unknown: int = 0
    differing: list[str] = field(default_factory=list)


def main(orders: int = 2_000, kills: int = 100) -> None:
    """Print the figures; take server and sandbox away afterwards."""
    server, port = postgres.start(FOLDER, durable=False), free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port)]
    sandbox = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=FOLDER.parents[1])
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False) as control:
            wait_until_it_answers(control)
            start = time.perf_counter()
            with side_by_side(server.url()) as step:
                found = prove(engine, control, orders=orders, kills=kills, seed=1, step=step)
        engine.dispose()
    finally:
        sandbox.terminate()
        sandbox.wait()
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)
    print(f"{time.perf_counter() - start:.0f} s")
    for name, value in vars(found).items():
        print(f"{name:>18}  {dict(value) if isinstance(value, Counter) else value}")
    if problems(found):
        raise SystemExit("ours is not the exchange's")


def problems(found: Proof) -> dict[str, Any]:
    """What of the figures must be empty or 0, and is not."""
    wrong = ("handed_over_twice", "trades_twice", "unknown", "differing")
    return {name: getattr(found, name) for name in wrong if getattr(found, name)}


def prove(
    engine: Engine,
    control: httpx.Client,
    *,
    orders: int,
    kills: int,
    seed: int,
    step: Step,
    not_found_after: timedelta = NOT_FOUND_AFTER,
) -> Proof:
    """Submit and reconcile under faults until every order is handed over and so many processes have died."""
    random, found = Random(seed), Proof(orders)
    for symbol, price in PRICES.items():
        control.post("/_exchange/price", json={"symbol": symbol, "price": str(price)}).raise_for_status()
    with engine.begin() as connection:
        connection.execute(text(ORDERS), {"orders": json.dumps(plan(random, orders))})
        connection.execute(
            text(
                "INSERT INTO trading_switch (state, reason, changed_by) VALUES ('trading', 'proof', 'proof')"
            )
        )

    def submit(own: Engine) -> None:
        with opened(own, control) as exchange:
            submit_planned(own, exchange, SETTINGS, hand_over_within=HAND_OVER_WITHIN)

    def compare(own: Engine) -> None:
        with opened(own, control) as exchange:
            reconcile(own, exchange, not_found_after=not_found_after)

    while found.kills < kills or count(engine, "planned"):
        if random.random() < FAULTY:
            fault = random.choice(FAULTS)
            asked = {"service": "bingx", "times": 1, **fault}
            control.post("/_faults", json=asked).raise_for_status()
            found.faults[fault["kind"]] += 1
        move_the_market(random, control)
        found.kills += step((submit, compare), random, found.kills < kills)
        found.runs += 1
    control.delete("/_faults").raise_for_status()
    control.post("/_exchange/reveal").raise_for_status()
    time.sleep(not_found_after.total_seconds())  # until what was handed over last is old enough
    for _ in range(3):  # one mends, two ask for what was left
        let_run(compare, engine)
    judge(engine, control, found)
    return found


def plan(random: Random, orders: int) -> list[dict[str, str]]:
    """Limit orders of some dollars around the price: most rest, some fill at once."""
    planned = []
    for number in range(orders):
        pair, price = random.choice(list(PRICES.items()))
        side = random.choice(("buy", "sell"))
        away = random.choice((-0.1, -0.05, -0.01, 0.01)) * (1 if side == "buy" else -1)
        planned.append(
            {
                "symbol": f"{pair.replace('-', '/')}:USDT",
                "side": side,
                "price": f"{price * (1 + away):.1f}",
                "quantity": f"{20 / price:.3f}" if price < 10_000 else "0.0004",
                "client_id": f"proof-{number}",
            }
        )
    return planned


def move_the_market(random: Random, control: httpx.Client) -> None:
    """Fill, cancel or let expire some open orders, as the market and other hands do."""
    book = control.get("/_exchange/book").raise_for_status().json()["orders"]
    waiting = [one["id"] for one in book if one["status"] in AS_OURS]
    for number in random.sample(waiting, min(4, len(waiting))):
        step = random.choice(("fill", "fill", "end"))
        body = {"order": number}
        if step == "fill":
            body |= {"quantity": random.choice(("0.0001", "100")), "price": str(random.randint(100, 60_000))}
        else:
            body["status"] = random.choice(("CANCELLED", "EXPIRED"))
        control.post(f"/_exchange/{step}", json=body).raise_for_status()


def judge(engine: Engine, control: httpx.Client, found: Proof) -> None:
    """Compare every order and trade with the exchange's book, which no fault touches."""
    book = control.get("/_exchange/book").raise_for_status().json()
    with engine.connect() as connection:
        ours = connection.execute(text(OURS)).all()
        trades = [tuple(row) for row in connection.execute(text(TRADES))]
    found.statuses = Counter(one.status for one in ours)
    found.unknown = sum(found.statuses[one] for one in ("unknown", "submitting", "planned"))
    found.handed_over_twice = sum(one["attempts"] > 1 for one in book["orders"])
    found.trades = len(book["fills"])
    found.trades_twice = len(trades) - len({trade_id for trade_id, *_ in trades})
    theirs = {one["client_id"]: one for one in book["orders"]}
    for one in ours:
        there = theirs.pop(one.client_order_id, None)
        if there is None:
            if one.status != "rejected":
                found.differing.append(f"{one.client_order_id} is {one.status}, and not there")
            continue
        status = AS_OURS.get(there["status"], there["status"].lower())
        if (one.status, one.exchange_order_id, one.filled_quantity) != (
            status,
            there["id"],
            Decimal(there["filled"]),
        ):
            found.differing.append(
                f"{one.client_order_id} is {one.status} {one.filled_quantity}, there {there}"
            )
    found.differing += [f"{one} is there, and not ours" for one in theirs]
    known = {
        (one["id"], one["order"], Decimal(one["quantity"]), Decimal(one["price"])) for one in book["fills"]
    }
    found.differing += [f"trade {one}" for one in known.symmetric_difference(trades)]


def opened(engine: Engine, control: httpx.Client) -> BingX:
    """The sandbox's exchange, asked as often as it takes."""
    address = f"{str(control.base_url).rstrip('/')}/bingx"
    return BingX(engine, key=KEY, secret=SECRET, demo=True, base_url=address, service=WITHOUT_PAUSES)


def count(engine: Engine, status: str) -> int:
    """How many of our orders have a status."""
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM orders WHERE status = :status"), {"status": status}
        )
        return int(found.scalar_one())


def let_run(work: Work, engine: Engine) -> None:
    """Do it, as a run of a DAG does: what the faults cause ends it, and the next one goes on."""
    with suppress(SubmissionStoppedError, ExchangeError):
        work(engine)


@dataclass
class _Process:
    """A run in a process of its own: when it is killed, if no statement kills it, and when it is stopped."""

    pid: int
    kill_at: float
    stop_at: float
    go_on_at: float = 0.0


@contextmanager
def side_by_side(url: str) -> Iterator[Step]:
    """Let a process of each work run at all times; one that has ended or died is started again by a step."""
    import_module("ccxt")  # here, so that the processes begin with it: it takes seconds
    running: dict[int, _Process] = {}  # by the place of its work

    def step(works: Sequence[Work], random: Random, deadly: bool) -> int:
        for place, work in enumerate(works):
            if place not in running:
                running[place] = _start(work, url, random, deadly)
        while True:
            for place, process in list(running.items()):
                ended, status = os.waitpid(process.pid, os.WNOHANG)
                if ended:
                    del running[place]
                    return _died(status)
                _strike(process)
            time.sleep(LOOK_EVERY)

    try:
        yield step
    finally:
        for process in running.values():
            os.kill(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)


def _start(work: Work, url: str, random: Random, deadly: bool) -> _Process:
    """Fork a process that works and ends; if `deadly`, a statement kills half of them, a clock the others."""
    by_statement = deadly and random.random() < 0.5
    point = round(LARGEST_POINT ** random.random()) if by_statement else 0
    life = random.uniform(0, LONGEST_LIFE) if deadly and not by_statement else float("inf")
    pause = random.uniform(0, LONGEST_LIFE) if not deadly and random.random() < STOPPED else float("inf")
    now = time.monotonic()
    pid = os.fork()
    if pid:
        return _Process(pid, now + life, now + pause)
    engine, left = connect(url, application="proof"), point

    @event.listens_for(engine, "before_cursor_execute")
    def kill_at_the_point(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        let_run(work, engine)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _strike(process: _Process) -> None:
    """Kill, stop or let go on a process whose time has come."""
    now = time.monotonic()
    if now >= process.kill_at:
        os.kill(process.pid, signal.SIGKILL)
    elif now >= process.stop_at:
        os.kill(process.pid, signal.SIGSTOP)
        process.stop_at, process.go_on_at = float("inf"), now + 2 * NOT_FOUND_AFTER.total_seconds()
    elif process.go_on_at and now >= process.go_on_at:
        os.kill(process.pid, signal.SIGCONT)
        process.go_on_at = 0.0


def _died(status: int) -> int:
    """1 where a process was killed, 0 where it came to its end. Raises RuntimeError if it failed."""
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("a run failed for another reason than a fault: its traceback stands above")
    return int(os.WIFSIGNALED(status))


def wait_until_it_answers(control: httpx.Client) -> None:
    """Wait for the sandbox. Raises TimeoutError after half a minute."""
    until = time.monotonic() + 30.0
    while time.monotonic() < until:
        try:
            control.get("/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the sandbox did not answer within 30 seconds")


if __name__ == "__main__":
    main()
