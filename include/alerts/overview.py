"""What a person wants to see of alerts: what is wrong, since when, who was notified, and what to do."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, text

from include.alerts.messages import link_of, one_line, plain
from include.alerts.silences import Silence, read_silences
from include.database import sql
from include.humanize import count_text

MAX_ALERTS_SHOWN = 200  # alerts
MAX_NOTICES_SHOWN = 100  # notices


@dataclass(frozen=True)
class ChannelOutcome:
    """What became of an alert's notices in one channel, in words; `kind` is sent, waiting, held or failed."""

    channel: str
    kind: str
    message: str


@dataclass(frozen=True)
class OpenAlert:
    """One alert that fires, or one cause of failures that has not healed."""

    fingerprint: str
    severity: str
    title: str
    state: str
    since: datetime
    why: str
    owner: str
    next_step: str | None
    runbook: str | None
    link: str | None
    labels: str
    taken: str | None
    outcomes: tuple[ChannelOutcome, ...]


@dataclass(frozen=True)
class Overview:
    """All of it at one moment (UTC)."""

    at: datetime
    open: tuple[OpenAlert, ...]
    silences: tuple[Silence, ...]
    channels: tuple[Row[Any], ...]
    history: tuple[Row[Any], ...]
    health: Row[Any]


def read_overview(engine: Engine) -> Overview:
    """Read everything in one snapshot."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        at = connection.execute(text("SELECT now()")).scalar_one()
        firing = connection.execute(sql("alerts/show_open_alerts"), {"limit": MAX_ALERTS_SHOWN}).all()
        alerts = [{"fingerprint": row.fingerprint, "since": row.since.isoformat()} for row in firing]
        outcomes: dict[str, list[ChannelOutcome]] = {}
        for row in connection.execute(sql("alerts/show_notices"), {"alerts": json.dumps(alerts)}):
            outcomes.setdefault(row.fingerprint, []).append(_outcome(row))
        return Overview(
            at=at,
            open=tuple(_open_alert(row, tuple(outcomes.get(row.fingerprint, ()))) for row in firing),
            silences=tuple(read_silences(connection, ended_within=timedelta(days=1))),
            channels=tuple(connection.execute(sql("alerts/show_channels"))),
            history=tuple(connection.execute(sql("alerts/show_history"), {"limit": MAX_NOTICES_SHOWN})),
            health=connection.execute(text("SELECT * FROM alert_chain_health")).one(),
        )


def _open_alert(row: Row[Any], outcomes: tuple[ChannelOutcome, ...]) -> OpenAlert:
    body = row.body or {}
    taken = None
    if row.taken_by and row.taken_until:
        taken = f"{one_line(row.taken_by, 100)}, until {row.taken_until:%Y-%m-%d %H:%M} UTC"
    return OpenAlert(
        fingerprint=row.fingerprint,
        severity=row.severity,
        title=one_line(row.title or row.fingerprint, 200),
        state=row.state,
        since=row.since,
        why=_why(row, body),
        owner=one_line(row.owner or "nobody named", 100),
        next_step=plain(body["next_step"], 1_000) if body.get("next_step") else None,
        runbook=one_line(row.runbook_url, 300) if row.runbook_url else None,
        link=link_of(row.link),
        labels=", ".join(f"{one_line(k, 60)}={one_line(v, 100)}" for k, v in sorted(row.labels.items()) if v),
        taken=taken,
        outcomes=outcomes,
    )


def _why(row: Row[Any], body: dict[str, Any]) -> str:
    """The value against its limit, or the exception, in words."""
    if row.source == "failure":
        times = f"{count_text(row.counted, 'time')}; the last: " if row.counted > 1 else ""
        return times + plain(body.get("error", ""), 600)
    reason = row.reason or ""
    if row.value is None or row.threshold is None:
        return plain(reason, 600)
    limit = str(body.get("limit") or f"{row.threshold:.6g}")
    unit = limit.partition(f"{row.threshold:.6g}")[2]
    of = f", {reason}" if reason else ""
    return plain(f"It is {row.value:.6g}{unit}{of}. The limit is {limit}.", 600)


def _outcome(row: Row[Any]) -> ChannelOutcome:
    parts = []
    if row.sent:
        notices = f" ({row.sent} notices)" if row.sent > 1 else ""
        messages = count_text(max(row.messages, 1), "message")
        parts.append(f"{messages}{notices}, last {row.told_at:%Y-%m-%d %H:%M:%S}")
    if row.waiting:
        trouble = f", for {one_line(row.trouble, 200)}" if row.trouble else ""
        parts.append(f"{row.waiting} waiting until {row.next_at:%Y-%m-%d %H:%M:%S}{trouble}")
    for count, word in ((row.held, "held"), (row.dropped, "left out"), (row.failed, "given up")):
        if count:
            parts.append(f"{count} {word}: {one_line(row.reason or '', 300)}")
    return ChannelOutcome(row.channel, _kind(row), "; ".join(parts))


def _kind(row: Row[Any]) -> str:
    if row.failed or row.trouble:
        return "failed"
    if row.held:
        return "held"
    if row.waiting:
        return "waiting"
    return "sent" if row.sent else "held"
