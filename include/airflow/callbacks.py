"""Callbacks of DAGs and tasks: what fails becomes a row and a notice, what is critical is told at once.

A task's ordinary failure is reported by its worker; a killed worker's task and a run by the DAG processor,
where the context holds no exception.
"""

import hashlib
import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from include.airflow.areas import area_of
from include.airflow.forms import Critical, FormRefused
from include.airflow.platform import open_database, run_url
from include.alerts import KILLED, Failure, Severity
from include.alerts.failures import keep_failure, keep_retry, record_failure, record_retry, record_success
from include.database import DatabaseError
from include.telemetry import ErrorType, Spool, error_in_words, redact, spool_folder

logger = logging.getLogger(__name__)

CALLBACK_TIME_LIMIT = timedelta(
    seconds=20
)  # that a callback spends on messages; deliver_alerts sends the rest
CALLBACK_MESSAGES = 5
TASK_FAILED = "task_failure"  # Airflow's reason of a run that failed with its tasks

Context = Mapping[str, Any]


def report_task_failure(
    next_step: str, severity: Severity = "warning", *, watches: bool = False
) -> Callable[[Context], None]:
    """Make an `on_failure_callback` for tasks. `next_step` tells what happens now, or what to do.

    `watches`: the task looks after others; without the database those are told of first.
    """

    def report(context: Context) -> None:
        report_failure(_task_failure(context, next_step, severity, watches))

    return report


def report_task_retry(next_step: str) -> Callable[[Context], None]:
    """Make an `on_retry_callback` for tasks: a row, and no message, for the next try may heal it."""

    def report(context: Context) -> None:
        failure = _task_failure(context, next_step, "info")
        try:
            with open_database("retry-callback", measured=False) as engine:
                record_retry(engine, failure)
        except Exception as error:
            _say_kept(failure, error)
            keep_retry(Spool(spool_folder()), failure)
        _say_last(failure)

    return report


def report_task_success(context: Context) -> None:
    """As `on_success_callback` and `on_skipped_callback` for tasks: earlier failures of it are healed."""
    instance = context["ti"]
    with open_database("success-callback", measured=False) as engine:
        record_success(
            engine,
            dag_id=instance.dag_id,
            task_id=instance.task_id,
            run_id=instance.run_id,
            map_index=_map_index(instance),
            try_number=instance.try_number,
            started_at=instance.start_date or datetime.now(UTC),
            url=_task_url(instance),
            job=_job(context),
        )


def report_run_success(context: Context) -> None:
    """As `on_success_callback` for a DAG with a deadline: that the run was late is healed."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    with open_database("success-callback", measured=False) as engine:
        record_success(
            engine,
            dag_id=dag_id,
            task_id=None,
            run_id=run_id,
            started_at=datetime.now(UTC),
            url=run_url(dag_id, run_id),
            job=_job(context),
        )


def report_run_failure(
    next_step: str, severity: Severity = "warning", *, area: ErrorType = "backtesting", watches: bool = False
) -> Callable[[Context], None]:
    """Make an `on_failure_callback` for a DAG: told only when no task of the run was told before."""

    def report(context: Context) -> None:
        failure = _run_failure(context, next_step, severity, area, watches)
        report_failure(failure, notified_by_task=context.get("reason") == TASK_FAILED)

    return report


def _task_failure(context: Context, next_step: str, severity: Severity, watches: bool = False) -> Failure:
    instance = context["ti"]
    error = context.get("exception")
    refused = isinstance(error, FormRefused) and not _by_schedule(context)
    if isinstance(error, Critical):
        severity = "critical"
    if isinstance(error, BaseException):
        message = "".join(traceback.format_exception_only(error)).strip()
        stack = "".join(traceback.format_exception(error))
    else:
        message = str(error or KILLED)
        stack = None
    return Failure(
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=_map_index(instance),
        try_number=instance.try_number,
        owner=context["task"].owner,
        error=message,
        stack=stack,
        url=_task_url(instance),
        next_step=next_step,
        severity="info" if refused else severity,
        area=area_of(context["task"]) or "backtesting",
        raised=error if isinstance(error, BaseException) else None,
        refused=refused,
        job=_job(context),
        watches=watches,
    )


def _run_failure(
    context: Context, next_step: str, severity: Severity, area: ErrorType, watches: bool
) -> Failure:
    dag = context["dag"]
    run_id = context["run_id"]
    return Failure(
        dag_id=dag.dag_id,
        run_id=run_id,
        owner=dag.owner,
        error=f"the run failed: {context.get('reason') or 'Airflow gives no reason'}",
        url=run_url(dag.dag_id, run_id),
        next_step=next_step,
        severity=severity,
        area=area,
        job=_job(context),
        watches=watches,
    )


def _by_schedule(context: Context) -> bool:
    """Whether nobody has filled in a form: what is refused then is a fault of the platform's."""
    return getattr(context.get("dag_run"), "run_type", None) == "scheduled"


