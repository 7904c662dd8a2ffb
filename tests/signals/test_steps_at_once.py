"""Two steps of a run over the same attempts at the same time: neither waits for the other for good."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.signals.generation import Generation, request

SYMBOLS = ("ETH", "BTC") * 5


def test_candles_and_snapshot_may_be_fetched_at_the_same_time(database, sandbox):
    generation = Generation.on(database, sandbox)
    generation.open(*(request(uuid.UUID(int=user), symbol) for user, symbol in enumerate(SYMBOLS)))
    with ThreadPoolExecutor() as pool:
        for finished in [pool.submit(generation.step, name) for name in ("collect", "snapshot") * 4]:
            assert len(finished.result()) == len(SYMBOLS)
    for name in ("compute", "propose", "store"):
        generation.step(name)
    assert generation.rows("SELECT count(*) FROM trade_signals")[0][0] == len(SYMBOLS)
