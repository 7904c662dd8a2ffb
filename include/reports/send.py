"""Sending a stored report by one channel, once: a row of `report_deliveries` says what became of it.

Whoever sends holds the row under a lease. A task that dies between the service's yes and our note of it
sends again when the lease is over: the mail has the same Message-ID, so that clients show one; Slack shows
two.
"""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from sqlalchemy import Engine

from include.alerts.channels import StoredConnection
from include.database import sql
from include.http import ServiceError
from include.mail import MailError
from include.reports import mail, slack
from include.reports.build import Report, ReportKey, read_version
from include.reports.sent import NotTakenError, Sent
from include.reports.store import ReportNotStoredError, read_pictures
from include.storage import Storage
from include.telemetry import redact

logger = logging.getLogger(__name__)

ReportChannel = Literal["mail", "slack"]
CONNECTIONS: dict[ReportChannel, tuple[str, str]] = {
    "mail": (mail.CONNECTION, mail.NEEDS),
    "slack": (slack.CONNECTION, slack.NEEDS),
}
DELIVERY_LEASE = timedelta(minutes=5)  # a mail takes 45 seconds at most, a few uploads a minute


class ReportNotSentError(RuntimeError):
    """A report did not go out by a channel; the message says why, without secrets."""


def send_report(
    engine: Engine,
    storage: Storage,
    key: ReportKey,
    channel: ReportChannel,
    read_connection: Callable[[str], StoredConnection | None],
    *,
    desk_url: str,
    run_url: str,
    again: bool = False,
) -> str:
    """Send a report by a channel, unless it was sent; say what happened.

    Args:
        engine: the platform's database.
        storage: where the report's files are.
        key: which report.
        channel: by which way.
        read_connection: gives what is stored under an id; None: there is no such connection.
        desk_url: the address of the desk, for the links.
        run_url: opens the run that sends.
        again: send it although it was sent, if another run did.

    Raises:
        LookupError: a newer version replaced this one.
        ReportNotStoredError: it has no files.
        ReportNotSentError: it did not arrive, or another task is sending it just now.
        StorageError: its pictures cannot be read.
    """
    which = {"id": key.id, "version": key.version, "channel": channel}
    with engine.begin() as connection:
        report, stored = read_version(connection, key)
        if stored.stored_at is None:
            raise ReportNotStoredError(
                f"{report.title} is not stored, so it is not sent: clear the task store"
            )
        claimed = connection.execute(
            sql("reports/claim_delivery"),
            {**which, "lease": DELIVERY_LEASE, "run_url": run_url, "again": again},
        ).one_or_none()
    if claimed is None:
        return _standing(engine, report, channel, which)
    try:
        sent = _send(engine, storage, report, channel, read_connection, desk_url, stored.files)
    except Exception as error:
        words = redact(str(error))[:500]
        with engine.begin() as connection:
            connection.execute(sql("reports/note_unsent"), {**which, "reason": words})
        if isinstance(error, ServiceError | MailError | NotTakenError | ValueError):
            raise ReportNotSentError(f"{report.title} did not go out by {channel}: {words}") from error
        raise
    with engine.begin() as connection:
        connection.execute(
            sql("reports/note_sent"),
            {
                **which,
                "sent_to": sent.sent_to[:500],
                "response": redact(sent.response)[:500],
                "reference": json.dumps(dict(sent.reference)),
            },
        )
    return f"{report.title} went to {sent.sent_to}: {sent.response}"


def _send(
    engine: Engine,
    storage: Storage,
    report: Report,
    channel: ReportChannel,
    read_connection: Callable[[str], StoredConnection | None],
    desk_url: str,
    files: dict[str, dict[str, str]],
) -> Sent:
    name, needs = CONNECTIONS[channel]
    stored = read_connection(name)
    if stored is None:
        raise NotTakenError(f"there is no connection {name!r}; store {needs}: docs/reports.md")
    pictures = read_pictures(storage, files)
    if channel == "mail":
        return mail.send_mail(report, pictures, stored, desk_url=desk_url)
    return slack.send_slack(report, pictures, stored, engine, desk_url=desk_url)


def _standing(engine: Engine, report: Report, channel: str, which: dict[str, object]) -> str:
    with engine.connect() as connection:
        row = connection.execute(sql("reports/read_delivery"), which).one()
    if row.state == "sent":
        return f"{report.title} went out by {channel} at {row.sent_at:%Y-%m-%d %H:%M} UTC already"
    until = f"{row.claimed_until:%H:%M:%S} UTC" if row.claimed_until else "once"  # it has just given up
    raise ReportNotSentError(
        f"another task is sending {report.title} by {channel}; if it died, its claim ends at {until}"
    )
