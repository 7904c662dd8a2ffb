"""For the tests of the exchange: BingX as the sandbox imitates it, asked by ccxt's own code."""

from collections.abc import Iterator

import pytest

from include.exchange.bingx import BingX
from sandbox.bingx_requests import KEY, SECRET


@pytest.fixture
def venue(sandbox, database) -> Iterator[BingX]:
    """The demo account; one bitcoin is at 60,000."""
    sandbox.exchange("price", symbol="BTC-USDT", price=60_000)
    with BingX(database, key=KEY, secret=SECRET, demo=True, base_url=f"{sandbox.url}/bingx") as opened:
        yield opened
