"""A program of somebody's own that takes messages about alerts."""

from include.http import MESSAGE_RETRY, MESSAGE_TIMEOUT, Limit, Service

SERVICES = (
    Service(
        "webhook",
        limits=(Limit(10, 1),),
        timeout=MESSAGE_TIMEOUT,
        retry=MESSAGE_RETRY,
        connection="alert_webhook",
    ),
)
