"""BingX, an exchange: what its public API has for callers without a key. https://bingx-api.github.io/docs"""

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)


def find_fault(payload: object) -> VendorFault | None:
    """`code`, 0 when all is well; mostly under status 200."""
    code = payload.get("code", 0) if isinstance(payload, dict) else 0
    if str(code) == "0":
        return None
    message = (
        f"error {code}: {payload.get('msg') or 'no message'}" if isinstance(payload, dict) else str(code)
    )
    if str(code) in ("100410", "100429"):
        return VendorFault(RateLimitedError, message)
    return VendorFault(
        ServiceUnavailableError if str(code).startswith(("1005", "100421")) else RequestRefusedError, message
    )


SERVICES = (
    Service(  # market data, spot and futures together, by address
        "bingx",
        "https://open-api.bingx.com",
        limits=(Limit(500, 10),),
        find_fault=find_fault,
    ),
)
