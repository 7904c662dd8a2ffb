"""Messages from Telegram: asked for from where the last run stopped, and stored as they came.

Updates and the place behind them are written in one transaction, so each is stored once, whenever a run is
killed. An edit is another row of the message, and so is a deletion: docs/outside-signals.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from include.database import sql, storable
from include.exchange.messages import OutsideMessage, store_message
from include.http import BadAnswerError
from include.http.client import Client

PAGE = 100  # updates of one answer, Telegram's limit
MOST_PAGES = 20  # of one run: what is left waits for the next
KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
)


@dataclass(frozen=True)
class CollectedUpdates:
    """What a run took: updates, and the rows that they became."""

    updates: int
    stored: int


def collect_updates(engine: Engine, client: Client, token: str) -> CollectedUpdates:
    """Take the updates that wait and store what they say. `token` is the bot's.

    Raises ServiceError when Telegram cannot be asked; what was stored before stays.
    """
    bot = token.partition(":")[0]
    updates = stored = 0
    for _ in range(MOST_PAGES):
        with engine.connect() as connection:
            offset = connection.execute(sql("exchange/read_offset"), {"bot": bot}).scalar()
        params: dict[str, str | int | float | bool] = {
            "limit": PAGE,
            "timeout": 0,
            "allowed_updates": json.dumps(KINDS),
        }
        answer = client.get_json(f"/bot{token}/getUpdates", params | ({"offset": offset} if offset else {}))
        page = _read_page(client, answer)
        if not page:
            break
        with engine.begin() as connection:
            stored += _store_page(connection, bot, offset, page)
        updates += len(page)
        if len(page) < PAGE:
            break
    return CollectedUpdates(updates, stored)


def _read_page(client: Client, answer: Any) -> list[dict[str, Any]]:
    page = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(page, list) or not all(
        isinstance(update, dict) and isinstance(update.get("update_id"), int) for update in page
    ):
        raise BadAnswerError(client.service.name, "its answer has no list of updates")
    return page


def _store_page(connection: Connection, bot: str, offset: int | None, page: list[dict[str, Any]]) -> int:
    """Store a page unless another run has taken it meanwhile; the bot's row is locked for that."""
    last = max(update["update_id"] for update in page)
    values = {"bot": bot, "expected": offset, "next_update": last + 1}
    if connection.execute(sql("exchange/advance_offset"), values).one_or_none() is None:
        return 0
    return sum(
        store_message(connection, message).is_new for update in page for message in _read_update(update)
    )


def _read_update(update: Mapping[str, Any]) -> list[OutsideMessage]:
    """The messages of one update; none where it tells of something else."""
    for kind in KINDS:
        content = update.get(kind)
        if not isinstance(content, dict) or not isinstance(content.get("chat"), dict):
            continue
        chat = str(content["chat"].get("id"))
        if kind == "deleted_business_messages":
            return [
                OutsideMessage("telegram", chat, str(id), "", change="deletion")
                for id in content.get("message_ids") or []
            ]
        text = content.get("text") or content.get("caption") or ""
        return [
            OutsideMessage(
                "telegram",
                chat,
                str(content.get("message_id")),
                storable(str(text)),
                change="edit" if kind.startswith("edited") else None,
                sent_at=_moment(content.get("date")),  # of an edit too: it makes no signal newer
            )
        ]
    return []


def _moment(seconds: Any) -> datetime | None:
    """A time in seconds since 1970, as tz-aware; None where the update has none, or nonsense."""
    if not isinstance(seconds, int) or not 0 < seconds < 32_503_680_000:  # the year 3000
        return None
    return datetime.fromtimestamp(seconds, UTC)
