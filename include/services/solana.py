"""A Solana node, by JSON-RPC. https://solana.com/docs/rpc"""

from include.http import (
    Limit,
    RateLimitedError,
    RequestRefusedError,
    Service,
    ServiceUnavailableError,
    VendorFault,
)

BEHIND = (-32005, -32016)  # the node lags behind; it has not reached the slot that is asked for


def find_fault(payload: object) -> VendorFault | None:
    """`error` of JSON-RPC. A node that lags behind may catch up.

    In a batch each request has its own answer, and its own error: only what strikes the node is one of all.
    """
    if isinstance(payload, list):
        found = (find_fault(one) for one in payload)
        return next((one for one in found if one and one.kind is not RequestRefusedError), None)
    error = payload.get("error") if isinstance(payload, dict) else None
    if not error:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    message = f"error {code}: {error.get('message')}" if isinstance(error, dict) else str(error)
    if code in BEHIND:
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
