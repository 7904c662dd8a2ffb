"""Kraken's public API. https://docs.kraken.com/api"""

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)


def find_fault(payload: object) -> VendorFault | None:
    """`error`, a list: what begins with E is an error, with W a warning. Always under status 200."""
    errors = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(errors, list):
        return None
    message = ", ".join(str(error) for error in errors if not str(error).startswith("W"))
    if not message:
        return None
    if any(mark in message for mark in ("Too many requests", "Rate limit", "Throttled", "Temporary lockout")):
        return VendorFault(RateLimitedError, message)
    return VendorFault(
        ServiceUnavailableError
        if "EService:" in message or "Internal error" in message
        else RequestRefusedError,
        message,
    )


# The bases in names of its pairs, where they are not the coins' own codes.
COIN_BASES = {
    "BTC": "XBT",
    "DOGE": "XDG",
}

SERVICES = (
    Service(
        "kraken",
        "https://api.kraken.com",
        limits=(Limit(1, 1),),
        find_fault=find_fault,
        connection="market_kraken",
    ),
)
