"""Slack, by a webhook, whose key is part of its path, or as a bot. https://api.slack.com/messaging/webhooks"""

from include.http import MESSAGE_RETRY, MESSAGE_TIMEOUT, Auth, Limit, Service

# `error` of the Web API: what passes by itself. The rest is about the token, the channel or the message.
TRANSIENT_ERRORS = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)

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
    Service(  # where files.getUploadURLExternal says that a file's bytes go; no token goes there
        "slack-files",
        "https://files.slack.com",
        limits=(Limit(2, 1),),
        timeout=MESSAGE_TIMEOUT,
        retry=MESSAGE_RETRY,
        connection="report_slack",
    ),
)


def escape(text: str) -> str:
    """Escape the three characters that Slack's mrkdwn reads as control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
