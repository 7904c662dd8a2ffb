"""A report in Slack: with its pictures by a bot's token, with a link by a webhook, which cannot upload.

Uploading takes three steps: files.getUploadURLExternal gives an address, the bytes go there, and
files.completeUploadExternal shows the files in a channel, which must be named by its id.
https://docs.slack.dev/messaging/working-with-files
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sqlalchemy import Engine

from include.alerts.channels import StoredConnection
from include.http.client import Client, Parameters
from include.reports.build import Report
from include.reports.charts import describe_charts
from include.reports.render import page_url, render_summary
from include.reports.sent import NotTakenError, Sent
from include.services import find_service
from include.services.slack import (
    SlackRefusedError,
    call_method,
    escape,
    post_to_webhook,
    read_answer,
    section,
)
from include.settings import Endpoint

CONNECTION = "report_slack"
NEEDS = (
    "as password a webhook's T…/B…/…, or a bot's token with chat:write and files:write, and in extra "
    '{"channel": "C…"}, the channel\'s id'
)
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
ALT_LIMIT = 1_000  # characters
UPLOAD_HOST = "slack.com"


def send_slack(
    report: Report,
    pictures: Mapping[str, bytes],
    stored: StoredConnection,
    engine: Engine,
    *,
    desk_url: str,
) -> Sent:
    """Send a report to a channel.

    Raises ServiceError, NotTakenError, and ValueError, in words, where the connection lacks something.
    """
    try:
        return _send(report, pictures, stored, engine, desk_url)
    except SlackRefusedError as refused:
        raise NotTakenError(f"slack: {refused}") from refused


def _send(
    report: Report, pictures: Mapping[str, bytes], stored: StoredConnection, engine: Engine, desk_url: str
) -> Sent:
    secret = stored.secret or ""
    if not secret:
        raise ValueError(f"it has no password; store {NEEDS}")
    if not secret.startswith("xox"):
        return _send_link(report, stored, engine, desk_url)
    channel = str(stored.extra.get("channel") or "")
    if not CHANNEL_ID.fullmatch(channel):
        raise ValueError(
            f"files go to a channel's id, such as C0123456789, and extra has channel {channel!r}"
        )
    with Client(find_service("slack-bot"), stored.endpoint, engine) as bot:
        if not pictures:
            answer = call_method(
                bot, "chat.postMessage", {"channel": channel, "text": _text(report, desk_url)}
            )
            return Sent(channel, "a message; there was no picture to draw", {"ts": str(answer.get("ts"))})
        described = describe_charts(report)
        files = [
            {
                "id": _upload(bot, stored, engine, f"{name}.png", png, described[name][2]),
                "title": described[name][1],
            }
            for name, png in pictures.items()
        ]
        call_method(
            bot,
            "files.completeUploadExternal",
            {"files": files, "channel_id": channel, "initial_comment": _text(report, desk_url)},
        )
    ids = ", ".join(file["id"] for file in files)
    return Sent(channel, f"{len(files)} pictures and a comment", {"files": ids})


def _send_link(report: Report, stored: StoredConnection, engine: Engine, desk_url: str) -> Sent:
    with Client(find_service("slack"), stored.endpoint, engine) as client:
        payload = {
            "text": f"{escape(report.title)}: {escape(page_url(report, desk_url))}",
            "blocks": [section(_text(report, desk_url))],
        }
        post_to_webhook(client, stored.secret or "", payload)
    return Sent("the channel of the webhook", "ok; a link, for a webhook cannot upload pictures")


def _upload(
    bot: Client, stored: StoredConnection, engine: Engine, name: str, content: bytes, words: str
) -> str:
    """Upload one file; give its id. Nobody sees it before it is completed."""
    asked: Parameters = {"filename": name, "length": len(content), "alt_txt": words[:ALT_LIMIT]}
    method = "files.getUploadURLExternal"
    answer = read_answer(method, bot.get_json(f"/{method}", asked))
    url = urlsplit(str(answer["upload_url"]))
    host = url.hostname or ""
    ours = urlsplit(stored.base_url).hostname
    if not (host == ours or (url.scheme == "https" and f".{host}".endswith(f".{UPLOAD_HOST}"))):
        raise NotTakenError(f"slack: names {host!r} as the place for a file, which is not its own")
    place = Endpoint(f"{url.scheme}://{url.netloc}")
    with Client(find_service("slack-files"), place, engine) as files:
        files.post_text(url.path, content, {"Content-Type": "application/octet-stream"})
    return str(answer["file_id"])


def _text(report: Report, desk_url: str) -> str:
    link = escape(page_url(report, desk_url))
    lines = [f"*{escape(report.title)}*", *map(escape, render_summary(report))]
    known = f"Known until {report.known_until:%Y-%m-%d %H:%M} UTC. <{link}|Open the report>"
    return "\n".join([*lines, known])
