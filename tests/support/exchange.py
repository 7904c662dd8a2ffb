"""The sandbox's exchange for tests, asked by ccxt's own code."""

from functools import lru_cache
from typing import Any

from sandbox.bingx_requests import KEY, SECRET
from tests.support.sandbox import Sandbox

SYMBOL = "BTC/USDT:USDT"


@lru_cache(maxsize=1)
def _markets(url: str) -> Any:
    exchange = _open(url)
    exchange.load_markets()
    return exchange


def _open(url: str) -> Any:
    import ccxt  # takes seconds

    options = {"defaultType": "swap", "sandboxMode": True}
    exchange = ccxt.bingx({"apiKey": KEY, "secret": SECRET, "options": options, "timeout": 5_000})
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], f"{url}/bingx/openApi")
    exchange.enableRateLimit = False
    return exchange


def open_exchange(sandbox: Sandbox, *, price: int = 60_000) -> Any:
    """ccxt's BingX, sent to the sandbox, where a bitcoin costs `price`; the markets are loaded."""
    sandbox.exchange("price", symbol="BTC-USDT", price=price)
    exchange = _open(sandbox.url)
    exchange.set_markets_from_exchange(_markets(sandbox.url))
    return exchange
