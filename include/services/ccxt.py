"""Exchanges by way of ccxt: it knows their addresses, limits and errors. https://docs.ccxt.com"""

import json
from dataclasses import replace
from typing import Any

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)

ANY_EXCHANGE = Service("ccxt")  # time limits and retries; name, quota and errors are the exchange's


def declare_exchange(exchange: Any, service: Service = ANY_EXCHANGE) -> Service:
    """Declare one of ccxt's exchanges, with time limits and retries of `service`: its name and its quota."""
    return replace(
        service,
        name=f"ccxt:{exchange.id}",
        limits=(Limit(1, exchange.rateLimit / 1000),),
        connection=f"market_ccxt_{exchange.id}",
    )


def find_error(exchange: Any, payload: object) -> Exception | None:
    """Let ccxt look for an error in the body of an answer: each exchange has its own way to tell one."""
    import ccxt

    if not isinstance(payload, dict | list):
        return None
    try:
        # A failing status is include.http's business.
        exchange.handle_errors(200, "OK", "", "GET", {}, json.dumps(payload), payload, {}, None)
    except ccxt.BaseError as error:
        found: Exception = error
        return found
    return None


def as_fault(error: Exception) -> VendorFault:
    """Say by ccxt's kinds of errors what kind of failure an error is."""
    import ccxt

    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return VendorFault(RateLimitedError, str(error))
    transient = isinstance(error, ccxt.OperationFailed)
    return VendorFault(ServiceUnavailableError if transient else RequestRefusedError, str(error))
