"""Slack, by a webhook, whose key is part of its path, or as a bot. https://api.slack.com/messaging/webhooks"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from include.http import MESSAGE_RETRY, MESSAGE_TIMEOUT, Auth, Limit, Service

if TYPE_CHECKING:
    from include.http.client import Client

SECTION_LIMIT = 3_000  # characters of a section

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


def cut_escaped(text: str, limit: int) -> str:
    """Cut a text that is escaped already, but never within `&amp;`."""
    cut = text[:limit]
    start = cut.rfind("&", max(0, limit - 5))
    return cut[:start] if start >= 0 and ";" not in cut[start:] else cut


def section(text: str) -> dict[str, Any]:
    """A block of mrkdwn, cut where Slack takes no more; what is from outside is escaped already."""
    words = cut_escaped(text, SECTION_LIMIT)
    return {"type": "section", "text": {"type": "mrkdwn", "text": words, "verbatim": True}}


class SlackRefusedError(Exception):
    """Slack answered, and said no; `error` is its word for why, such as `channel_not_found`."""

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message, error)
        self.message = message
        self.error = error

    def __str__(self) -> str:
        return self.message


def post_to_webhook(client: "Client", token: str, payload: Mapping[str, Any]) -> None:
    """Post to the incoming webhook whose part of the address is `token`: `T…/B…/…`.

    Raises ServiceError, and SlackRefusedError for an answer other than ok.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = client.post_text(f"/{token.strip('/')}", json.dumps(payload).encode(), headers)
    if answer.strip() != "ok":
        raise SlackRefusedError(f"answered {' '.join(answer.split())[:100]!r} instead of ok")


def call_method(client: "Client", method: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Call a method of the Web API, such as `chat.postMessage`; give its answer.

    Raises ServiceError, and SlackRefusedError.
    """
    return read_answer(method, client.post_json(f"/{method}", payload))


def read_answer(method: str, answer: object) -> Mapping[str, Any]:
    """Read what a method answered: it refuses with status 200. Raises SlackRefusedError."""
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        error = str(answer.get("error") if isinstance(answer, dict) else answer)[:100]
        raise SlackRefusedError(f"{method} was refused: {error}", error)
    return answer
