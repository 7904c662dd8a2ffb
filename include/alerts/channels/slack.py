"""Slack: an incoming webhook, or a bot's token, with which later messages go into the thread of the first.

Text from outside is shown, never interpreted: mrkdwn's three control characters are escaped, so no mention
and no link is made of it, and exceptions stand in code blocks that they cannot end. Limits from
docs.slack.dev: header 150 characters, section 3000, about 13,000 in all.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from include.alerts.channels.channel import (
    MENDING_PAUSE,
    ChannelError,
    ChannelKind,
    Place,
    Receipt,
    StoredConnection,
    service_errors,
)
from include.alerts.messages import Item, Message, one_line
from include.http.client import Client
from include.services import find_service
from include.services.slack import (
    SECTION_LIMIT,
    TRANSIENT_ERRORS,
    SlackRefusedError,
    call_method,
    cut_escaped,
    escape,
    post_to_webhook,
    section,
)

HEADER_LIMIT = 150
BLOCKS_LIMIT = 11_000  # characters of all blocks together, below Slack's own limit
MAX_ITEMS_IN_SLACK = 8  # items; further ones are counted
SHORT_QUOTE_LIMIT = 300  # characters of each exception where there are several

MESSAGE_ERRORS = frozenset(
    {"invalid_blocks", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_json"}
)
CHANNEL_ERRORS = frozenset({"channel_not_found", "not_in_channel", "is_archived"})


class SlackWebhook:
    """An incoming webhook. Its answer names no message, so there are no threads.

    Args:
        client: of the service `slack`; its address ends before the webhook's own part.
        token: `T…/B…/…`, that part.
        note: said of each message that went out, such as that it was meant for another channel.
    """

    def __init__(self, client: Client, token: str, note: str = "") -> None:
        self._client = client
        self._token = token
        self._note = note

    def send(self, message: Message) -> Receipt:
        """Post the message; raises ChannelError."""
        try:
            with service_errors():
                post_to_webhook(self._client, self._token, slack_payload(message))
        except SlackRefusedError as refused:
            raise ChannelError(f"slack: {refused}") from refused
        return Receipt("ok" + self._note)


class SlackBot:
    """A bot's token and a channel: what follows on a message goes into its thread.

    Args:
        client: of the service `slack`, with the token as key; its address ends with `/api`.
        channel: its name or id. The bot must be a member.
        otherwise: the channel that takes what the first one does not: it is not there, or the bot no member.
    """

    def __init__(self, client: Client, channel: str, otherwise: str | None = None) -> None:
        self._client = client
        self._channel = channel
        self._otherwise = otherwise

    def send(self, message: Message) -> Receipt:
        """Post the message, in the thread that it belongs to; raises ChannelError."""
        payload = {**slack_payload(message), "channel": message.reference.get("channel") or self._channel}
        if message.reference.get("ts"):
            payload["thread_ts"] = message.reference["ts"]
            # A good end is news for those who saw only the beginning.
            payload["reply_broadcast"] = message.kind == "ended"
        note = ""
        try:
            answer = self._post(payload)
        except SlackRefusedError as refused:
            if not self._otherwise or refused.error not in CHANNEL_ERRORS:
                raise _channel_error(refused) from refused
            note = f"; {payload['channel']}: {refused.error}, so it went to {self._otherwise}"
            try:  # the thread is not there
                answer = self._post({**slack_payload(message), "channel": self._otherwise})
            except SlackRefusedError as refused_too:
                raise _channel_error(refused_too) from refused_too
        reference = {} if message.reference else {"channel": answer.get("channel"), "ts": answer.get("ts")}
        return Receipt(f"ok, message {answer.get('ts')}{note}", reference)

    def _post(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        with service_errors():
            return call_method(self._client, "chat.postMessage", payload)


def _channel_error(refused: SlackRefusedError) -> ChannelError:
    pause = None if refused.error in TRANSIENT_ERRORS else MENDING_PAUSE
    return ChannelError(f"slack: {refused}", final=refused.error in MESSAGE_ERRORS, pause=pause)


def slack_payload(message: Message) -> dict[str, Any]:
    """Write the message in Slack's blocks, within its limits."""
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {
                "type": "plain_text",
                "text": one_line(message.headline, HEADER_LIMIT) or "Alert",
                "emoji": False,
            },
        }
    ]
    several = len(message.items) > 1
    room = BLOCKS_LIMIT
    shown = 0
    for item in message.items[:MAX_ITEMS_IN_SLACK]:
        made = _item_blocks(item, several)
        room -= len(json.dumps(made, ensure_ascii=False))
        if room < 0 and shown:
            break
        blocks += made
        shown += 1
    if left := len(message.items) - shown:
        blocks.append(section(f"… and {left} more alerts or causes: see the page Alerts in Airflow."))
    return {
        "text": escape(message.headline),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _item_blocks(item: Item, several: bool) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if several:
        times = f", {item.counted} times" if item.counted > 1 else ""
        blocks.append({"type": "divider"})
        blocks.append(_plain(f"{item.status}{times}: {item.title}"))
    facts = [("Severity", item.severity), ("Owner", item.owner), *item.facts]
    if item.counted > 1 and not several:
        facts.insert(0, ("Counted", f"{item.counted}; this is the first of them"))
    if several:
        blocks.append(_plain("\n".join(f"{name}: {value}" for name, value in facts)))
    else:
        fields = [
            {"type": "plain_text", "text": f"{name}: {value}"[:SECTION_LIMIT], "emoji": False}
            for name, value in facts[:10]  # a section takes ten
        ]
        blocks.append({"type": "section", "fields": fields})
    if item.quote:
        blocks.append(_quoted(item.quote, SHORT_QUOTE_LIMIT if several else SECTION_LIMIT))
    if item.next_step and not several:
        blocks.append(section(f"*What happens next*\n{escape(item.next_step)}"))
    links = []
    if item.link:
        links.append(f"<{escape(item.link)}|Open in Airflow>")
    if item.runbook:
        is_link = item.runbook.startswith(("http://", "https://"))
        links.append(
            f"<{escape(item.runbook)}|What to do>" if is_link else f"What to do: {escape(item.runbook)}"
        )
    if links:
        blocks.append(section("  ".join(links)))
    return blocks


def _quoted(text: str, limit: int) -> dict[str, Any]:
    """A code block. Zero-width spaces around its own backticks keep any run of them from ending it."""
    quoted = escape(text).replace("`", "\u200b`\u200b")
    if len(quoted) > limit - 10:
        quoted = cut_escaped(quoted, limit - 12) + " …"
    return section(f"```{quoted}```")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text[:SECTION_LIMIT], "emoji": False}}


