"""What every DAG of this project has in common."""

from datetime import timedelta
from typing import Any

from include.airflow.callbacks import report_run_failure, report_task_failure


def dag_defaults(*, owner: str, next_step: str) -> dict[str, Any]:
    """Arguments for `@dag`: retries with growing delays, a timeout on each task, and failures that are told.

    `next_step` is what a failure message says under "What happens next".
    """
    return {
        "catchup": False,
        "on_failure_callback": report_run_failure(next_step),
        "default_args": {
            "owner": owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=15),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=2),
            "execution_timeout": timedelta(minutes=10),
            "on_failure_callback": report_task_failure(next_step),
        },
    }
