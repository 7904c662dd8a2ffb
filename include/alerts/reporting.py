"""Reporting a failure when it happens: a row and a notice, and a message at once if it is critical.

What cannot be written while the database is away is kept on disk. Nothing here knows Airflow; callbacks hand
over what it offers as a `Platform`. Every DAG file imports this module: what sends messages is imported when
there is something to send.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from include.alerts.failures import Failure, keep_failure, keep_retry, record_failure, record_retry
from include.database import DatabaseError
from include.freeze import find_freeze
from include.telemetry import Spool, error_in_words, redact, spool_folder

if TYPE_CHECKING:
    from include.alerts.channels import StoredConnection
    from include.settings import Settings

logger = logging.getLogger(__name__)

TIME_LIMIT_AT_ONCE = timedelta(seconds=20)  # for messages while a task ends; deliver_alerts sends the rest
MESSAGES_AT_ONCE = 5


@dataclass(frozen=True)
class Platform:
    """What a reporter needs of the place where the task runs.

    Attributes:
        open_database: opens the platform's database for a purpose, without measuring statements.
        load_settings: the settings, or their defaults where they cannot be read; raises nothing for that.
        read_connection: what is stored of a service under an id; None: there is no such connection.
    """

    open_database: Callable[[str], AbstractContextManager[Engine]]
    load_settings: "Callable[[], Settings]"
    read_connection: "Callable[[str], StoredConnection | None]"


def report_failure(platform: Platform, failure: Failure, *, notified_by_task: bool = False) -> None:
    """Write row and notice; send at once what is critical. The log ends with what has failed, in one line.

    `notified_by_task`: a run that failed because a task did, which was reported, or is kept, on its own.
    """
    try:
        with platform.open_database("failure-callback") as engine:
            news = record_failure(engine, failure)
            if news and failure.severity == "critical" and not _messages_are_frozen(engine):
                _send_at_once(platform, engine, failure)
    except Exception as error:
        _log_kept(failure, error)
        told = None if notified_by_task else _notify_without_database(platform, failure)
        keep_failure(Spool(spool_folder()), failure, told=told)
    _log_last(failure)


def report_retry(platform: Platform, failure: Failure) -> None:
    """Write a row, and notify nobody: the next try may heal it."""
    try:
        with platform.open_database("retry-callback") as engine:
            record_retry(engine, failure)
    except Exception as error:
        _log_kept(failure, error)
        keep_retry(Spool(spool_folder()), failure)
    _log_last(failure)


def _log_kept(failure: Failure, error: Exception) -> None:
    """Say that the row is kept on disk. A traceback says nothing more where the database is away."""
    if isinstance(error, DatabaseError | SQLAlchemyError):
        logger.warning(
            "%s: its row is kept on disk until the database is back: %s", failure.name, error_in_words(error)
        )
    else:
        logger.exception("%s: its row could not be written, it is kept on disk", failure.name)


def _log_last(failure: Failure) -> None:
    """Say once more what has failed: people open the log at its end."""
    logger.error("%s: %s", failure.name, redact(failure.error))


def _messages_are_frozen(engine: Engine) -> bool:
    with engine.connect() as connection:
        return find_freeze(connection, "alerts") is not None


def _send_at_once(platform: Platform, engine: Any, failure: Failure) -> None:
    """Send what is due now; what goes wrong here is left for deliver_alerts, for the notice is written."""
    from include.alerts.channels import open_channels
    from include.alerts.delivery import deliver

    try:
        settings = platform.load_settings()
        with open_channels(engine, platform.read_connection) as open_channel:
            done = deliver(
                engine, open_channel, settings, limit=MESSAGES_AT_ONCE, time_limit=TIME_LIMIT_AT_ONCE
            )
        for channel, why in done.not_sent.items():
            logger.error("%s: %s was not notified, deliver_alerts will: %s", failure.name, channel, why)
    except Exception:
        logger.exception("%s: no message went out at once, deliver_alerts will send it", failure.name)


def _notify_without_database(platform: Platform, failure: Failure) -> str | None:
    """Notify Slack of a critical failure, once a cause; give the channel that was notified."""
    from include.alerts.slack_fallback import may_notify_slack, notify_slack_directly

    if failure.severity != "critical":
        return None
    if not may_notify_slack(spool_folder(), failure.cause.fingerprint, after_others=failure.watches):
        return None
    try:
        notify_slack_directly(platform.read_connection, failure)
    except Exception as error:
        logger.warning(
            "%s: Slack could not be notified either; it will be when the database is back: %s",
            failure.name,
            error_in_words(error),
        )
        return None
    return "slack"
