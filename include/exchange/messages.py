"""Messages from outside: stored as they come, then judged: accepted as a trade, or refused with a reason."""

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from include.database import sql
from include.exchange.text_signals import ParsedMessage, parse
from include.settings import Settings
from include.symbols import DOLLARS, canonical

MOST_JUDGED = 500  # messages of one run

# Percent of the position that closes at each target, by how many the message names; a trade has three.
SHARES = {1: (100, 0, 0), 2: (50, 50, 0), 3: (34, 33, 33)}


@dataclass(frozen=True)
class OutsideMessage:
    """A message as its source gives it.

    Attributes:
        source: where from.
        chat_id, message_id: how the source names it.
        text: as it came; empty of a deletion.
        edit_number: 0 as first written; None with a change: the next one.
        change: edit, deletion, or None for a new message.
        sent_at: when its author wrote it; None: now.
    """

    source: Literal["telegram", "api"]
    chat_id: str
    message_id: str
    text: str
    edit_number: int | None = None
    change: Literal["edit", "deletion"] | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True)
class StoredMessage:
    """The row of a message; `is_new`: it was not there before."""

    id: UUID
    edit_number: int
    is_new: bool
    message: str
    status: str
    reason: str | None


def store_message(connection: Connection, message: OutsideMessage) -> StoredMessage:
    """Store a message once, whoever says it how often.

    A deletion takes back what stood before, and so does an edit, unless it asks for the same. One that only
    tells of the trade, or steers it, leaves the trade as it is; orders that still wait are taken back.
    """
    number = message.edit_number
    if number is None and message.change is None:
        number = 0
    key = {"source": message.source, "chat_id": message.chat_id, "message_id": message.message_id}
    deleted = message.change == "deletion"
    found = connection.execute(
        sql("exchange/store_message"),
        {
            **key,
            "edit_number": number,
            "message": message.text,
            "sent_at": message.sent_at,
            "deleted": deleted,
        },
    ).one_or_none()
    if found is not None and found.edit_number > 0:
        _take_back(connection, {**key, "edit_number": found.edit_number}, message)
    if found is not None:
        status = "rejected" if deleted else "received"
        return StoredMessage(found.id, found.edit_number, True, message.text, status, None)
    row = connection.execute(
        sql("exchange/read_message"), {**key, "edit_number": 0 if number is None else number}
    ).one()
    return StoredMessage(row.id, row.edit_number, False, row.message, row.status, row.reason)


def _take_back(connection: Connection, key: dict[str, Any], message: OutsideMessage) -> None:
    deleted = message.change == "deletion"
    now_says = parse(message.text)
    before = connection.execute(sql("exchange/read_wording_before"), key).scalar()
    if not deleted and before is not None and parse(before) == now_says:
        return
    told = not deleted and now_says.kind in ("notice", "management")
    connection.execute(sql("exchange/withdraw_former"), {**key, "deleted": deleted, "keep_trade": told})


def count_received(engine: Engine) -> int:
    """How many messages wait to be judged; a run judges `MOST_JUDGED` at most."""
    with engine.connect() as connection:
        found: int = connection.execute(sql("exchange/count_received"), {"most": MOST_JUDGED}).scalar_one()
    return found


def judge_messages(engine: Engine, markets: Collection[str], settings: Settings) -> dict[str, int]:
    """Judge the messages that wait, the oldest first, each in a transaction of its own; count them by status.

    `markets`: what the exchange trades, as `BASE/QUOTE`. What is accepted is a trade of
    `outside_signal_user` from then on.
    """
    counts: Counter[str] = Counter()
    for _ in range(MOST_JUDGED):
        with engine.begin() as connection:
            row = connection.execute(sql("exchange/read_received"), {"most": 1}).one_or_none()
            if row is None:
                break
            counts[_judge(connection, row, markets, settings)] += 1
    return dict(counts)


def _judge(connection: Connection, row: Row[Any], markets: Collection[str], settings: Settings) -> str:
    parsed = parse(row.message, markets=markets)
    refusal = parsed.reason or _find_refusal(row, parsed, settings)
    status, trade = "rejected", None
    if refusal is None:
        status, trade = "accepted", _store_trade(connection, row, parsed, settings)
    elif parsed.kind == "signal" and row.age > settings.outside_signal_age:
        status = "expired"
    connection.execute(
        sql("exchange/judge_message"),
        {
            "id": row.id,
            "status": status,
            "reason": refusal,
            "trade_signal_id": trade,
            **shown(parsed),
            "entries": json.dumps([str(price) for price in parsed.entries]),
            "targets": json.dumps([str(price) for price in parsed.targets]),
            "parsed": json.dumps(shown(parsed)),
        },
    )
    return status


def shown(parsed: ParsedMessage) -> dict[str, Any]:
    """What was read, as JSON holds it: prices as text."""
    return {
        name: str(value)
        if isinstance(value, Decimal)
        else [str(price) for price in value]
        if isinstance(value, tuple)
        else value
        for name, value in asdict(parsed).items()
        if name != "reason"
    }


def _find_refusal(row: Row[Any], parsed: ParsedMessage, settings: Settings) -> str | None:
    """Say why a signal that can be read is not acted upon; None: it is."""
    if row.outrun:
        return "a later wording of it came first"
    if row.stands:
        return "an earlier wording of it stands, and asks for the same"
    if row.age > settings.outside_signal_age:
        return f"it was written {row.age.total_seconds() / 60:.0f} minutes before it was read: too old"
    if row.executed:
        return "an order of an earlier wording was submitted: what an edit changes is for people"
    if row.source == "telegram" and row.chat_id not in settings.telegram_chats:
        return f"the chat {row.chat_id} is not named in telegram_chats"
    if settings.outside_signal_user is None:
        return "the setting outside_signal_user names nobody whose trade it could be"
    if parsed.leverage is not None and parsed.leverage > Decimal(str(settings.outside_leverage_max)):
        return f"a leverage of {parsed.leverage}; outside_leverage_max is {settings.outside_leverage_max:g}"
    quote = (parsed.symbol or "").partition("/")[2]
    if quote not in DOLLARS:
        return f"{parsed.symbol} is not quoted in a dollar, as trades are"
    missing = [
        name
        for name, value in (
            ("entry price", parsed.entries),
            ("stop", parsed.stop_loss),
            ("target", parsed.targets),
        )
        if not value
    ]
    return f"it names no {' and no '.join(missing)}, and none is guessed" if missing else None


def _store_trade(connection: Connection, row: Row[Any], parsed: ParsedMessage, settings: Settings) -> UUID:
    """Make a trade of a signal: the first entry, the nearest three targets, in equal shares."""
    sign = 1 if parsed.direction == "LONG" else -1
    targets = sorted(set(parsed.targets), key=lambda price: sign * price)[:3]
    shares = SHARES[len(targets)]
    targets += [targets[-1]] * (3 - len(targets))
    values: dict[str, Any] = {
        "user_id": settings.outside_signal_user,
        "symbol": canonical(parsed.symbol or ""),
        "direction": parsed.direction,
        "timeframe": settings.outside_signal_timeframe,
        "entry": parsed.entries[0],
        "stop": parsed.stop_loss,
        "model": f"outside:{row.source}",
        "reasoning": f"Message {row.message_id} of chat {row.chat_id}",
        "lives": settings.outside_signal_lifetime,
    }
    values |= {f"target_{number}": price for number, price in enumerate(targets, 1)}
    values |= {f"share_{number}": share for number, share in enumerate(shares, 1)}
    trade: UUID = connection.execute(sql("exchange/store_outside_trade"), values).scalar_one()
    return trade