def _job(context: Context) -> str:
    """Tells runs apart that were asked for different things; empty for a DAG without a form."""
    params = dict(context.get("params") or {})
    if not params:
        return ""
    asked = json.dumps(params, sort_keys=True, default=str)
    return hashlib.md5(asked.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:12]


def _map_index(instance: Any) -> int:
    return -1 if instance.map_index is None else int(instance.map_index)


def _task_url(instance: Any) -> str:
    index = _map_index(instance)
    mapped = f"/mapped/{index}" if index >= 0 else ""
    task = f"/tasks/{quote(instance.task_id, safe='')}{mapped}?try_number={instance.try_number}"
    return run_url(instance.dag_id, instance.run_id) + task


def report_failure(failure: Failure, *, notified_by_task: bool = False) -> None:
    """Write row and notice; tell at once what is critical. The log ends with what has failed, in one line.

    `notified_by_task`: a run that failed because a task did, which was told, or is kept, on its own.
    """
    try:
        with open_database("failure-callback", measured=False) as engine:
            news = record_failure(engine, failure)
            if news and failure.severity == "critical":
                _notify(engine, failure)
    except Exception as error:
        _say_kept(failure, error)
        told = None if notified_by_task else _notify_without_database(failure)
        keep_failure(Spool(spool_folder()), failure, told=told)
    _say_last(failure)


def _say_kept(failure: Failure, error: Exception) -> None:
    """Say that the row is kept on disk. A traceback says nothing more where the database is away."""
    if isinstance(error, DatabaseError | SQLAlchemyError):
        logger.warning(
            "%s: its row is kept on disk until the database is back: %s", failure.name, error_in_words(error)
        )
    else:
        logger.exception("%s: its row could not be written, it is kept on disk", failure.name)


def _say_last(failure: Failure) -> None:
    """Say once more what has failed: people open the log at its end."""
    logger.error("%s: %s", failure.name, redact(failure.error))


def _notify(engine: Any, failure: Failure) -> None:
    """Send what is due now; what goes wrong here is left for deliver_alerts, for the notice is written."""
    from include.airflow.channels import open_channels, settings_of_alerts
    from include.alerts.delivery import deliver

    try:
        settings, _ = settings_of_alerts()
        with open_channels(engine) as open_channel:
            done = deliver(
                engine, open_channel, settings, limit=CALLBACK_MESSAGES, time_limit=CALLBACK_TIME_LIMIT
            )
        for channel, why in done.not_sent.items():
            logger.error("%s: %s could not be told, deliver_alerts will: %s", failure.name, channel, why)
    except Exception:
        logger.exception("%s: could not be told at once, deliver_alerts will tell it", failure.name)


def _notify_without_database(failure: Failure) -> str | None:
    """Tell Slack of a critical failure, once a cause; give the channel that was told."""
    from include.airflow.channels import notify_slack_of
    from include.alerts.slack_fallback import may_notify_slack

    if failure.severity != "critical":
        return None
    if not may_notify_slack(spool_folder(), failure.cause.fingerprint, after_others=failure.watches):
        return None
    try:
        notify_slack_of(failure)
    except Exception as error:
        logger.warning(
            "%s: Slack could not be told either; it will be when the database is back: %s",
            failure.name,
            error_in_words(error),
        )
        return None
    return "slack"
