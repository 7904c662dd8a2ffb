"""One sound request to each service of the sandbox."""

from typing import Any

import httpx

from tests.support.sandbox import Sandbox

SYMBOLS = "/market/symbols"
WEBHOOK = "/slack/services/T0/B0/secret"
CANDLES = "/market/candles?symbol=BTC&start=2025-01-01T00:00:00Z&end=2025-01-01T01:00:00Z"
MINT = "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"
KEYS = {
    "x-api-key": "k",
    "authorization": "Bearer k",
    "x-cmc_pro_api_key": "k",
    "user-agent": "tests tests@example.com",
}
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
    "llm_second": ("POST", "/llm_second/v1/chat/completions"),
    "slack": ("POST", WEBHOOK),
    "pagerduty": ("POST", "/pagerduty/v2/enqueue"),
    "webhook": ("POST", "/webhook/ops"),
    "sec": ("GET", "/sec/submissions/CIK0000019617.json"),
    "fred": ("GET", f"/fred/fred/series/observations?series_id=GDP&file_type=json&api_key={'k' * 32}"),
    "bls": ("POST", "/bls/publicAPI/v2/timeseries/data/"),
    "census": ("GET", "/census/data/2022/acs/acs1?get=NAME,B01001_001E&for=state:*&key=k"),
    "bingx": ("GET", "/bingx/openApi/swap/v2/server/time"),
    "ibkr": ("POST", "/ibkr/v1/api/iserver/auth/status"),
    "solana": ("POST", "/solana/"),
    "jupiter": ("GET", f"/jupiter/price/v3?ids={MINT}"),
    "geckoterminal": ("GET", f"/geckoterminal/api/v2/simple/networks/solana/token_price/{MINT}"),
    "telegram": ("GET", "/telegram/bot7:secret/getUpdates"),
}
BODIES = {
    "llm": {"model": "sandbox-analyst", "messages": [{"role": "user", "content": '{"symbol": "BTC"}'}]},
    "llm_second": {"model": "sandbox-second", "messages": [{"role": "user", "content": "hello"}]},
    "slack": {"text": "hello"},
    "pagerduty": {
        "routing_key": "k",
        "event_action": "trigger",
        "payload": {"summary": "s", "source": "s", "severity": "info"},
    },
    "webhook": {"any": "thing"},
    "bls": {"seriesid": ["CUUR0000SA0"], "startyear": "2024", "endyear": "2025", "registrationkey": "k"},
    "ibkr": {},
    "solana": {"jsonrpc": "2.0", "id": 0, "method": "getHealth"},
}


def ask(sandbox: Sandbox, service: str, **options: Any) -> httpx.Response:
    """Ask a service for something that it should answer."""
    method, path = ASK[service]
    return sandbox.http.request(method, path, json=BODIES.get(service), headers=KEYS, **options)
