"""Failure callbacks for DAGs and tasks: a row in `atge_error_logs`, then one Slack message.

A task's ordinary failure is reported by its worker; a killed worker's task and a run by the DAG processor,
where the context holds no exception. Each report is built afresh (a shared notifier repeats its first text).
"""

import logging
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from include.airflow.platform import open_database, run_url
from include.alerts import Failure, note_delivery, record_failure, slack_message

logger = logging.getLogger(__name__)

SLACK_CONNECTION = "slack_alerts"
SLACK_TIMEOUT = 10  # seconds
SLACK_RETRIES = 2

Context = Mapping[str, Any]


def report_task_failure(next_step: str) -> Callable[[Context], None]:
    """Make an `on_failure_callback` for tasks. `next_step` tells what happens now, or what to do."""

    def report(context: Context) -> None:
        report_failure(_task_failure(context, next_step))

    return report


def report_run_failure(next_step: str) -> Callable[[Context], None]:
    """Make an `on_failure_callback` for a DAG: told only when no task of the run was told before."""

    def report(context: Context) -> None:
        report_failure(_run_failure(context, next_step))

    return report


def _task_failure(context: Context, next_step: str) -> Failure:
    instance = context["ti"]
    error = context.get("exception")
    if isinstance(error, BaseException):
        words = "".join(traceback.format_exception_only(error)).strip()
        stack = "".join(traceback.format_exception(error))
    else:
        words = str(error or "the worker stopped without a word: killed, out of memory, or cut off")
        stack = None
    return Failure(
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=-1 if instance.map_index is None else instance.map_index,
        try_number=instance.try_number,
        owner=context["task"].owner,
        error=words,
        stack=stack,
        url=run_url(instance.dag_id, instance.run_id) + _task_path(instance),
        next_step=next_step,
    )


def _run_failure(context: Context, next_step: str) -> Failure:
    dag = context["dag"]
    run_id = context["run_id"]
    return Failure(
        dag_id=dag.dag_id,
        run_id=run_id,
        owner=dag.owner,
        error=f"the run failed: {context.get('reason') or 'Airflow gives no reason'}",
        url=run_url(dag.dag_id, run_id),
        next_step=next_step,
    )


def _task_path(instance: Any) -> str:
    index = instance.map_index
    mapped = f"/mapped/{index}" if index is not None and index >= 0 else ""
    return f"/tasks/{quote(instance.task_id, safe='')}{mapped}?try_number={instance.try_number}"


def report_failure(failure: Failure) -> None:
    """Write the row, then send the message if it is news. Raises what kept the message: Airflow logs it."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(open_database("failure-callback"))
            news = record_failure(engine, failure)
        except Exception:
            # Without a row nobody remembers what was told. Better told twice than not at all.
            logger.exception("%s: its row in atge_error_logs could not be written", failure.name)
            _send(failure)
            return
        if not news:
            logger.info("%s: told before, no further message", failure.name)
            return
        try:
            _send(failure)
        except Exception as error:
            note_delivery(engine, failure, f"not sent: {error}")
            raise
        note_delivery(engine, failure, "sent")


def _send(failure: Failure) -> None:
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
    from slack_sdk.http_retry.builtin_handlers import (
        ConnectionErrorRetryHandler,
        RateLimitErrorRetryHandler,
        ServerErrorRetryHandler,
    )

    hook = SlackWebhookHook(
        slack_webhook_conn_id=SLACK_CONNECTION,
        timeout=SLACK_TIMEOUT,
        retry_handlers=[
            ConnectionErrorRetryHandler(max_retry_count=SLACK_RETRIES),
            RateLimitErrorRetryHandler(max_retry_count=SLACK_RETRIES),
            ServerErrorRetryHandler(max_retry_count=SLACK_RETRIES),
        ],
    )
    hook.send_dict(slack_message(failure))
