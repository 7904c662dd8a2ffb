"""The one way to an outside service over HTTP. No vendor is named in here: see include/services.

`include.http.client.Client` calls a service by the rules that its `Service` declares: time limits, retries, a
quota and a circuit breaker shared by all processes, recorded latency, redacted errors. What fails is a
`ServiceError`. The client is imported from its module, for httpx takes a while; the rest is quick.
"""

from include.http.errors import (
    BadAnswerError,
    BreakerOpenError,
    QuotaUnknownError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
)
from include.http.service import (
    DAY,
    MESSAGE_RETRY,
    MESSAGE_TIMEOUT,
    MINUTE,
    MONTH,
    Auth,
    Breaker,
    Limit,
    Retry,
    Service,
    Timeout,
    VendorFault,
    identify,
    with_timeout,
)

__all__ = [
    "DAY",
    "MESSAGE_RETRY",
    "MESSAGE_TIMEOUT",
    "MINUTE",
    "MONTH",
    "Auth",
    "BadAnswerError",
    "Breaker",
    "BreakerOpenError",
    "Limit",
    "QuotaUnknownError",
    "RateLimitedError",
    "RequestRefusedError",
    "Retry",
    "Service",
    "ServiceError",
    "ServiceUnavailableError",
    "Timeout",
    "VendorFault",
    "identify",
    "with_timeout",
]
