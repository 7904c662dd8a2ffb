"""PagerDuty's Events API v2. The routing key is part of the body. https://developer.pagerduty.com/docs/events-api-v2"""

from include.http import MESSAGE_RETRY, MESSAGE_TIMEOUT, MINUTE, Limit, Service

SERVICES = (
    Service(
        "pagerduty",
        "https://events.pagerduty.com",
        limits=(Limit(120, MINUTE),),
        timeout=MESSAGE_TIMEOUT,
        retry=MESSAGE_RETRY,
    ),
)
