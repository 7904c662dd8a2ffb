"""Callbacks of DAGs and tasks: what fails becomes a row and a notice, what is critical is told at once.

A task's ordinary failure is reported by its worker; a killed worker's task and a run by the DAG processor,
where the context holds no exception.
"""

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from include.airflow.platform import open_database, run_url
from include.alerts import (
    KILLED,
    Failure,
    Severity,
    keep_failure,
    keep_retry,
    record_failure,
    record_retry,
    record_success,
)
from include.telemetry import Spool, spool_folder

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=20)  # that a callback spends on messages; deliver_alerts sends the rest
MESSAGES = 5

Context = Mapping[str, Any]


def report_task_failure(next_step: str, severity: Severity = "warning") -> Callable[[Context], None]:
    """Make an `on_failure_callback` for tasks. `next_step` tells what happens now, or what to do."""

    def report(context: Context) -> None:
        report_failure(_task_failure(context, next_step, severity))

    return report


def report_task_retry(next_step: str) -> Callable[[Context], None]:
    """Make an `on_retry_callback` for tasks: a row, and no message, for the next try may heal it."""

    def report(context: Context) -> None:
        failure = _task_failure(context, next_step, "info")
        try:
            with open_database("retry-callback") as engine:
                record_retry(engine, failure)
        except Exception:
            logger.exception("%s: its row is kept on disk until the database is back", failure.name)
            keep_retry(Spool(spool_folder()), failure)

    return report


def report_task_success(context: Context) -> None:
    """As `on_success_callback` for tasks: earlier failures of the task are healed."""
    instance = context["ti"]
    with open_database("success-callback") as engine:
        record_success(
            engine,
            dag_id=instance.dag_id,
            task_id=instance.task_id,
            run_id=instance.run_id,
            map_index=_map_index(instance),
            try_number=instance.try_number,
            started_at=instance.start_date or datetime.now(UTC),
            url=_task_url(instance),
        )


def report_run_failure(next_step: str, severity: Severity = "warning") -> Callable[[Context], None]:
    """Make an `on_failure_callback` for a DAG: told only when no task of the run was told before."""

    def report(context: Context) -> None:
        report_failure(_run_failure(context, next_step, severity))

    return report


def _task_failure(context: Context, next_step: str, severity: Severity) -> Failure:
    instance = context["ti"]
    error = context.get("exception")
    if isinstance(error, BaseException):
        words = "".join(traceback.format_exception_only(error)).strip()
        stack = "".join(traceback.format_exception(error))
    else:
        words = str(error or KILLED)
        stack = None
    return Failure(
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=_map_index(instance),
        try_number=instance.try_number,
        owner=context["task"].owner,
        error=words,
        stack=stack,
        url=_task_url(instance),
        next_step=next_step,
        severity=severity,
    )


def _run_failure(context: Context, next_step: str, severity: Severity) -> Failure:
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
    )


def _map_index(instance: Any) -> int:
    return -1 if instance.map_index is None else int(instance.map_index)


def _task_url(instance: Any) -> str:
    index = _map_index(instance)
    mapped = f"/mapped/{index}" if index >= 0 else ""
    task = f"/tasks/{quote(instance.task_id, safe='')}{mapped}?try_number={instance.try_number}"
    return run_url(instance.dag_id, instance.run_id) + task


def report_failure(failure: Failure) -> None:
    """Write row and notice; tell at once what is critical. What raises in here, Airflow logs."""
    try:
        with open_database("failure-callback") as engine:
            news = record_failure(engine, failure)
            if news and failure.severity == "critical":
                _tell(engine, failure)
    except Exception:
        logger.exception("%s: its row could not be written, it is kept on disk", failure.name)
        keep_failure(Spool(spool_folder()), failure, told=_tell_without_database(failure))


def _tell(engine: Any, failure: Failure) -> None:
    """Send what is due now; what goes wrong here is left for deliver_alerts, for the notice is written."""
    from include.airflow.channels import open_channels, settings_of_alerts
    from include.alerts import deliver

    try:
        settings, _ = settings_of_alerts()
        with open_channels(engine) as open_channel:
            done = deliver(engine, open_channel, settings, limit=MESSAGES, patience=PATIENCE)
        for channel, why in done.not_sent.items():
            logger.error("%s: %s could not be told, deliver_alerts will: %s", failure.name, channel, why)
    except Exception:
        logger.exception("%s: could not be told at once, deliver_alerts will tell it", failure.name)


def _tell_without_database(failure: Failure) -> str | None:
    """Tell Slack of a critical failure, once a cause; give the channel that was told."""
    from include.airflow.channels import tell_slack_of
    from include.alerts import may_tell_directly

    if failure.severity != "critical" or not may_tell_directly(spool_folder(), failure.cause.fingerprint):
        return None
    try:
        tell_slack_of(failure)
    except Exception:
        logger.exception(
            "%s: Slack could not be told either; it will be when the database is back", failure.name
        )
        return None
    return "slack"
