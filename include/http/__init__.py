"""The one way to an outside service over HTTP.

`Client` calls a service by the rules that `SERVICES` declares: time limits, retries, a quota and a circuit
breaker shared by all processes, recorded latency, redacted errors. What fails is a `ServiceError`.
"""

from include.http.client import Client
from include.http.errors import (
    BadAnswer,
    BreakerOpen,
    QuotaUnknown,
    RateLimited,
    Refused,
    ServiceError,
    Unavailable,
)
from include.http.services import (
    SERVICES,
    Auth,
    Breaker,
    Fault,
    Limit,
    Retry,
    Service,
    Timeout,
    hurry,
    introduce,
)

__all__ = [
    "SERVICES",
    "Auth",
    "BadAnswer",
    "Breaker",
    "BreakerOpen",
    "Client",
    "Fault",
    "Limit",
    "QuotaUnknown",
    "RateLimited",
    "Refused",
    "Retry",
    "Service",
    "ServiceError",
    "Timeout",
    "Unavailable",
    "hurry",
    "introduce",
]