def bot_channel(stored: StoredConnection) -> str | None:
    """The channel that a bot posts to; None: the connection is an incoming webhook.

    Raises ValueError, in words, when a bot has none.
    """
    if not (stored.secret or "").startswith("xox"):
        return None
    channel = stored.extra.get("channel")
    if not channel:
        raise ValueError('a bot\'s token needs a channel: write {"channel": "#alerts"} into extra')
    return str(channel)


@contextmanager
def _opened(
    stored: StoredConnection, engine: Engine, place: Place | None = None
) -> Iterator[SlackBot | SlackWebhook]:
    if not stored.secret:
        raise ValueError("it has no password: a webhook's T…/B…/…, or a bot's token")
    if stored.secret.startswith("xox"):
        # A connection of its own may name its channel by id; the common one's is where else it may go.
        named = str(stored.extra.get("channel") or "") or None
        if place is None or (place.own and named):
            channel, otherwise = bot_channel(stored) or "", None
        else:
            channel, otherwise = place.name, named
        with Client(find_service("slack-bot"), stored.endpoint, engine) as client:
            yield SlackBot(client, channel, otherwise)
    else:
        note = ""
        if place and not place.own:
            note = f"; by the webhook of slack_alerts, for there is no connection {place.connection}"
        with Client(find_service("slack"), stored.endpoint, engine) as client:
            yield SlackWebhook(client, stored.secret, note)


CHANNEL = ChannelKind(
    connection="slack_alerts",
    needs="as password a webhook's T…/B…/…, or a bot's token and in extra its channel",
    opened=_opened,
    for_people=True,
    places=True,
)
