"""The sweep's deadline: one alert for a run that has not finished in time, whatever keeps it.

The scheduler notices the miss and the triggerer runs the callback, so that it needs no free worker: the sweep
may be waiting for one. (A SyncCallback runs in a worker, where Airflow 3.3.2 lets it read neither connections
nor variables.) Only what the schedule has made in time can be late: a run by hand, a backfill, and the run
that a starting stack makes for a time that has passed have a deadline in Airflow's books as well, and nobody
waited for them. That trades wait all the same, the alert rule sweep_stalled says.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psutil
from airflow.sdk import (  # type: ignore[attr-defined]  # Airflow's own stub lacks them
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
)

from include.airflow.callbacks import PLATFORM
from include.airflow.connections import open_database, run_url
from include.alerts.late_runs import excuse_of, late_failure, time_of
from include.alerts.reporting import report_failure

if TYPE_CHECKING:
    from include.freeze import Freeze

logger = logging.getLogger(__name__)


def finish_within(interval: timedelta, *, owner: str, next_step: str) -> DeadlineAlert:
    """Make the `deadline` of a DAG that settles trades: `interval` after each run was due.

    A run that is queued and never started is late too. `owner` and `next_step` are for the message.
    """
    return DeadlineAlert(
        name=f"finished {interval} after it was due",
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=interval,
        callback=AsyncCallback(report_late_sweep, kwargs={"owner": owner, "next_step": next_step}),
    )


async def report_late_sweep(context: Mapping[str, Any], owner: str, next_step: str) -> None:
    """Report that a run missed its deadline, unless it had ended by then; Airflow's triggerer calls this.

    A failed run keeps its deadline (only success takes it away), so its end decides. Called again, after a
    restart of the triggerer, it finds its row in `atge_error_logs` and reports nothing.
    """
    run, deadline = context["dag_run"], time_of(context["deadline"]["deadline_time"])
    if run["end_date"] is not None and time_of(run["end_date"]) <= deadline:
        logger.info("%s ended in time, as %s: nothing to report", run["dag_run_id"], run["state"])
        return
    began = datetime.fromtimestamp(psutil.Process(os.getpid()).create_time(), UTC)
    freezes = await asyncio.to_thread(_read_freezes)
    if why := excuse_of(run, began, freezes):
        logger.info("%s is not late: %s", run["dag_run_id"], why)
        return
    # The database and Slack are asked in a thread: the triggerer has other triggers to attend to.
    await asyncio.to_thread(_report, run, deadline, owner, next_step)


def _read_freezes() -> "list[Freeze]":
    from include.freeze import read_freezes

    try:
        with open_database("deadline") as engine, engine.connect() as connection:
            return read_freezes(connection, limit=5)
    except Exception:
        # As below: the alert matters more.
        logger.exception("whether a freeze held could not be read")
        return []


def _report(run: Mapping[str, Any], deadline: datetime, owner: str, next_step: str) -> None:
    url = run_url(run["dag_id"], run["dag_run_id"])
    failure = late_failure(run, deadline, waiting=_count_waiting(), owner=owner, url=url, next_step=next_step)
    report_failure(PLATFORM, failure)


def _count_waiting() -> int | Exception:
    from include.trades.claim import count_waiting

    try:
        with open_database("deadline") as engine:
            return count_waiting(engine)
    except Exception as error:
        # The alert matters more than its number; report_failure copes with a database that is away.
        logger.exception("the waiting trades could not be counted")
        return error
