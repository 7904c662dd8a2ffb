"""Interactive Brokers: the Client Portal gateway on a machine of one's own, where somebody logs in by hand.

https://www.interactivebrokers.com/campus/ibkr-api-page/cpapi-v1
"""

from include.http import Limit, RequestRefusedError, Service, ServiceUnavailableError, VendorFault


def find_fault(payload: object) -> VendorFault | None:
    """An object with `error`, mostly under a status that says so as well."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not error:
        return None
    words = str(error)
    transient = "not ready" in words.lower() or "try again" in words.lower()
    return VendorFault(ServiceUnavailableError if transient else RequestRefusedError, words)


def session_fault(answer: object) -> str | None:
    """Why the gateway cannot be asked, by its answer to `/iserver/auth/status`; None: it can."""
    if not isinstance(answer, dict) or not isinstance(answer.get("authenticated"), bool):
        return "an answer without `authenticated`"
    if not answer.get("connected"):
        return "the gateway has no connection to IBKR's servers"
    if not answer["authenticated"]:
        return "nobody is logged in: log in by hand at the gateway"
    return None


SERVICES = (
    Service("ibkr", limits=(Limit(10, 1),), find_fault=find_fault),  # its limit for one session
)
