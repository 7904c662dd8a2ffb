"""From notices to messages: who is notified, when, and in how many messages; and what became of each.

A pass first decides, under one lock: each new notice gets a delivery for every channel; what ended before
anybody was notified is dropped; silences and inhibitions hold back; what is due is gathered by subject and
claimed under a lease. Then it sends, one message after the other, and writes down each outcome. Passes may
overlap, and one may die at any line: its claim lapses and another pass sends. A message that had gone out
just before is then sent twice, which PagerDuty's dedup key, and the ids in a webhook's body, make harmless;
Slack and mail show it twice.
"""

import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from include.alerts.channels import CHANNELS, Channel, ChannelError, Receipt, find_channel
from include.alerts.inhibition import Inhibitor, find_inhibitor, read_inhibitions
from include.alerts.matching import labels_of, matches
from include.alerts.messages import Message, compose, name_on_call
from include.alerts.silences import read_silences
from include.database import DatabaseError, sql
from include.operating import OnCall, find_on_call
from include.settings import Settings
from include.telemetry import error_in_words, record_error

logger = logging.getLogger(__name__)

DELIVERY_LOCK = 0x64656C69766572  # "deliver"
DELIVERY_LEASE = timedelta(minutes=2)  # a channel takes at most 45 seconds for a message
SET_BACK_TABLES = [  # tables whose times say what is sent when
    "alert_states", "alert_threads", "alert_deliveries", "alert_notices", "alert_silences",
]  # fmt: skip
FLOOD_MESSAGES = 2  # about failures, to people, in five minutes; then one for all that has gathered
MAX_NOTICES = 5_000  # routed and judged in one pass; causes in one message
MAX_ROWS_CARRIED = (
    2 * MAX_NOTICES
)  # rows that a message is written from: the first and the last about each subject


@dataclass
class Delivered:
    """What a pass did, in messages by channel, and in notices."""

    sent: Counter[str] = field(default_factory=Counter)
    not_sent: dict[str, str] = field(default_factory=dict)  # channel -> why, the last of it
    held: int = 0
    left: int = 0  # messages that there was no time for


@dataclass(frozen=True)
class _Parcel:
    """One message under way: its threads, all in one channel."""

    message_id: uuid.UUID
    channel: str
    threads: tuple[Any, ...]


def deliver(
    engine: Engine,
    open_channel: Callable[[str], Channel],
    settings: Settings,
    *,
    limit: int = 100,
    time_limit: timedelta = timedelta(seconds=60),
) -> Delivered:
    """Send what is due.

    Args:
        engine: the platform's database.
        open_channel: gives the channel of a name; raises ChannelError when it cannot be used.
        settings: which channels are in force, and how quiet they are.
        limit: messages at most, beside the one about failures that each channel of people may get.
        time_limit: no further message is begun after this.
    """
    begun = time.monotonic()
    done = Delivered()
    with engine.begin() as connection:
        # One pass at a time decides; a lock timeout ends one that waits too long: the next takes its work.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": DELIVERY_LOCK})
        connection.execute(sql("alerts/adopt_failures"), {"limit": MAX_NOTICES})
        connection.execute(
            sql("maintenance/set_back_future_rows"), {"tables": SET_BACK_TABLES, "lease": DELIVERY_LEASE}
        )
        connection.execute(sql("alerts/route_notices"), _routes(settings))
        connection.execute(sql("alerts/drop_ended_deliveries"))
        done.held = _judge(connection)
        connection.execute(sql("alerts/read_open_threads"))
        parcels = _claim(connection, limit)
        connection.execute(sql("alerts/finish_deliveries"))
    postponed = []
    on_call = find_on_call(settings, datetime.now(UTC))  # a week's turn: any clock will do
    for parcel in parcels:
        # One failure a channel and pass: what else it should get must not wait for its time-outs.
        if parcel.channel in done.not_sent or time.monotonic() - begun > time_limit.total_seconds():
            postponed.append(parcel)
        else:
            _send(engine, open_channel, parcel, done, on_call)
    if postponed:
        done.left = len(postponed)
        _put_back(engine, postponed)
    if parcels:
        with engine.begin() as connection:
            connection.execute(sql("alerts/finish_deliveries"))
    logger.info("sent %s, %d held back, %d left", dict(done.sent) or "nothing", done.held, done.left)
    return done


def forget_delivered(engine: Engine, limit: int = 10_000) -> int:
    """Delete notices, deliveries and silences that are past their keeping; give the number of notices."""
    with engine.begin() as connection:
        return int(connection.execute(sql("alerts/forget_deliveries"), {"limit": limit}).rowcount)


def _routes(settings: Settings) -> dict[str, Any]:
    routes = []
    chosen = [name for name in settings.alert_channels if name.partition(":")[0] in CHANNELS]
    for channel in dict.fromkeys([*CHANNELS, *chosen]):
        kind, severities = find_channel(channel), settings.alert_channels.get(channel)
        routes.append(
            {
                "channel": channel,
                "kind": channel.partition(":")[0],
                "severities": None if severities is None else list(severities),  # None: not in force
                "people": kind.for_people,
                "incidents": kind.incidents,
            }
        )
    return {
        "routes": json.dumps(routes),
        "limit": MAX_NOTICES,
        "digest_hour": settings.alert_digest_hour,
        "warning_wait": settings.alert_warning_wait,
    }


