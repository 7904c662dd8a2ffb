"""Reconciling: how long 10,000 open orders and 100,000 trades take, beside the exchange's own answers.

`python -m benchmarks.reconciliation 10000 100000`. The sandbox's exchange runs in this process and is filled
directly; it is asked over real HTTP. Two runs: the first stores everything, the second finds that all agrees.
The statements of each are counted, and its seconds are split into those of the exchange and our own.
"""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from include.database import connect, migrate
from include.exchange.bingx import TRADING, BingX
from include.exchange.reconcile import reconcile
from local import postgres
from sandbox.app import create_server
from sandbox.bingx_requests import KEY, SECRET, now_ms
from sandbox.trading import Account

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
PAIRS = {"BTC-USDT": Decimal(60_000), "ETH-USDT": Decimal(3_000), "SOL-USDT": Decimal(150)}
ORDERS = r"""
INSERT INTO orders (
  exchange, symbol, side, order_type, price, quantity, client_order_id, status, submitted_at, created_at,
  updated_at
)
SELECT
  'bingx-demo', replace(o.pair, '-', '/') || '\:USDT', 'buy', 'limit', o.price, 1000, o.client_id,
  'submitting', now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour'
FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS o (pair text, price numeric, client_id text)
"""


def main(orders: int = 10_000, trades: int = 100_000) -> None:
    """Print the table; take the servers away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=5))
        with serve(orders, trades) as (url, planned):
            with engine.begin() as connection:
                connection.execute(text(ORDERS), {"orders": planned})
                connection.execute(text("ANALYZE orders"))
            print(f"{orders:,} open orders, {trades:,} trades\n")
            print(f"{'':>24}{'seconds':>9}{'of them the exchange':>22}{'statements':>12}{'differences':>13}")
            for name in ("all is new", "all agrees"):
                measure(engine, url, name)
        with engine.connect() as connection:
            stored = connection.execute(text("SELECT count(*) FROM fills")).scalar_one()
        if stored != trades:
            raise SystemExit(f"{stored} trades are stored of {trades}")
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def measure(engine: Engine, url: str, name: str) -> None:
    """Reconcile once and print a line."""
    statements, asked = 0, 0.0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    with BingX(
        engine, key=KEY, secret=SECRET, demo=True, base_url=url, service=replace(TRADING, limits=())
    ) as exchange:
        _ = exchange.markets
        carry = exchange._exchange.fetch  # ccxt's own way out: what passes it is the exchange's time

        def timed(*arguments: Any, **named: Any) -> Any:
            nonlocal asked
            begun = time.perf_counter()
            try:
                return carry(*arguments, **named)
            finally:
                asked += time.perf_counter() - begun

        exchange._exchange.fetch = timed
        event.listen(engine, "before_cursor_execute", count)
        begun = time.perf_counter()
        found = reconcile(engine, exchange)
        took = time.perf_counter() - begun
        event.remove(engine, "before_cursor_execute", count)
    print(f"{name:>24}{took:>9.1f}{asked:>22.1f}{statements:>12}{found.differences:>13}  {found.outcome}")


@contextmanager
def serve(orders: int, trades: int) -> Iterator[tuple[str, str]]:
    """Run the sandbox with a full book; give its address, and our orders as JSON."""
    server = create_server("127.0.0.1", 0)
    state = server.config.app.state.sandbox  # type: ignore[union-attr]
    state.account = account = Account(cash=Decimal(10**15))
    account.pinned = dict(PAIRS)
    began = now_ms() - 3_600_000
    planned = []
    pairs = list(PAIRS)
    for number in range(orders):
        pair = pairs[number % len(pairs)]
        ours = {"pair": pair, "price": str(PAIRS[pair] / 2), "client_id": f"bench-{number}"}
        planned.append(ours)
        asked = {"client_id": ours["client_id"], "symbol": pair, "side": "BUY", "position_side": "BOTH"}
        levels = {"price": PAIRS[pair] / 2, "quantity": Decimal(1000), "stop_price": Decimal(0)}
        account.place(
            {**asked, **levels, "type": "LIMIT", "reduce_only": False}, began + number, PAIRS.__getitem__
        )
    resting = list(account.open_orders.values())
    for number in range(trades):
        order = resting[number % orders]
        account.fill(order, Decimal(1), order.price, began + orders + number * 10)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/bingx", json.dumps(planned)
    server.should_exit = True
    thread.join(20.0)


if __name__ == "__main__":
    main()
