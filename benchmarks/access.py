"""Token access: how long the balances of 100,000 wallets take in calls of 100, and judging their holders.

`make bench access`, or `python -m benchmarks access 100000`. The sandbox's node runs in this process and is
asked over real HTTP, without the limit of the public node. Beside it stands a plain loop that asks for one
wallet at a time. Seconds are split into those of the node and our own, and the statements are counted.
"""

import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from include.access.balances import read_balances
from include.access.verification import check_balances, judge_access
from include.database import connect, migrate
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint, Settings
from local import postgres
from local.demo_access import MINT, make_wallet
from sandbox.app import create_server

FOLDER = Path(__file__).parents[1] / ".stack" / "bench-postgres"
LOOP = 1_000  # wallets that the plain loop asks for
INSERT = """
INSERT INTO token_holders (user_id, wallet, added_at)
SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), wallet, now() - interval '1 day'
FROM unnest(CAST(:wallets AS text[])) WITH ORDINALITY AS known (wallet, n)
"""
REQUIRE = """
INSERT INTO token_requirements (valid_from, requirement, average_price, outcome, reason)
VALUES (now() - interval '1 hour', 2000, 0.01, 'first', 'a benchmark')
"""


class Timed(Client):
    """A client that adds up what its calls take, from the request to the end of the answer."""

    seconds = 0.0

    def post_json(self, *arguments: Any, **named: Any) -> Any:
        """As the client does it."""
        answer = super().post_json(*arguments, **named)
        self.seconds += (self.milliseconds or 0.0) / 1000
        return answer


def main(wallets: int = 100_000) -> None:
    """Print the table; take the servers away afterwards."""
    server = postgres.start(FOLDER, durable=True)
    try:
        migrate(server.url())
        engine = connect(server.url(), application="bench", statement_timeout=timedelta(minutes=5))
        names = [make_wallet(number) for number in range(wallets)]
        with engine.begin() as connection:
            connection.execute(text(INSERT), {"wallets": names})
            connection.execute(text(REQUIRE))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE token_holders"))
        service = replace(find_service("solana"), limits=())
        with serve() as url, Timed(service, Endpoint(url), engine) as client:
            print(f"{wallets:,} wallets\n")
            print(f"{'':>34}{'seconds':>9}{'the node':>10}{'statements':>12}{'wallets a second':>18}")
            for name in ("balances, all are new", "balances, nothing changed"):
                measure(engine, client, name, wallets, lambda at: check(engine, client, at))
            for name in ("judging, all are new", "judging, nothing changed"):
                measure(engine, client, name, 0, lambda at: judge(engine, at, wallets))
            measure(
                engine, client, f"a plain loop over {LOOP:,}", LOOP, lambda at: loop(client, names[:LOOP])
            )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"\npeak memory of this process, with the sandbox in it: {peak:.0f} MiB")
        engine.dispose()
    finally:
        postgres.stop(FOLDER)
        shutil.rmtree(FOLDER)


def measure(engine: Engine, client: Timed, name: str, wallets: int, work: Any) -> None:
    """Do it once, as of now, and print a line."""
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    with engine.connect() as connection:
        at = connection.execute(text("SELECT now()")).scalar_one()
    event.listen(engine, "before_cursor_execute", count)
    client.seconds, began = 0.0, time.perf_counter()
    work(at)
    took = time.perf_counter() - began
    event.remove(engine, "before_cursor_execute", count)
    pace = f"{wallets / took:,.0f}" if wallets else ""
    print(f"{name:>34}{took:>9.2f}{client.seconds:>10.2f}{statements:>12,}{pace:>18}", flush=True)


def check(engine: Engine, client: Timed, at: datetime) -> None:
    """Read all balances."""
    checked = check_balances(engine, client, Settings.model_construct(access_mint=MINT), at, run_id=str(at))
    if checked is None or checked.unreadable:
        raise SystemExit(f"the check came to {checked}")


def judge(engine: Engine, at: datetime, holders: int) -> None:
    """Judge all holders."""
    states = judge_access(engine, Settings.model_construct(access_mint=MINT), at)
    if sum(states.values()) != holders or states["unknown"]:
        raise SystemExit(f"the judgement came to {states}")


def loop(client: Timed, wallets: list[str]) -> None:
    """Ask for one wallet at a time, and keep nothing."""
    for wallet in wallets:
        read_balances(client, [wallet], mint=MINT, decimals=9, since_slot=0)


@contextmanager
def serve() -> Iterator[str]:
    """The sandbox's node on a free port."""
    server = create_server("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/solana"
    server.should_exit = True
    thread.join(20.0)


if __name__ == "__main__":
    main()