def _judge(connection: Connection) -> int:
    """Hold back what a silence or another alert speaks for, set free the rest; give the number held."""
    candidates = connection.execute(sql("alerts/find_delivery_candidates"), {"limit": MAX_NOTICES}).all()
    if not candidates:
        return 0
    now = connection.execute(text("SELECT now()")).scalar_one()
    silences = [one for one in read_silences(connection) if one.starts_at <= now < one.ends_at]
    inhibitors = [
        Inhibitor(labels_of(row), row.summary) for row in connection.execute(sql("alerts/find_inhibitors"))
    ]
    verdicts = []
    held = 0
    for row in candidates:
        labels = labels_of(row)
        silence = next((one for one in silences if matches(one.matchers, labels)), None)
        if silence is not None:
            reason = (
                f"silenced by {silence.author} until {silence.ends_at:%Y-%m-%d %H:%M} UTC: {silence.reason}"
            )
            # A failure is over when it has happened; there is nothing to tell after the silence.
            state = "dropped" if row.source == "failure" else "held"
        elif explained := find_inhibitor(read_inhibitions(), inhibitors, labels):
            state, reason = "held", f"held back, since {explained}"
        elif row.state == "waiting":
            continue
        elif row.holds:
            state, reason = "waiting", None
        else:
            state, reason = "dropped", f"it ended while it was {row.reason}"
        held += state == "held"
        if (state, reason) != (row.state, row.reason):
            verdicts.append(
                {"notice_id": str(row.notice_id), "channel": row.channel, "state": state, "reason": reason}
            )
    if verdicts:
        connection.execute(sql("alerts/judge_deliveries"), {"verdicts": json.dumps(verdicts)})
    return held


def _claim(connection: Connection, limit: int) -> list[_Parcel]:
    threads = connection.execute(
        sql("alerts/claim_deliveries"),
        {
            "limit": limit,
            "lease": DELIVERY_LEASE,
            "people": [name for name in CHANNELS if find_channel(name).for_people],
            "flood_messages": FLOOD_MESSAGES,
            "flood_threads": MAX_NOTICES,
        },
    ).all()
    together: dict[str, list[Any]] = {}
    alone = []
    for thread in threads:
        if thread.flooding:
            together.setdefault(thread.channel, []).append(thread)
        else:
            alone.append(_Parcel(uuid.uuid4(), thread.channel, (thread,)))
    # First the failures: a failed task's callback waits for them, and has no time for all the rest.
    parcels = [
        _Parcel(uuid.uuid4(), channel, tuple(several)) for channel, several in together.items()
    ] + alone
    claimed = [
        {
            "thread_id": thread.id,
            "message_id": str(parcel.message_id),
            "channel": thread.channel,
            "subject": thread.subject,
        }
        for parcel in parcels
        for thread in parcel.threads
    ]
    if claimed:
        connection.execute(sql("alerts/gather_deliveries"), {"claimed": json.dumps(claimed)})
    return parcels


def _send(
    engine: Engine,
    open_channel: Callable[[str], Channel],
    parcel: _Parcel,
    done: Delivered,
    on_call: OnCall | None,
) -> None:
    """Send one message and write down what became of it."""
    threads = [thread.id for thread in parcel.threads]
    try:
        receipt = _attempt(engine, open_channel, parcel, on_call)
    except ChannelError as error:
        if not error.final:
            done.not_sent[parcel.channel] = str(error)
        logger.warning("%s was not notified: %s", parcel.channel, error)
        with engine.begin() as connection:
            connection.execute(
                sql("alerts/note_unsent_message"),
                {
                    "message_id": parcel.message_id,
                    "threads": threads,
                    "message": str(error)[:500],
                    "final": error.final,
                    "pause": error.pause,
                },
            )
        if error.final or not any(
            thread.attempts for thread in parcel.threads
        ):  # a channel that stays down is one row, not one a minute
            record_error("api", f"alerts: {error}", severity="high", context={"channel": parcel.channel})
        return
    done.sent[parcel.channel] += 1
    # Messages for several threads belong to none of them.
    reference: Mapping[str, Any] = receipt.reference if len(threads) == 1 else {}
    with engine.begin() as connection:
        connection.execute(
            sql("alerts/note_sent_message"),
            {
                "message_id": parcel.message_id,
                "threads": threads,
                "response": receipt.response[:500],
                "reference": json.dumps(dict(reference)),
            },
        )


def _attempt(
    engine: Engine, open_channel: Callable[[str], Channel], parcel: _Parcel, on_call: OnCall | None
) -> Receipt:
    try:
        message = name_on_call(_compose(engine, parcel), on_call.words if on_call else None)
        return open_channel(parcel.channel).send(message)
    except (ChannelError, SQLAlchemyError, DatabaseError):
        raise
    except Exception as error:  # a fault of ours in one message must not keep all others from going out
        logger.exception("a message to %s could not be made", parcel.channel)
        raise ChannelError(
            f"{parcel.channel}: the message could not be made: {error_in_words(error)}"
        ) from error


def _compose(engine: Engine, parcel: _Parcel) -> Message:
    with engine.connect() as connection:
        rows = connection.execute(
            sql("alerts/read_message_notices"), {"message_id": parcel.message_id, "limit": MAX_ROWS_CARRIED}
        ).all()
    alone = parcel.threads[0] if len(parcel.threads) == 1 else None
    return compose(
        parcel.message_id,
        alone.subject if alone else "failures",
        rows,
        first=not any(thread.messages for thread in parcel.threads),
        opened_at=min(thread.opened_at for thread in parcel.threads),
        reference=alone.reference if alone else {},
    )


def _put_back(engine: Engine, parcels: list[_Parcel]) -> None:
    threads = [thread.id for parcel in parcels for thread in parcel.threads]
    with engine.begin() as connection:
        connection.execute(sql("alerts/release_threads"), {"threads": threads})
