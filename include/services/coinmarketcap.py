"""CoinMarketCap, an aggregator, with an API key. https://coinmarketcap.com/api/documentation/v1"""

from include.http import (
    MINUTE,
    Auth,
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)


def find_fault(payload: object) -> VendorFault | None:
    """`status.error_code`: a number in v1 and v2, a text in v3; 0 is no error."""
    status = payload.get("status") if isinstance(payload, dict) else None
    if not isinstance(status, dict) or str(status.get("error_code", 0)) in ("0", "None"):
        return None
    code = str(status["error_code"])
    message = f"error {code}: {status.get('error_message') or 'no message'}"
    if code in ("1008", "1011"):  # the minute's quota, the quota of this IP address
        return VendorFault(RateLimitedError, message, wait=60.0)
    if code in ("1009", "1010"):  # the day's, the month's: nobody says when they begin, so ask by the hour
        return VendorFault(RateLimitedError, message, wait=3600.0)
    return VendorFault(ServiceUnavailableError if code.startswith("5") else RequestRefusedError, message)


# Its ids of the coins.
COIN_IDS = {
    "BTC": 1,
    "ETH": 1027,
    "XRP": 52,
    "BNB": 1839,
    "SOL": 5426,
    "DOGE": 74,
    "TRX": 1958,
    "ADA": 2010,
    "LINK": 1975,
    "AVAX": 5805,
    "XLM": 512,
    "BCH": 1831,
    "LTC": 2,
    "DOT": 6636,
    "UNI": 7083,
    "XMR": 328,
    "ETC": 1321,
    "NEAR": 6535,
    "ATOM": 3794,
    "SHIB": 5994,
    "MATIC": 3890,
}

SERVICES = (
    Service(
        "coinmarketcap",
        "https://pro-api.coinmarketcap.com",
        auth=Auth("header", "X-CMC_PRO_API_KEY"),
        limits=(Limit(30, MINUTE),),
        find_fault=find_fault,
        connection="market_coinmarketcap",
        sandbox_path="/coinmarketcap",
    ),
)
