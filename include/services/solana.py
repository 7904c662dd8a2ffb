"""A Solana node, by JSON-RPC. https://solana.com/docs/rpc"""

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)


def find_fault(payload: object) -> VendorFault | None:
    """`error` of JSON-RPC; -32005 is a node that lags behind, which may pass."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not error:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    message = f"error {code}: {error.get('message')}" if isinstance(error, dict) else str(error)
    if code == -32005:
        return VendorFault(ServiceUnavailableError, message)
    return VendorFault(RateLimitedError if code in (429, -32429) else RequestRefusedError, message)


SERVICES = (
    Service(  # the public node: 100 requests in 10 seconds from an address, 40 of one method
        "solana",
        "https://api.mainnet-beta.solana.com",
        limits=(Limit(40, 10),),
        find_fault=find_fault,
    ),
)
