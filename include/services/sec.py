"""SEC's EDGAR. https://www.sec.gov/about/webmaster-frequently-asked-questions#developers"""

from include.http import Limit, RateLimitedError, RequestRefusedError, Service, VendorFault

SEC_PAUSE = 601.0  # nobody is let in again before the rate has been low for ten minutes


def find_fault(payload: object) -> VendorFault | None:
    """HTML for two causes, mostly under status 403: an agent that names nobody, and too high a rate.

    Both pages bear the title "Request Rate Threshold Exceeded"; that of a bad agent says so below.
    """
    if not isinstance(payload, str):
        return None
    if "undeclared automated tool" in payload.lower():
        message = "it refuses this User-Agent as an undeclared automated tool: see the setting `contact`"
        return VendorFault(RequestRefusedError, message, wait=SEC_PAUSE)
    if "request rate threshold exceeded" in payload.lower():
        message = "Request Rate Threshold Exceeded: it lets nobody in until the rate was low for ten minutes"
        return VendorFault(RateLimitedError, message, wait=SEC_PAUSE)
    return None


SERVICES = (
    Service(
        "sec",
        "https://data.sec.gov",
        limits=(Limit(10, 1),),
        find_fault=find_fault,
        pauses={403: SEC_PAUSE, 429: SEC_PAUSE},
        wants_contact=True,
    ),
)
