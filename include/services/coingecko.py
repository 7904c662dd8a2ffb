"""CoinGecko, an aggregator, on its demo and its pro plan. https://docs.coingecko.com"""

from include.http import (
    MINUTE,
    MONTH,
    Auth,
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)


def find_fault(payload: object) -> VendorFault | None:
    """`error` as a text or with a nested `status`, or `status.error_code`; codes like 10012 are final."""
    if not isinstance(payload, dict):
        return None
    error = payload.get("error")
    status = error.get("status") if isinstance(error, dict) else payload.get("status")
    if isinstance(status, dict) and status.get("error_code"):
        code = str(status["error_code"])
        message = f"error {code}: {status.get('error_message') or 'no message'}"
        if code == "429":
            return VendorFault(RateLimitedError, message)
        return VendorFault(
            ServiceUnavailableError if len(code) == 3 and code.startswith("5") else RequestRefusedError,
            message,
        )
    return VendorFault(RequestRefusedError, str(error)) if error else None


# Its ids of the coins.
COIN_IDS = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "XRP": "ripple",
    "BNB": "binancecoin",
    "SOL": "solana",
    "DOGE": "dogecoin",
    "TRX": "tron",
    "ADA": "cardano",
    "LINK": "chainlink",
    "AVAX": "avalanche-2",
    "XLM": "stellar",
    "BCH": "bitcoin-cash",
    "LTC": "litecoin",
    "DOT": "polkadot",
    "UNI": "uniswap",
    "XMR": "monero",
    "ETC": "ethereum-classic",
    "NEAR": "near",
    "ATOM": "cosmos",
    "SHIB": "shiba-inu",
    "MATIC": "matic-network",
}

SERVICES = (
    Service(  # demo plan; errors count against it too
        "coingecko",
        "https://api.coingecko.com/api/v3",
        auth=Auth("header", "x-cg-demo-api-key", required=False),
        limits=(Limit(100, MINUTE), Limit(10_000, MONTH)),
        find_fault=find_fault,
        connection="market_coingecko",
        sandbox_path="/coingecko/api/v3",
    ),
    Service(
        "coingecko-pro",
        "https://pro-api.coingecko.com/api/v3",
        auth=Auth("header", "x-cg-pro-api-key"),
        limits=(Limit(500, MINUTE),),
        find_fault=find_fault,
        connection="market_coingecko",
        sandbox_path="/coingecko/api/v3",
    ),
)
