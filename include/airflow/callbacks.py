"""Callbacks of DAGs and tasks: what fails becomes a row and a notice, what is critical is sent at once.

A task's ordinary failure is reported by its worker; a killed worker's task and a run by the DAG processor,
where the context holds no exception.
"""

import hashlib
import json
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from include.airflow.connections import (
    load_settings_or_defaults,
    open_database,
    read_connection_if_any,
    run_url,
)
from include.airflow.forms import CriticalError, FormRefusedError
from include.airflow.freeze import was_frozen
from include.airflow.task import facts_of
from include.alerts import Failure, Severity, WorkerLostError
from include.alerts.failures import record_success
from include.alerts.reporting import Platform, report_failure, report_retry
from include.freeze import find_freeze
from include.telemetry import ErrorType

TASK_FAILED = "task_failure"  # Airflow's reason of a run that failed with its tasks

Context = Mapping[str, Any]

PLATFORM = Platform(
    open_database=lambda purpose: open_database(purpose, measured=False),
    load_settings=lambda: load_settings_or_defaults()[0],
    read_connection=read_connection_if_any,
)


def report_task_failure(
    next_step: str, severity: Severity = "warning", *, watches: bool = False
) -> Callable[[Context], None]:
    """Make an `on_failure_callback` for tasks. `next_step` tells what happens now, or what to do.

    `watches`: the task looks after others; without the database those are reported first.
    """

    def report(context: Context) -> None:
        report_failure(PLATFORM, _task_failure(context, next_step, severity, watches))

    return report


def report_task_retry(next_step: str) -> Callable[[Context], None]:
    """Make an `on_retry_callback` for tasks: a row, and no message, for the next try may heal it."""

    def report(context: Context) -> None:
        report_retry(PLATFORM, _task_failure(context, next_step, "info"))

    return report


def report_task_success(context: Context) -> None:
    """As `on_success_callback` and `on_skipped_callback` for tasks: earlier failures of it are healed.

    A task that a freeze has skipped has shown nothing.
    """
    if was_frozen(context):
        return
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
    """As `on_success_callback` for a DAG with a deadline: that the run was late is healed.

    While a freeze holds it may have done nothing, so a later run says it.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    with open_database("success-callback", measured=False) as engine:
        with engine.connect() as connection:
            if find_freeze(connection) is not None:
                return
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
    """Make an `on_failure_callback` for a DAG: reported only when no task of the run was reported before."""

    def report(context: Context) -> None:
        failure = _run_failure(context, next_step, severity, area, watches)
        report_failure(PLATFORM, failure, notified_by_task=context.get("reason") == TASK_FAILED)

    return report


def _task_failure(context: Context, next_step: str, severity: Severity, watches: bool = False) -> Failure:
    instance = context["ti"]
    error = context.get("exception")
    refused = isinstance(error, FormRefusedError) and not _by_schedule(context)
    if isinstance(error, CriticalError):
        severity = "critical"
    if isinstance(error, BaseException):
        message = "".join(traceback.format_exception_only(error)).strip()
        stack = "".join(traceback.format_exception(error))
    else:
        error = error or WorkerLostError()
        message, stack = str(error), None
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
        area=facts.area if (facts := facts_of(context["task"])) else "backtesting",
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
