"""Telegram's Bot API, whose token is part of its paths. https://core.telegram.org/bots/api"""

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)


def find_fault(payload: object) -> VendorFault | None:
    """`ok` is false then, with `error_code` and `description`; 409: another reader asks for this bot."""
    if not isinstance(payload, dict) or payload.get("ok") is not False:
        return None
    code = payload.get("error_code")
    message = f"error {code}: {payload.get('description')}"
    parameters = payload.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if code == 429:
        return VendorFault(RateLimitedError, message, float(wait) if isinstance(wait, int) else None)
    transient = isinstance(code, int) and (code >= 500 or code == 409)
    return VendorFault(ServiceUnavailableError if transient else RequestRefusedError, message)


SERVICES = (Service("telegram", "https://api.telegram.org", limits=(Limit(30, 1),), find_fault=find_fault),)
