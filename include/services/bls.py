"""BLS, the Bureau of Labor Statistics, with a key and without. https://www.bls.gov/developers/api_faqs.htm"""

from include.http import DAY, Auth, Limit, RateLimitedError, RequestRefusedError, Service, VendorFault


def find_fault(payload: object) -> VendorFault | None:
    """`status`, always under HTTP 200: anything but REQUEST_SUCCEEDED is an error, see `message`."""
    if not isinstance(payload, dict) or payload.get("status", "REQUEST_SUCCEEDED") == "REQUEST_SUCCEEDED":
        return None
    said = payload.get("message")
    message = " ".join(str(line) for line in said) if isinstance(said, list) else str(said or "no message")
    if "threshold" in message.lower():  # the day's requests: nobody says when it begins, so ask by the hour
        return VendorFault(RateLimitedError, f"{payload['status']}: {message}", wait=3600.0)
    return VendorFault(RequestRefusedError, f"{payload['status']}: {message}")


SERVICES = (
    Service(  # 500 a minute, as an old guide has it, is wrong
        "bls",
        "https://api.bls.gov/publicAPI/v2",
        auth=Auth("json", "registrationkey"),
        limits=(Limit(500, DAY),),
        find_fault=find_fault,
    ),
    Service(
        "bls-keyless",
        "https://api.bls.gov/publicAPI/v1",
        limits=(Limit(25, DAY),),
        find_fault=find_fault,
        connection="bls",
    ),
)
