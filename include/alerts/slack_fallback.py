"""Slack without the database: one message about a cause while nothing can be counted or queued."""

import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from filelock import FileLock

from include.alerts.channels import ChannelError, StoredConnection, find_channel
from include.alerts.channels.slack import bot_channel, slack_payload
from include.alerts.failures import Failure, notice_of
from include.alerts.messages import Message, compose, one_line
from include.services import find_service

CAUSE_QUIET_TIME = timedelta(minutes=10)  # after a message about a cause
CLOCK_LEAD_ALLOWED = 60.0  # seconds; a mark further ahead is of a clock that was wrong
CAUSE_FORGOTTEN_AFTER = timedelta(hours=1)  # since a cause was first seen and could have been reported
MAX_DIRECT_MESSAGES = 3  # messages in that time, whatever their causes
SLACK_TIMEOUT = 8  # seconds


def may_notify_slack(folder: Path, cause: str, *, after_others: bool = False) -> bool:
    """Whether this machine has not reported this cause for a while; the asker is expected to report it then.

    Marks are files in `folder`, under a lock: tasks that fail at once on a machine ask one after the other.
    With `after_others` the asker gives way: it reports only when the cause is known for as long as a
    message counts, and nobody else has reported it. So people read of the work that
    suffers, not of who watches it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(folder / "told.lock"):
        now = time.time()
        since = now - CAUSE_QUIET_TIME.total_seconds()
        fresh = set()
        for mark in folder.glob("told-*"):
            if not since <= mark.stat().st_mtime <= now + CLOCK_LEAD_ALLOWED:
                mark.unlink(missing_ok=True)
            else:
                fresh.add(mark.name)
        digest = hashlib.sha256(cause.encode()).hexdigest()[:32]
        if f"told-{digest}" in fresh or len(fresh) >= MAX_DIRECT_MESSAGES:
            return False
        if after_others and not _known_since(folder / f"seen-{digest}", since, now):
            return False
        os.close(os.open(folder / f"told-{digest}", os.O_CREAT | os.O_WRONLY, 0o600))
        return True


def _known_since(mark: Path, since: float, now: float) -> bool:
    """Whether a cause was first seen before `since`; what was first seen long ago was an earlier outage."""
    try:
        seen = mark.stat().st_mtime
    except FileNotFoundError:
        seen = 0.0
    if not since - CAUSE_FORGOTTEN_AFTER.total_seconds() < seen <= now:
        mark.touch(mode=0o600)
        os.utime(mark, (now, now))
        return False
    return seen <= since


def notify_slack_directly(
    read_connection: Callable[[str], StoredConnection | None], failure: Failure
) -> None:
    """Post a failure to Slack without quota, breaker and measurement, which the database keeps.

    Raises:
        ChannelError: it did not arrive, or Slack has no connection.
        ValueError: the connection lacks something, or the product has no channel `slack`.
    """
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackClientError
    from slack_sdk.webhook import WebhookClient

    kind = find_channel("slack")
    stored = read_connection(kind.connection)
    if stored is None:
        raise ChannelError(f"slack: there is no connection {kind.connection!r}")
    channel, secret = bot_channel(stored), stored.secret or ""
    address = stored.base_url or str(find_service("slack-bot" if channel else "slack").base_url)
    payload = slack_payload(_message(failure))
    try:
        if channel is None:
            answer = WebhookClient(f"{address}/{secret}", timeout=SLACK_TIMEOUT).send_dict(payload)
            if answer.status_code != 200:
                raise ChannelError(f"slack: answered {answer.status_code}: {one_line(answer.body, 100)}")
        else:
            bot = WebClient(token=secret, base_url=f"{address}/", timeout=SLACK_TIMEOUT)
            bot.chat_postMessage(channel=channel, **payload)
    except (SlackClientError, OSError) as error:
        raise ChannelError(f"slack: {one_line(error, 200)}") from error


def _message(failure: Failure) -> Message:
    notice = notice_of(failure)
    notice["body"]["reason"] = (
        "The database is away, so this is reported without it. The failure is kept on disk; further ones "
        "of this cause are reported when the database is back."
    )
    row = SimpleNamespace(id=failure.id, kind="failure", counted=1, runbook_url=None, **notice)
    return compose(
        failure.id, failure.cause.fingerprint, [row], first=True, opened_at=datetime.now(UTC), reference={}
    )
