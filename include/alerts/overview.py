"""What a person wants to see of alerts: what is wrong, since when, who was notified, and what to do."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, text

from include.alerts.matching import labels_of_open, matchers_of, matches
from include.alerts.messages import link_of, one_line, plain
from include.alerts.silences import Silence, read_silences
from include.database import sql
from include.humanize import count_text, duration_text, figure_text

MAX_ALERTS_SHOWN = 200  # alerts
MAX_NOTICES_SHOWN = 100  # notices


@dataclass(frozen=True)
class ChannelOutcome:
    """What became of an alert's notices in one channel: sent, waiting, held, left out or failed; in words."""

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
    labels: tuple[tuple[str, str], ...]
    matchers: str  # what a silence of this alert alone has in its form
    silenced_by: tuple[int, ...]  # numbers of the silences in force that match it
    taken: str | None
    outcomes: tuple[ChannelOutcome, ...]


@dataclass(frozen=True)
class ShownSilence:
    """A silence with the titles of what it matches now."""

    silence: Silence
    matched: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """All of it at one moment (UTC)."""

    at: datetime
    open: tuple[OpenAlert, ...]
    silences: tuple[ShownSilence, ...]
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
        silences = read_silences(connection, ended_within=timedelta(days=1))
        labelled = [(row, labels_of_open(row, row.owner or "")) for row in firing]
        return Overview(
            at=at,
            open=tuple(
                _open_alert(
                    row,
                    tuple(outcomes.get(row.fingerprint, ())),
                    tuple(
                        one.id
                        for one in silences
                        if one.starts_at <= at < one.ends_at and matches(one.matchers, labels)
                    ),
                )
                for row, labels in labelled
            ),
            silences=tuple(
                ShownSilence(
                    one, tuple(_title(row) for row, labels in labelled if matches(one.matchers, labels))
                )
                for one in silences
            ),
            channels=tuple(connection.execute(sql("alerts/show_channels"))),
            history=tuple(connection.execute(sql("alerts/show_history"), {"limit": MAX_NOTICES_SHOWN})),
            health=connection.execute(text("SELECT * FROM alert_chain_health")).one(),
        )


def _title(row: Row[Any]) -> str:
    return one_line(row.title or row.fingerprint, 200)


def _open_alert(
    row: Row[Any], outcomes: tuple[ChannelOutcome, ...], silenced_by: tuple[int, ...]
) -> OpenAlert:
    body = row.body or {}
    taken = None
    if row.taken_by and row.taken_until:
        taken = f"{one_line(row.taken_by, 100)}, until {row.taken_until:%Y-%m-%d %H:%M} UTC"
    return OpenAlert(
        fingerprint=row.fingerprint,
        severity=row.severity,
        title=_title(row),
        state=row.state,
        since=row.since,
        why=_why(row, body),
        owner=one_line(row.owner or "nobody named", 100),
        next_step=plain(body["next_step"], 1_000) if body.get("next_step") else None,
        runbook=one_line(row.runbook_url, 300) if row.runbook_url else None,
        link=link_of(row.link),
        labels=tuple((one_line(k, 60), one_line(v, 100)) for k, v in sorted(row.labels.items()) if v),
        matchers=matchers_of({str(name): str(value) for name, value in row.labels.items()}),
        silenced_by=silenced_by,
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
    value = figure_text(row.value, unit.strip(), row.threshold)
    lasts, at_most = duration_text(row.value), duration_text(row.threshold)
    if unit.strip() == "s" and lasts != at_most:
        value, limit = lasts, limit.replace(f"{row.threshold:.6g}{unit}", at_most)
    return plain(f"It is {value}{of}. The limit is {limit}.", 600)


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
    return "sent" if row.sent else "left out"
