"""Slack, by a webhook, whose key is part of its path, or as a bot. https://api.slack.com/messaging/webhooks"""

from include.http import MESSAGE_RETRY, MESSAGE_TIMEOUT, Auth, Limit, Service

SERVICES = (
    Service(  # one message a second and channel
        "slack",
        "https://hooks.slack.com/services",
        limits=(Limit(1, 1),),
        timeout=MESSAGE_TIMEOUT,
        retry=MESSAGE_RETRY,
        connection="slack_alerts",
    ),
    Service(
        "slack-bot",
        "https://slack.com/api",
        auth=Auth("bearer"),
        limits=(Limit(1, 1),),
        timeout=MESSAGE_TIMEOUT,
        retry=MESSAGE_RETRY,
        connection="slack_alerts",
    ),
)
