"""alternative.me: the fear & greed index. https://alternative.me/crypto/fear-and-greed-index/"""

from include.http import MINUTE, Limit, RequestRefusedError, Service, VendorFault


def find_fault(payload: object) -> VendorFault | None:
    """`metadata.error`, null when all is well."""
    metadata = payload.get("metadata") if isinstance(payload, dict) else None
    error = metadata.get("error") if isinstance(metadata, dict) else None
    return VendorFault(RequestRefusedError, str(error)) if error else None


SERVICES = (
    Service(
        "fear_greed",
        "https://api.alternative.me",
        limits=(Limit(60, MINUTE),),
        find_fault=find_fault,
        connection="market_fear_greed",
        sandbox_path="",
    ),
)
