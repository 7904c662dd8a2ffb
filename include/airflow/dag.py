"""What every DAG of this project has in common."""

import re
from datetime import timedelta
from typing import Any

from include.airflow.callbacks import (
    report_run_failure,
    report_task_failure,
    report_task_retry,
    report_task_success,
)
from include.airflow.forms import PAGES
from include.airflow.freeze import before_task
from include.alerts import Severity
from include.freeze import FreezeGroup
from include.telemetry import ErrorType

# The tasks that look, judge and notify go first when a worker is free.
WATCHER_PRIORITY = 100
NAMED_DOCUMENT = re.compile(r"`docs/([\w/-]+)\.md`")


def explained(doc: str | None) -> dict[str, str]:
    """Arguments for `@dag`: its doc, and the heading that begins it as description, for lists of DAGs.

    A page of docs/ that the doc names becomes a link to where this Airflow serves it.
    """
    if not doc or not doc.startswith("### "):
        raise ValueError("a DAG's doc begins with a heading, `### What it does`")
    linked = NAMED_DOCUMENT.sub(rf"[\g<0>]({PAGES}/docs/\1)", doc)
    return {"doc_md": linked, "description": doc.splitlines()[0].removeprefix("### ")}


def dag_defaults(
    *,
    owner: str,
    next_step: str,
    area: ErrorType,
    freezes_with: FreezeGroup | None,
    severity: Severity = "warning",
    watches: bool = False,
) -> dict[str, Any]:
    """Arguments for `@dag`: retries with growing delays, a timeout on each task, failures that are reported.

    `next_step` is what a failure message says under "What happens next". `severity` says how soon people are
    notified: critical at once, warning within 15 minutes, info in the daily digest; a row in
    `atge_error_logs` is as bad (critical, high, medium). `area` is where a run that fails as a whole is
    counted; each task states its own. `freezes_with` is the group of DAGs with which this one begins nothing
    new while a freeze holds (docs/freeze.md); None: it goes on. `watches`: the DAG looks after others, which
    are reported first while the database is away.
    """
    return {
        "catchup": False,
        "on_failure_callback": report_run_failure(next_step, severity, area=area, watches=watches),
        "default_args": {
            "owner": owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=15),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=2),
            "execution_timeout": timedelta(minutes=10),
            "pre_execute": before_task(freezes_with),
            "on_failure_callback": report_task_failure(next_step, severity, watches=watches),
            "on_retry_callback": report_task_retry(next_step),
            "on_success_callback": report_task_success,
            "on_skipped_callback": report_task_success,  # it ran, and found nothing to do
        },
    }
