"""One sound request to each service of the sandbox."""

from typing import Any

import httpx

from tests.sandbox.server import Sandbox

SYMBOLS = "/market/symbols"
WEBHOOK = "/slack/services/T0/B0/secret"
CANDLES = "/market/candles?symbol=BTC&start=2025-01-01T00:00:00Z&end=2025-01-01T01:00:00Z"
KEYS = {"authorization": "Bearer k", "x-cmc_pro_api_key": "k"}
# One request of each service.
ASK = {
    "market": ("GET", CANDLES),
    "kraken": ("GET", "/kraken/0/public/OHLC?pair=XBTUSD"),
    "binance": ("GET", "/binance/api/v3/klines?symbol=BTCUSDT&interval=1m"),
    "coingecko": ("GET", "/coingecko/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days=1"),
    "coinmarketcap": ("GET", "/coinmarketcap/v2/cryptocurrency/ohlcv/historical?id=1"),
    "fng": ("GET", "/fng/?limit=10"),
    "lunarcrush": ("GET", "/lunarcrush/public/coins/btc/time-series/v2?interval=1d"),
    "llm": ("POST", "/llm/v1/chat/completions"),
    "slack": ("POST", WEBHOOK),
    "pagerduty": ("POST", "/pagerduty/v2/enqueue"),
    "webhook": ("POST", "/webhook/ops"),
}
BODIES = {
    "llm": {"model": "sandbox-analyst", "messages": [{"role": "user", "content": '{"symbol": "BTC"}'}]},
    "slack": {"text": "hello"},
    "pagerduty": {
        "routing_key": "k",
        "event_action": "trigger",
        "payload": {"summary": "s", "source": "s", "severity": "info"},
    },
    "webhook": {"any": "thing"},
}


def ask(sandbox: Sandbox, service: str, **options: Any) -> httpx.Response:
    """Ask a service for something that it should answer."""
    method, path = ASK[service]
    return sandbox.http.request(method, path, json=BODIES.get(service), headers=KEYS, **options)
